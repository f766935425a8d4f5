"""The mixture: channels, one to one, receipts, joins and leaves at once, at a part of what the node can take."""
import random, time

from .background import Background
from .bench import Bench, at_most
from .redis import Redis

CLIENTS, CHANNELS, MEMBERS, CHANGING = 10_000, 1_000, 50, 1_000
JOINS_PER_S = 500  # and as many leaves
PART = 0.7
# Shares of the messages, and how many deliveries each kind makes. Messages to channels that change carry no stamp, since
# nobody knows how many members they have just then; those who wait for a receipt get it with the stamp in it.
KINDS = (
    (10, MEMBERS, '__FreeIM__(ChanMessage){"Item1":0,"Item2":"group{r:%d}","Item3":"{p}"}' % CHANNELS),
    (60, 1, '{"Item1":0,"Item2":[{i}],"Item3":"{p}","Item4":false}'),
    (25, 2, '{"Item1":{j},"Item2":[{i}],"Item3":"{p}","Item4":true}'),
    (5, 0, '__FreeIM__(ChanMessage){"Item1":0,"Item2":"changing{r:%d}","Item3":"to whom it may concern"}' % CHANGING),
)


def members():
    """Each channel's clients; each client is in as many channels as any other."""
    channels_of_all = CLIENTS // MEMBERS  # these hold every client once
    for channel in range(CHANNELS):
        step = (1, 3, 7, 9, 11)[channel // channels_of_all]  # prime to CLIENTS: another order each time
        for member in range(MEMBERS):
            yield 1 + (channel % channels_of_all * MEMBERS + member) * step % CLIENTS, f"group{channel}"


class Changes(Background):
    """Clients join channels and leave them a second later, as services do it."""

    def __init__(self, port: int):
        super().__init__()
        self.redis, self.failure = Redis(port), None

    def run(self):
        try:
            self.change()
        except (RuntimeError, OSError) as error:
            self.failure = error

    def change(self):
        joined: list[tuple[int, str]] = []
        batch, next_time = JOINS_PER_S // 100, time.monotonic()
        while not self.is_over.wait(max(next_time - time.monotonic(), 0)):
            next_time += 0.01
            new = [(random.randint(1, CLIENTS), f"changing{random.randrange(CHANGING)}") for _ in range(batch)]
            self.redis.join(new)
            joined += new
            if len(joined) > JOINS_PER_S:
                self.redis.leave(joined[:batch])
                del joined[:batch]


def mix(bench: Bench):
    warm_up, window = (0.5, 1.5) if bench.settings.quick else (1, 10)
    phases = ["--phase", f"max:256:{warm_up}:{window * 0.6:g}", "--phase", f"frac:{PART}:{warm_up}:{window}"]
    kinds = [option for share, fan, body in KINDS for option in ("--mix", f"{share}:{fan}:{body}")]
    with bench.node() as node:
        with bench.load(
                node, CLIENTS, *bench.to_redis(node, ""), "--target", "random", *kinds, *phases, waits=True) as load:
            load.await_ready()
            bench.redis.join(members())
            node.settle()
            with Changes(bench.redis.port) as changes:
                load.go()
                most, part = bench.finish(load, "node")["phases"]
            if changes.failure:
                bench.fault(f"mix: joins and leaves: {changes.failure}")
    what = f"channels, one to one, receipts, joins and leaves on {CLIENTS:,} connections"
    bench.record(f"{what}: deliveries per s at most", most["deliv_per_s"], digits=0)
    bench.record("at that rate: node's core, % busy", most["cpu"]["server"] / most["dur"] * 100, digits=0)
    bench.record(f"at {PART:.0%} of it: p50, ms", part["lat"]["p50"] / 1e3)
    bench.record(f"at {PART:.0%} of it: p99, ms", part["lat"]["p99"] / 1e3)
    bench.record(f"at {PART:.0%} of it: longest, ms", part["lat"]["max"] / 1e3, digits=1, target=at_most(50))
    bench.record(f"at {PART:.0%} of it: node's core, % busy", part["cpu"]["server"] / part["dur"] * 100, digits=0)
    bench.record(f"at {PART:.0%} of it: CPU us per delivery", part["us_per_delivery"])
