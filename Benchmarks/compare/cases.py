"""The cases: each measures node and floor in turn, once per round."""
import os, time

from .bench import Bench, at_least, at_most, times, times_first, times_floor
from .mix import mix
from .scaling import loops, startup

IDLE = 15_000
ONE_TO_ONE = 10_000
TOKENS = 10_000


def idle(bench: Bench):
    heartbeat = 10 if bench.settings.quick else 30
    clients, further = range(1, IDLE + 1), ("third", "fourth", "fifth", "sixth")
    with bench.node(heartbeat=heartbeat) as node:
        node.settle()
        empty = node.resident_kb()
        begin = time.monotonic()
        with bench.load(node, IDLE, waits=True) as load:
            load.await_ready()
            connected = (begin + time.monotonic()) / 2
            bench.redis.join((client, channel) for channel in ("first", "second") for client in clients)
            node.settle()
            two = node.resident_kb()
            for name in further:
                bench.redis.join((client, name) for client in clients)
                node.settle()
            all_of_them = node.resident_kb()
            # Connections are pinged in one rush, as they have come: it must lie in the middle of the window.
            time.sleep((connected + heartbeat / 2 - time.monotonic()) % heartbeat)
            before = node.cpu()
            time.sleep(heartbeat)
            busy = (node.cpu() - before) / heartbeat
            load.go()
            bench.finish(load, "node")
    with bench.floor() as floor:
        floor_empty = floor.resident_kb()
        with bench.load(floor, IDLE, waits=True) as load:
            load.await_ready()
            floor_full = floor.resident_kb()
            load.go()
            bench.finish(load, "floor")
    what = f"{IDLE:,} idle connections, each in two channels"
    bench.record(f"{what}: kB resident each", (two - empty) / IDLE, (floor_full - floor_empty) / IDLE, target=at_most(4.5))
    bench.record(
        f"each in {len(further)} further channels: bytes per membership",
        (all_of_them - two) * 1024 / IDLE / len(further), digits=0, target=at_most(100))
    bench.record(f"their heartbeats, one in {heartbeat} s: CPU, % of a core", busy * 100, target=at_most(30 / heartbeat))


def channel(bench: Bench):
    for subscribers in (1_000, 10_000):
        phases = bench.phase("max", 16) + bench.phase("max", 1)
        with bench.node() as node:
            ours = bench.in_channel(node, subscribers, phases)
        with bench.floor() as floor:
            floors = bench.in_channel(floor, subscribers, phases)
        for in_flight, target, of_node, of_floor in zip((16, 1), (1.5, 1.25), ours, floors):
            bench.record(
                f"a channel of {subscribers:,}, {in_flight} in flight: CPU us per delivery",
                of_node["us_per_delivery"], of_floor["us_per_delivery"], digits=3, target=times_floor(target))
    beside_uwebsockets(bench)


def beside_uwebsockets(bench: Bench):
    if not bench.settings.uwebsockets:
        bench.leave_out("uWebSockets, which could not be had")
        return
    phases = bench.phase("max", 16)
    with bench.node() as node:
        [ours] = bench.in_channel(node, 1_000, phases)
    with bench.uwebsockets() as other:
        [others] = bench.in_channel(other, 1_000, phases)
    bench.record(
        "the first one again, beside uWebSockets instead of the floor", ours["us_per_delivery"], others["us_per_delivery"],
        digits=3, target=times(1, "uWebSockets"))


def direct(bench: Bench):
    def one_to_one(server):
        phases = bench.phase("max", 256) + bench.phase("rate", 2_000)
        with bench.load(server, ONE_TO_ONE, *bench.to_redis(server, server.to_one), "--target", "random", *phases) as load:
            return bench.finish(load, f"{type(server).__name__.lower()}, one to one")["phases"]

    with bench.node() as node:
        ours = one_to_one(node)
    with bench.floor() as floor:
        floors = one_to_one(floor)
    bench.record(
        f"one to one, {ONE_TO_ONE:,} clients, 256 in flight: CPU us per message",
        ours[0]["us_per_delivery"], floors[0]["us_per_delivery"], target=times_floor(1.4))
    latencies(bench, "one to one, 2,000 per s", ours[1], floors[1])

    with bench.node() as node:
        _, ours = bench.in_channel(node, 1_000, bench.phase("max", 16) + bench.phase("frac", 0.5))
    with bench.floor() as floor:  # at the node's rate
        [floors] = bench.in_channel(floor, 1_000, bench.phase("rate", ours["rate"]))
    latencies(bench, "a channel of 1,000 at half of the node's maximum", ours, floors)


def latencies(bench: Bench, what: str, ours: dict, floors: dict):
    for key in ("p50", "p99"):
        bench.record(f"{what}: {key}, us", ours["lat"][key], floors["lat"][key], digits=0, target=times_floor(1.3))


def token_file(bench: Bench, tokens: list[str]) -> list[str]:
    """The generator takes line i, modulo their number, for client i."""
    file = os.path.join(bench.settings.folder, "suite.tokens")
    with open(file, "w") as lines:
        lines.write("\n".join([tokens[-1], *tokens[:-1]]) + "\n")
    return ["--tokens", file]


