"""The servers that are measured: a node and the floor, each a process of its own on the first core."""
import http.client, json, os, signal, socket, subprocess, time

from .redis import PREFIX, Redis

TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_condition(what: str, seconds: float, condition, interval=0.02):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds:g} s")
        time.sleep(interval)


class Server:
    """A process that listens. Ends with its `with`, at once: what it kept in Redis is flushed before the next one."""

    def __init__(self, command: list[str], log: str, environment: dict[str, str] | None = None):
        self.command, self.log = command, log
        self.environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen | None = None

    port: int
    path: str
    channel: str
    to_one: str
    started_in: float  # seconds

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)

    def start(self):
        begin = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=self.environment)
        try:
            await_condition("the server's start", 15, self.is_ready, interval=0.005)
            self.started_in = time.monotonic() - begin
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def stop(self, number=signal.SIGTERM):
        if self.process:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def listens(self, port: int) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the server has ended, see {self.log}")
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            return False

    def is_ready(self) -> bool:
        return self.listens(self.port)

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu(self) -> float:
        """User and system time so far, in seconds."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_kb(self) -> int:
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Rss:"))

    def waiting(self) -> float:
        """For how long its threads have waited for a core so far, in seconds."""
        folder, waited = f"/proc/{self.pid}/task", 0
        for thread in os.listdir(folder):
            try:
                with open(f"{folder}/{thread}/schedstat") as file:
                    waited += int(file.read().split()[1])
            except OSError:  # it has ended
                pass
        return waited / 1e9

    def settle(self, longest=30.0):
        """Until it has worked off what it was given: less than 4 % of a core for half a second, while it could have more."""
        end, quiet, before, waited_before = time.monotonic() + longest, 0, self.cpu(), self.waiting()
        while quiet < 2 and time.monotonic() < end:
            time.sleep(0.25)
            now, waited = self.cpu(), self.waiting()
            quiet = quiet + 1 if now - before <= 0.01 and waited - waited_before <= 0.05 else 0
            before, waited_before = now, waited


class Node(Server):
    path = "/ws?client={i}"
    to_one = '{"Item1":0,"Item2":[{i}],"Item3":"{p}","Item4":false}'

    def __init__(self, pin, program: str, manifest: str, log: str, redis: Redis | None, heartbeat: int, loops: int):
        self.port, self.api_port, self.redis = free_port(), free_port(), redis
        self.channel = f"{PREFIX}Server127.0.0.1:{self.port}"
        super().__init__([*pin, program, "run", "-c", manifest], log, {
            "FREEIM_BENCH_PORT": str(self.port), "FREEIM_BENCH_API_PORT": str(self.api_port),
            "FREEIM_BENCH_REDIS": str(redis.port if redis else 0), "FREEIM_BENCH_LOOPS": str(loops),
            "FREEIM_BENCH_HEARTBEAT": f"{heartbeat}s",
            # Beyond half of the interval a terminal would be pinged less often.
            "FREEIM_BENCH_PONG": f"{heartbeat // 2}s"})

    def is_ready(self):
        if not self.listens(self.api_port):
            return False
        api = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=5)
        try:
            api.request("GET", "/health/ready")
            return api.getresponse().status == 200 and self.listens(self.port)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            api.close()

    def to_channel(self, name: str) -> str:
        return f'__FreeIM__(ChanMessage){{"Item1":0,"Item2":"{name}","Item3":"{{p}}"}}'

    def make_tokens(self, count: int) -> list[str]:
        """Tokens for the clients 1 to `count` from the node's API, in their order."""
        api, tokens = http.client.HTTPConnection("127.0.0.1", self.api_port), []
        api.connect()
        api.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for client in range(1, count + 1):
            api.request("POST", "/v1/connect-url", json.dumps({"client": client}))
            url = json.load(api.getresponse())["url"]
            tokens.append(url.split("token=", 1)[1])
        api.close()
        return tokens


class Floor(Server):
    path = "/u/{i}"
    to_one = "P {i} {p}"

    def __init__(self, pin, program: str, log: str, redis: Redis, loops: int):
        self.port, self.redis, self.loops = free_port(), redis, loops
        self.channel = f"floor{self.port}"
        super().__init__([
            *pin, program, "--coalesce", "--port", str(self.port), "--pub-port", "0", "--loops", str(loops),
            "--redis", f"127.0.0.1:{redis.port}", "--redis-chan", self.channel], log)

    def is_ready(self):
        return self.listens(self.port) and self.redis.subscribers(self.channel) == self.loops

    def to_channel(self, _name: str) -> str:
        return "B {p}"


class UWebSockets(Server):
    """uWebSockets, where every client is a subscriber of its one topic."""
    path = "/"

    def __init__(self, pin, program: str, log: str, redis: Redis):
        self.port, self.redis = free_port(), redis
        self.channel = f"uwebsockets{self.port}"
        super().__init__([*pin, program, str(self.port), f"127.0.0.1:{redis.port}", self.channel], log)

    def is_ready(self):
        return self.listens(self.port) and self.redis.subscribers(self.channel) > 0

    def to_channel(self, _name: str) -> str:
        return "B {p}"
