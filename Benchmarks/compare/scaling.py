"""Two cases that are about the node alone: a second event loop, and the start where Redis is full."""
import statistics

from .bench import Bench, at_least, at_most

ROWS, CLIENTS_OF_ROWS, STARTS = 100_000, 10_000, 3


def loops(bench: Bench):
    if not bench.settings.pin_both:
        bench.leave_out("loops, which needs two cores to pin to")
        return
    messages, sizes = 16, ((1_000, 200), (10_000, 40))
    if bench.settings.quick:
        sizes = ((1_000, 50),)
        bench.leave_out("two loops to a channel of 10,000, in the quick form")
    for members, bursts in sizes:
        what = f"{messages} at once to a channel of {members:,}"

        def per_loops(make):
            runs = {}
            for count in (1, 2):
                with make(loops=count) as server:
                    [runs[count]] = bench.in_channel(server, members, ["--phase", f"burst:{messages}:3:{bursts}"])
                if runs[count]["late"]:
                    bench.fault(f"{what}: {runs[count]['late']} sockets were too small for a burst")
            return runs[1], runs[2]

        one, two = per_loops(bench.node)
        # What two cores of this machine are to one just now.
        floor_one, floor_two = per_loops(bench.floor)
        for title, of_node, of_floor in (
                ("one loop on one core", one, floor_one), ("two loops on two", two, floor_two)):
            bench.record(f"{what}, {title}: deliveries per s", of_node["median_per_s"], of_floor["median_per_s"], digits=0)
        bench.record(
            f"{what}: two loops to one", two["median_per_s"] / one["median_per_s"],
            floor_two["median_per_s"] / floor_one["median_per_s"], target=at_least(1.6))
        bench.record(
            f"{what}: the busiest thread's CPU per delivery, one loop to two", one["busiest_ns"] / two["busiest_ns"],
            floor_one["busiest_ns"] / floor_two["busiest_ns"])
        bench.record(
            f"{what}, two loops: generator and Redis meanwhile, % of a core",
            (two["cpu"]["gen"] + two["cpu"]["redis"]) / two["dur"] * 100, digits=1)


def startup(bench: Bench):
    def start(rows: int):
        bench.redis.call("FLUSHALL")
        bench.redis.join((1 + row % CLIENTS_OF_ROWS, f"row{row}") for row in range(rows))
        seconds, cpu = [], []
        for _ in range(STARTS):
            with bench.node(empties=False) as node:
                seconds.append(node.started_in)
                node.settle()
                cpu.append(node.cpu())
                node.stop()
        return statistics.median(seconds), statistics.median(cpu)

    empty, empty_cpu = start(0)
    full, full_cpu = start(ROWS)
    bench.record("start with an empty Redis: s until ready", empty, digits=3)
    bench.record(f"start with {ROWS:,} channels in Redis: s until ready", full, digits=3, target=at_most(1))
    bench.record("start with an empty Redis: CPU until at rest, s", empty_cpu)
    bench.record(f"start with {ROWS:,} channels in Redis: CPU until at rest, s", full_cpu)
