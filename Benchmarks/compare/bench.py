"""What the cases share: servers, the generator, and the figures of all rounds."""
import dataclasses, os, statistics, sys

from .generator import Load, faults_of
from .redis import Redis
from .servers import Floor, Node, Server, UWebSockets

MANIFESTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "manifests")


@dataclasses.dataclass(frozen=True)
class Target:
    """What a figure has to be: of the node alone, or as a multiple of what is beside it or of the case's first one."""
    kind: str  # "most", "least", "ratio", "share", "growth"
    value: float
    beside: str = "floor"

    def is_met(self, node: float, ratio: float | None) -> bool:
        if self.kind in ("ratio", "growth"):
            return ratio is not None and ratio <= self.value
        if self.kind == "share":
            return ratio is not None and ratio >= self.value
        return node >= self.value if self.kind == "least" else node <= self.value

    def __str__(self):
        return {"most": "at most {:,g}", "least": "at least {:,g}", "ratio": "{:g} x " + self.beside,
                "share": "at least {:g} x " + self.beside, "growth": "{:g} x first"}[self.kind].format(self.value)


def at_most(value: float) -> Target:
    return Target("most", value)


def at_least(value: float) -> Target:
    return Target("least", value)


def times_first(value: float) -> Target:
    return Target("growth", value)


def times_floor(value: float) -> Target:
    return Target("ratio", value)


def times(value: float, beside: str) -> Target:
    return Target("ratio", value, beside)


def share(value: float, beside: str) -> Target:
    """At least so much of what is beside it."""
    return Target("share", value, beside)


@dataclasses.dataclass
class Figure:
    """A line of the table, with the values of all rounds."""
    case: str
    title: str
    digits: int
    target: Target | None
    first: "Figure | None" = None  # the one from which growth is measured
    node: list[float] = dataclasses.field(default_factory=list)
    floor: list[float] = dataclasses.field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Node to floor, of each round."""
        return [node / floor for node, floor in zip(self.node, self.floor) if floor]

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def growth(self) -> float | None:
        """The ratio to the floor, by that of the first figure: so the machine's drift is not in it."""
        return self.ratio / self.first.ratio if self.first and self.ratio and self.first.ratio else None

    @property
    def is_met(self) -> bool | None:
        if self.target is None:
            return None
        ratio = self.growth if self.target.kind == "growth" else self.ratio
        return self.target.is_met(statistics.median(self.node), ratio)


@dataclasses.dataclass
class Settings:
    quick: bool
    freeimd: str
    floor: str
    wsload: str
    folder: str
    redis_port: int
    uwebsockets: str  # "": there is none
    pin_server: list[str]
    pin_both: list[str]  # empty where there are no two cores
    pin_load: list[str]


class Bench:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.redis = Redis(settings.redis_port)
        self.redis_pid = int(self.redis.info("server")["process_id"])
        self.figures: dict[str, Figure] = {}
        self.faults: list[str] = []
        self.left_out: list[str] = []
        self.runs: list[dict] = []  # what the generator has reported
        self.case = ""

    def record(
            self, title: str, node: float, floor: float | None = None, digits=2, target: Target | None = None,
            first: Figure | None = None) -> Figure:
        """One round's value of a figure."""
        figure = self.figures.setdefault(f"{self.case}: {title}", Figure(self.case, title, digits, target, first))
        figure.node.append(node)
        if floor is not None:
            figure.floor.append(floor)
        return figure

    def fault(self, text: str):
        self.faults.append(text)
        say("FAULT: " + text)

    def leave_out(self, text: str):
        """Said below the table: what this run does not tell."""
        if text not in self.left_out:
            self.left_out.append(text)
            say("left out: " + text)

    def node(self, manifest="suite", heartbeat=30, loops=1, empties=True) -> Node:
        """A node on a core for each of its loops."""
        if empties:
            self.redis.call("FLUSHALL")
        settings = self.settings
        return Node(
            settings.pin_server if loops == 1 else settings.pin_both, settings.freeimd,
            os.path.join(MANIFESTS, manifest + ".yaml"),
            os.path.join(settings.folder, "suite.node.log"), self.redis if manifest == "suite" else None, heartbeat, loops)

    def floor(self, loops=1) -> Floor:
        settings = self.settings
        return Floor(
            settings.pin_server if loops == 1 else settings.pin_both, settings.floor,
            os.path.join(settings.folder, "suite.floor.log"), self.redis, loops)

    def uwebsockets(self) -> UWebSockets:
        settings = self.settings
        return UWebSockets(
            settings.pin_server, settings.uwebsockets, os.path.join(settings.folder, "suite.uwebsockets.log"), self.redis)

    def phase(self, kind: str, value: float) -> list[str]:
        warm_up, window = (0.3, 1) if self.settings.quick else (1, 4)
        return ["--phase", f"{kind}:{value:g}:{warm_up}:{window}"]

    def to_redis(self, server: Server, body: str) -> list[str]:
        """The generator publishes this body to a server's channel of Redis."""
        return ["--pub", f"redis:127.0.0.1:{self.redis.port}", "--pub-chan", server.channel, "--pub-body", body]

    def load(self, server: Server, count: int, *options, path="", waits=False, settle: float | None = None) -> Load:
        """Connects the clients 1 to `count`."""
        settings = self.settings
        if settle is None:
            settle = 0.3 if settings.quick else 1
        arguments = [
            "-n", count, "--first", 1, "--port", server.port, "--path", path or server.path, "--settle", settle,
            "--pids", f"server:{server.pid}", "--pids", f"redis:{self.redis_pid}", *options]
        return Load([*settings.pin_load, settings.wsload], settings.folder, arguments, waits)

    def finish(self, load: Load, what: str) -> dict:
        result = load.finish()
        take_servers_share(result)
        self.runs.append({"case": self.case, "run": what, **result})
        for fault in faults_of(result):
            self.fault(f"{self.case}, {what}: {fault}")
        return result

    def in_channel(self, server: Server, count: int, phases: list[str], total=0, others=(), size=128) -> list[dict]:
        """The phases of messages to a channel of `count` clients, out of `total`; `others` are further members of others."""
        with self.load(
                server, total or count, *self.to_redis(server, server.to_channel("room")), "--target", "one",
                "--fan", count, "--size", size, *phases, waits=True) as load:
            load.await_ready()
            if isinstance(server, Node):
                self.redis.join((client, "room") for client in range(1, count + 1))
                self.redis.join(others)
            server.settle()
            load.go()
            return self.finish(load, f"{type(server).__name__.lower()}, {count:,} subscribers")["phases"]


def take_servers_share(result: dict):
    """The generator's figures are those of all processes that it watches; Redis is not the server's part."""
    connecting = result["processes"]["server"]["connect_cpu"]
    result["us_per_connect"] = connecting * 1e6 / max(result["connected"], 1)
    for phase in result["phases"]:
        phase["us_per_delivery"] = phase["cpu"]["server"] * 1e6 / max(phase["deliveries"], 1)


def say(text: str):
    print(text, file=sys.stderr, flush=True)
