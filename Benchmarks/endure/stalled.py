"""stalled: what 1,000 terminals that never read cost 9,000 that do."""
import time

from compare.bench import at_least, say, times
from compare.cases import token_file
from .bench import Endurance, Watched
from .helper import Helper, Watch, kernel_kb

READERS, OTHERS, CHANNELS, SIZE = 9_000, 1_000, 10, 8 * 1_024
PART = 0.5  # of the messages that a core of the node's can deliver
CLOSING = 6  # seconds; close_timeout, by default 5 s, and one more
CLOSED_AS_SLOW = 'freeim_gateway_connections_closed_total{code="4000"}'


def run(bench: Endurance, node: Watched, phase: str, stalls: bool) -> dict:
    """One phase of messages to the channels, in which every tenth member reads or doesn't."""
    count = READERS + OTHERS
    tokens = token_file(bench, bench.redis.store_tokens(count))
    body = f'__FreeIM__(ChanMessage){{"Item1":0,"Item2":"room{{r:{CHANNELS}}}","Item3":"{{p}}"}}'
    what = "stalled" if stalls else "all read"
    with Helper(bench, "stalled", "--port", node.port, "--count", OTHERS, "--first", READERS + 1) as others:
        if others.answer()["open"] != OTHERS:
            raise RuntimeError("not all of the others are connected")
        with bench.load(
                node, READERS, *tokens, *bench.to_redis(node, body), "--target", "one", "--fan", READERS // CHANNELS,
                "--size", SIZE, "--phase", phase, path="/ws?token={tok}", waits=True) as load:
            load.await_ready()
            bench.redis.join((client, f"room{client % CHANNELS}") for client in range(1, count + 1))
            node.settle()
            if stalls:
                others.ask("stop")
            begin = time.monotonic()

            def look() -> dict:
                return {
                    "seconds": time.monotonic() - begin, "resident_kb": node.resident_kb(), "kernel_kb": kernel_kb(),
                    "slow": node.metrics().get(CLOSED_AS_SLOW, 0)}

            with Watch(look, 1) as watch:
                load.go()
                result = bench.finish(load, what)
        if stalls:
            time.sleep(CLOSING)
        last = look()
        found = others.ask("read")
    bench.runs[-1].update(others=found, watched=[*watch.seen, last])
    return {**result["phases"][0], "most_kb": watch.most("resident_kb"), "kernel_kb": watch.most("kernel_kb"),
            "last": last, "others": found, "watched": watch.seen}


def stalled(bench: Endurance):
    window, warm_up = (12, 1) if bench.settings.quick else (55, 2)
    pending = "256KiB" if bench.settings.quick else "1MiB"
    if not bench.stalled_rate:
        with bench.node(max_pending=pending) as node:
            most = run(bench, node, f"max:16:{warm_up}:{3 if bench.settings.quick else 8}", stalls=False)
        # Where others use the core too, or the generator is the slower one: what a whole core could.
        busy = most["cpu"]["server"] / most["dur"]
        bench.stalled_rate = most["msgs_per_s"] / busy * PART
        say(f"    {most['msgs_per_s']:.0f} messages/s with {busy:.0%} of a core; from now on {bench.stalled_rate:.0f}")
    phase = f"rate:{bench.stalled_rate:.1f}:{warm_up}:{window}"
    with bench.node(max_pending=pending) as node:
        theirs = run(bench, node, phase, stalls=False)
    with bench.node(max_pending=pending) as node:
        ours = run(bench, node, phase, stalls=True)
    what = f"{READERS:,} readers in {CHANNELS} channels beside {OTHERS:,} that never read"

    def both(title: str, value, digits=0, target=None):
        bench.record(title, value(ours), value(theirs), digits=digits, target=target)

    for key in ("p50", "p99", "max"):
        both(
            f"{what}: {key}, ms", lambda of: of["lat"][key] / 1e3, digits=1,
            target=times(1.2, "all read") if key == "p99" else None)
    both("messages/s", lambda of: of["rate"])
    both("node's CPU, % of a core", lambda of: of["cpu"]["server"] / of["dur"] * 100)
    both("generator's CPU, % of a core", lambda of: of["cpu"]["gen"] / of["dur"] * 100)
    both("resident MB of the node, at most", lambda of: of["most_kb"] / 1024, digits=1)
    both("MB in the kernel's TCP buffers, at most", lambda of: of["kernel_kb"] / 1024)
    both("the same when all have been closed", lambda of: of["last"]["kernel_kb"] / 1024)
    both("closed as slow (4000), by the node's metric", lambda of: of["last"]["slow"], target=at_least(OTHERS))
    closings = [one["seconds"] for one in ours["watched"] if one["slow"]]
    if closings:
        bench.record("s until the first of them was cut", closings[0], digits=0)