def connect(bench: Bench):
    burst = ["--conc", 1_000]
    with bench.node("suite-memory") as node:
        tokens = token_file(bench, node.make_tokens(TOKENS))
        node.settle()
        with bench.load(node, TOKENS, *burst, *tokens, path="/ws?token={tok}") as load:
            memory = bench.finish(load, "node in memory")
    with bench.node() as node:
        tokens = token_file(bench, bench.redis.store_tokens(TOKENS))
        node.settle()
        reads, calls = bench.redis.reads(), bench.redis.calls()
        with bench.load(node, TOKENS, *burst, *tokens, path="/ws?token={tok}") as load:
            redis = bench.finish(load, "node on Redis")
        reads = bench.redis.reads() - reads
        calls = {name: count - calls.get(name, 0) for name, count in bench.redis.calls().items()}
    with bench.floor() as floor, bench.load(floor, TOKENS, *burst) as load:
        floors = bench.finish(load, "floor")
    floor_us = floors["us_per_connect"]
    bench.record("a token in memory: CPU us per connect", memory["us_per_connect"], floor_us, digits=1, target=at_most(120))
    bench.record(
        "token and presence in Redis: CPU us per connect", redis["us_per_connect"], floor_us, digits=1,
        target=at_most(150))
    per_1000 = 1_000 / TOKENS
    bench.record("Redis' reads from connections, per 1,000 connects", reads * per_1000, digits=0, target=at_most(30))
    bench.record("EVALSHA and EVAL, per 1,000 connects", (calls.get("evalsha", 0) + calls.get("eval", 0)) * per_1000, digits=0)
    bench.record("GETDEL, per 1,000 connects", calls.get("getdel", 0) * per_1000, digits=0)


def comeback(bench: Bench):
    def all_at_once(server, *options, path=""):
        to_some = [*bench.to_redis(server, server.to_one), "--target", "random", "--meanwhile", 1_000]
        with bench.load(server, IDLE, "--conc", IDLE, *options, *to_some, path=path) as load:
            return bench.finish(load, type(server).__name__.lower())

    def hold(server):
        return bench.load(server, IDLE, waits=True)

    with bench.node() as node:
        with hold(node) as before:
            before.await_ready()
            node.settle()
            node.stop()
        tokens = token_file(bench, bench.redis.store_tokens(IDLE))
        node.start()
        ours = all_at_once(node, *tokens, path="/ws?token={tok}")
    with bench.floor() as floor:
        floors = all_at_once(floor)
    what = f"{IDLE:,} come back at once after a restart"
    bench.record(f"{what}: connects per s", ours["connect_per_s"], floors["connect_per_s"], digits=0, target=at_least(6_000))
    bench.record(
        f"{what}: p99 of messages to those already in, ms", ours["meanwhile"]["lat"]["p99"] / 1e3,
        floors["meanwhile"]["lat"]["p99"] / 1e3, digits=1, target=at_most(100))


def large(bench: Bench):
    for size in (16, 64):
        phases = bench.phase("max", 4)
        with bench.node() as node:
            [ours] = bench.in_channel(node, 100, phases, size=size * 1024)
        with bench.floor() as floor:
            [floors] = bench.in_channel(floor, 100, phases, size=size * 1024)
        bench.record(
            f"messages of {size} KiB, a channel of 100, 4 in flight: CPU us per delivery",
            ours["us_per_delivery"], floors["us_per_delivery"], digits=1, target=times_floor(1.3))


def growth(bench: Bench):
    members, phases = 1_000, bench.phase("max", 16)

    def point(total: int, channels: int) -> tuple[float, float]:
        others = ((1 + number * members // channels, f"other{number}") for number in range(1, channels))
        with bench.node() as node:
            [ours] = bench.in_channel(node, members, phases, total=total, others=others)
        with bench.floor() as floor:  # for the machine's drift
            [floors] = bench.in_channel(floor, members, phases)
        return ours["us_per_delivery"], floors["us_per_delivery"]

    first = None
    for total, channels in ((1_000, 1), (5_000, 1), (19_000, 1), (1_000, 1_000), (1_000, 100_000)):
        ours, floors = point(total, channels)
        plural = "" if channels == 1 else "s"
        title = f"{total:,} connections, {channels:,} channel{plural}, 1,000 in this one: CPU us per delivery"
        figure = bench.record(
            title, ours, floors, digits=3, target=times_first(1.2) if first else None, first=first)
        first = first or figure


def api(bench: Bench):
    receivers = ",".join(map(str, range(1, ONE_TO_ONE + 1)))
    for manifest, bus in (("suite", "on Redis"), ("suite-memory", "in memory")):
        with bench.node(manifest) as node:
            def post(count, body, *options):
                http = ["--pub", f"http:127.0.0.1:{node.api_port}", "--pub-path", "/v1/messages", "--pub-body", body]
                with bench.load(node, count, *http, *options) as load:
                    return bench.finish(load, f"{bus}, {count:,} clients")["phases"][0]

            single = post(
                1_000, '{"to":[{i}],"text":"{p}"}', "--target", "random", "--pub-conns", 64, *bench.phase("max", 64))
            bulk = post(
                ONE_TO_ONE, f'{{"to":[{receivers}],"text":"{{p}}"}}', "--target", "one", "--pub-conns", 1,
                *bench.phase("max", 1))
        bench.record(
            f"HTTP API {bus}: requests with one message, per s", single["msgs_per_s"], digits=0,
            target=at_least(15_000))
        bench.record(f"HTTP API {bus}: CPU us per such request", single["us_per_delivery"], digits=1)
        what = f"HTTP API {bus}: 100,000 messages in requests with {ONE_TO_ONE:,} receivers"
        bench.record(f"{what}, s", 100_000 / max(bulk["deliv_per_s"], 1), digits=3)
        bench.record(f"{what}: CPU, s", bulk["us_per_delivery"] / 10, digits=3)


CASES = {
    "idle": idle, "channel": channel, "loops": loops, "direct": direct, "mix": mix, "connect": connect,
    "comeback": comeback, "large": large, "growth": growth, "api": api, "startup": startup,
}
