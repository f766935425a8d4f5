"""slow-handshakes: what 10,000 requests that never end cost those who connect as usual."""
import time

from compare.bench import at_most, share, times
from compare.cases import token_file
from compare.servers import await_condition
from .bench import Endurance, Watched
from .helper import Helper, Watch

SLOW, OTHERS, USUAL = 10_000, 9_000, 500
TIMEOUT = 10  # handshake_timeout, by default, in seconds
PATIENCE = 30  # seconds for a node without time to notice that all have left


def generations(bench: Endurance) -> int:
    """Of slow handshakes, while nobody else connects."""
    return 1 if bench.settings.quick else 4


def connect(bench: Endurance, node: Watched, what: str) -> dict:
    """Others connect at the usual rate, and then others as fast as they can."""
    count = 2_000 if bench.settings.quick else OTHERS

    def load(name: str, *options) -> dict:
        tokens = token_file(bench, bench.redis.store_tokens(count))
        with bench.load(node, count, *options, *tokens, path="/ws?token={tok}", settle=1) as load:
            return bench.finish(load, f"{what}, {name}")

    usual = load("at the usual rate", "--ramp", USUAL, "--conc", 5_000)
    lag = max((value for name, value in node.metrics().items() if name.startswith("freeim_loop_lag_worst")), default=0)
    node.settle(10)
    return {"usual": usual, "lag": lag, "most": load("100 at a time", "--conc", 100)}


def watch(node: Watched) -> Watch:
    return Watch(lambda: {"resident_kb": node.resident_kb(), "descriptors": node.descriptors()}, 0.5)


def most_of(seen: Watch) -> dict:
    return {f"most_{key}": seen.most(key) for key in ("resident_kb", "descriptors")}


def as_usual(bench: Endurance) -> dict:
    with bench.node() as node:
        node.settle()
        with watch(node) as seen:
            figures = connect(bench, node, "as usual")
        return {**figures, **most_of(seen)}


def beside_slow(bench: Endurance) -> dict:
    figures = {}
    with bench.node() as node:
        node.settle()
        figures["descriptors_before"], empty = node.descriptors(), node.resident_kb()
        with Helper(bench, "slow", "--port", node.port, "--count", SLOW) as slow:
            await_condition("opening", 60, lambda: slow.ask("report")["open"] >= SLOW * 0.9, interval=0.5)
            time.sleep(TIMEOUT * 1.5)  # until they end and begin at an even rate
            first, begin, cpu = slow.ask("report"), time.monotonic(), node.cpu()
            figures["first_kb"] = node.resident_kb()
            time.sleep(TIMEOUT * generations(bench))
            figures["later_kb"] = node.resident_kb()
            figures["cpu"] = (node.cpu() - cpu) / (time.monotonic() - begin)
            with watch(node) as seen:
                figures.update(connect(bench, node, "beside slow handshakes"))
            last = slow.ask("report")
            figures["begun_per_s"] = (last["started"] - first["started"]) / (time.monotonic() - begin)
        end = time.monotonic() + PATIENCE
        while node.descriptors() > figures["descriptors_before"] and time.monotonic() < end:
            time.sleep(0.25)
        figures["descriptors_after"] = node.descriptors()
        bench.runs[-1].update(slow=last, watched=seen.seen, metrics=node.metrics())
    return {**figures, **most_of(seen), "each_kb": (figures["first_kb"] - empty) / SLOW, "slow": last}


def slow_handshakes(bench: Endurance):
    theirs, ours = as_usual(bench), beside_slow(bench)

    def both(title: str, value, digits=0, target=None):
        bench.record(title, value(ours), value(theirs), digits=digits, target=target)

    both(
        f"beside {SLOW:,} slow handshakes: connects per s, {USUAL} per s offered", lambda of: of["usual"]["connect_per_s"],
        target=share(0.98, "without"))
    for key in ("p50", "p99", "max"):
        both(f"same: {key} of a connect, ms", lambda of: of["usual"]["connect_lat"][key] / 1e3, digits=1)
    both("same: longest lag of the event loop, ms", lambda of: of["lag"] * 1e3)
    most = "connects per s, 100 at a time"
    both(most, lambda of: of["most"]["connect_per_s"])
    both(f"{most}: p99 of a connect, ms", lambda of: of["most"]["connect_lat"]["p99"] / 1e3, digits=1)
    bench.record("CPU of the node for the slow ones alone, % of a core", ours["cpu"] * 100, digits=0)
    bench.record("slow handshakes begun per s", ours["begun_per_s"], digits=0)
    bench.record("kB resident for each slow handshake", ours["each_kb"])
    bench.record(
        f"resident MB with the slow ones alone, {generations(bench)} generations later", ours["later_kb"] / 1024,
        ours["first_kb"] / 1024, digits=1, target=times(1.03, "before"))
    both("resident MB of the node, at most", lambda of: of["most_resident_kb"] / 1024, digits=1)
    both("descriptors of the node, at most", lambda of: of["most_descriptors"])
    bench.record(
        "descriptors after all, beside before all", ours["descriptors_after"], ours["descriptors_before"], digits=0,
        target=times(1, "before"))
    slow = ours["slow"]
    bench.record("slow handshakes answered with 408", slow["answered_408"], digits=0)
    bench.record(
        "ended otherwise or never open", slow["answered_otherwise"] + slow["without_answer"] + slow["never_open"], digits=0,
        target=at_most(0))
    bench.record("longest life of one, s", slow["life_max_s"], digits=1, target=at_most(TIMEOUT + 2))
