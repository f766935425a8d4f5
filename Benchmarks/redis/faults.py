"""The observer of `faults`: holds the terminals, and compares what Redis has with what it ought to have.

Takes a command a line from standard input and answers each with a line; a record a fault goes into a file.
"""
import argparse, json, multiprocessing, os, sys, time

import faults_redis
from faults_redis import Events, Redis
from faults_terminals import hold

LATENCY_LIMIT_MS = 50
STEADY = 10  # seconds after which the state is looked at again: longer than a lease


def say(text: str):
    print("  " + text, file=sys.stderr, flush=True)


def usage(pid: int) -> dict | None:
    """Resident kB now and at most, and open sockets of a process; None where it has ended."""
    try:
        with open(f"/proc/{pid}/status") as lines:
            fields = dict(line.split(":", 1) for line in lines)
        if fields["State"].split()[0] == "Z":
            return None
        files = [os.readlink(f"/proc/{pid}/fd/{file}") for file in os.listdir(f"/proc/{pid}/fd")]
        return {"rss_kb": int(fields["VmRSS"].split()[0]), "peak_kb": int(fields["VmHWM"].split()[0]),
                "sockets": sum(file.startswith("socket:") for file in files)}
    except FileNotFoundError:
        return None


class Holder:
    """One of the processes with terminals."""

    def __init__(self, *prober):
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=hold, args=(other, *prober), daemon=True)
        self.process.start()
        other.close()

    def tell(self, *request):
        self.pipe.send(request)

    def ask(self, *request):
        self.tell(*request)
        return self.pipe.recv()


class Observer:
    def __init__(self, options: argparse.Namespace):
        self.ports = [int(port) for port in options.ports.split(",")]
        self.redis, self.events = Redis(options.redis), Events(options.redis)
        self.record_file = open(options.record, "w")
        self.nodes = [{client for client in range(1, 3 * options.clients + 1) if client % 3 == k} for k in range(3)]
        # The first ones of each node get messages; they are in a process that has little else to do.
        self.probes = {client for node in self.nodes for client in sorted(node)[: min(100, options.clients // 5)]}
        self.prober = Holder(options.redis, [f"127.0.0.1:{port}" for port in self.ports])
        self.holders = [Holder() for _ in self.nodes]
        self.all = [self.prober, *self.holders]
        self.pids: list[int] = []
        self.present: set[int] = set()
        self.failures = 0
        self.begin("before")

    # ---- terminals

    def parts(self, clients: set[int]) -> list[list[int]]:
        """By holder."""
        rest = clients - self.probes
        return [sorted(part) for part in (clients & self.probes, *(rest & node for node in self.nodes))]

    def connect(self, clients: set[int]):
        for holder, part in zip(self.all, self.parts(clients)):
            holder.tell("open", [(client, self.ports[client % 3]) for client in part])
        for holder in self.all:
            if note := holder.pipe.recv():
                self.fail(f"not connected: {note}")
        faults_redis.join(self.redis, sorted(clients))
        self.present |= clients

    def close(self, clients: set[int]):
        for holder, part in zip(self.all, self.parts(clients)):
            holder.ask("close", part)
        self.present -= clients

    def reports(self) -> list[tuple]:
        return [holder.ask("report") for holder in self.all]

    # ---- commands

    def do_nodes(self, *pids: str):
        self.pids = [int(pid) for pid in pids]

    def do_gather(self):
        """All that are not connected connect, and join their channels."""
        absent = set().union(*self.nodes) - self.present
        self.connect(absent)
        if (taken := self.exact_within(30, time.monotonic())) is None:
            self.fail(f"not exact after all had connected: {'; '.join(self.wrong[:4])}")
            # The next fault is to be judged by itself.
            faults_redis.join(self.redis, sorted(self.present))
        else:
            say(f"{len(absent):,} connected, exact after {taken:.1f} s")

    def do_calm(self, seconds: str):
        """No fault: the latency to compare with."""
        self.begin("before")
        self.probe(0, 1, 2)
        time.sleep(float(seconds))
        self.record["latency"] = self.latency()
        self.write()

    def do_begin(self, name: str, *probed: str):
        """The fault comes now. Messages go to the clients of these nodes meanwhile."""
        self.begin(name)
        for holder in self.all:
            holder.ask("clear")
        self.probe(*map(int, probed))
        self.is_probed = bool(probed)
        self.since = time.monotonic()

    def do_lost(self, node: str):
        self.lost = self.nodes[int(node)]
        self.present -= self.lost

    def do_paused(self, node: str):
        self.paused = self.nodes[int(node)]

    def do_return(self):
        """Half of the lost clients connect again."""
        self.returned = {client for client in self.lost if client // 3 % 4 < 2}
        self.connect(self.returned)

    def do_leave(self):
        """One client of a hundred closes; none of those that get messages."""
        self.left = {client for node in self.nodes for client in sorted(node)[-len(node) // 100 :]}
        self.close(self.left)
        if self.exact_within(5, time.monotonic()) is None:
            self.fail("not exact after clients had left")

    def do_over(self):
        """The fault is over: the time until the state is exact counts from here."""
        self.since = time.monotonic()

    def do_settle(self, limit: str):
        """Waits until the state is exact, and checks everything."""
        taken = self.exact_within(float(limit), self.since)
        self.record |= {"limit_s": float(limit), "exact_s": taken}
        if self.is_probed:
            self.record["latency"] = self.latency()
        self.record["nodes"] = [usage(pid) for pid in self.pids]
        if taken is None:
            self.fail(f"not exact within {limit} s: {'; '.join(self.wrong[:4])}")
        else:
            say(f"exact after {taken:.1f} s")
        if not self.is_probed:
            self.await_subscriptions(float(limit))
            self.probe(0, 1, 2)
        self.watch(STEADY)
        if not self.is_probed:
            self.record["latency"] = self.latency()
        if taken is not None and (wrong := faults_redis.differences(self.redis, self.present)):
            self.fail(f"no longer exact after {STEADY} s: {'; '.join(wrong[:4])}")
        self.check_events()
        self.check_terminals()
        self.check_channels()
        self.check_latency()
        self.write()

    def do_finish(self):
        self.begin("after")
        self.record["nodes"] = [usage(pid) for pid in self.pids]
        for k, (before, after) in enumerate(zip(self.sockets, self.record["nodes"])):
            if after is None or abs(after["sockets"] - before) > 3:
                self.fail(f"node {k + 1} has {after and after['sockets']} sockets open, {before} before")
        self.write()
        return str(self.failures)

    # ---- a fault

    def begin(self, name: str):
        self.record: dict = {"fault": name, "failed": []}
        self.lost: set[int] = set()
        self.paused: set[int] = set()
        self.returned: set[int] = set()
        # Those who left before the fault, which a snapshot of Redis may still have.
        self.left: set[int] = getattr(self, "left", set()) - self.present
        self.wrong: list[str] = []
        self.events.drain()
        self.events.clear()

    def fail(self, text: str):
        say("FAILED: " + text)
        self.failures += 1
        self.record["failed"].append(text)

    def write(self):
        if self.record["fault"] == "before":
            self.record["nodes"] = [usage(pid) for pid in self.pids]
            self.sockets = [node["sockets"] for node in self.record["nodes"]]
        print(json.dumps(self.record), file=self.record_file, flush=True)

    def probe(self, *nodes: int):
        self.prober.ask("probe", [])
        self.prober.ask("times")
        self.prober.ask("probe", list(nodes))

    def latency(self) -> dict:
        self.prober.ask("probe", [])
        time.sleep(0.5)
        sent, failed, times = self.prober.ask("times")
        times = sorted(time / 1e6 for time in times)
        quantiles = {f"{name}_ms": round(times[int(q * (len(times) - 1))], 3) if times else None
                     for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1))}
        return {"sent": sent, "failed": failed, "lost": sent - failed - len(times), **quantiles}

    def exact_within(self, limit: float, since: float) -> float | None:
        """Seconds from `since` until Redis holds exactly those present; None where it does not in time."""
        while True:
            try:
                self.events.drain()
                if faults_redis.looks_exact(self.redis, self.present):
                    self.wrong = faults_redis.differences(self.redis, self.present)
                    if not self.wrong:
                        return round(time.monotonic() - since, 2)
            except OSError:
                pass  # it is not back yet
            if time.monotonic() - since > limit:
                self.wrong = self.still_wrong()
                return None
            time.sleep(0.1)

    def still_wrong(self) -> list[str]:
        try:
            return faults_redis.differences(self.redis, self.present) or ["it became exact a little later"]
        except OSError as error:
            return [f"Redis: {error}"]

    def await_subscriptions(self, limit: float):
        """Until Redis has the channel of each node again: what is published before is lost."""
        subjects = [f"{faults_redis.PREFIX}Server127.0.0.1:{port}" for port in self.ports]
        while 0 in self.redis("PUBSUB", "NUMSUB", *subjects)[1::2]:
            if time.monotonic() - self.since > limit:
                return self.fail(f"not all nodes have subscribed within {limit} s")
            time.sleep(0.1)
        self.record["reachable_s"] = round(time.monotonic() - self.since, 2)
        say(f"all nodes listen to Redis again after {self.record['reachable_s']} s")

    def watch(self, seconds: float):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.events.drain()
            time.sleep(0.1)

    # ---- checks

    def check_events(self):
        online, offline = self.events.online, self.events.offline
        self.record["events"] = {"online": online.total(), "offline": offline.total()}
        once = (self.lost | self.paused) - self.returned
        for what, wrong in (
            ("not exactly one offline event", {client for client in once if offline[client] != 1}),
            ("not exactly one online event", {client for client in self.paused if online[client] != 1}),
            # Whoever is back before the sweep has not been offline for anybody.
            ("events of returned clients that do not match",
             {client for client in self.returned if (online[client], offline[client]) not in ((0, 0), (1, 1))}),
            ("an offline event without a reason", set(offline) - once - self.returned - self.left),
        ):
            if wrong:
                client = min(wrong)
                self.fail(f"{len(wrong)} clients have {what}, {client} has {online[client]} online, {offline[client]} offline")

    def check_terminals(self):
        for k, pid in enumerate(self.pids):
            if usage(pid) is None and not (self.nodes[k] & self.lost and not self.returned):
                self.fail(f"node {k + 1} has ended")
        reports = self.reports()
        closed = sum(report[1] for report in reports) - len(self.lost)
        connected = {client for report in reports for client in report[0]}
        self.record["sockets_closed"] = closed
        if closed or connected != self.present:
            self.fail(f"{closed} sockets were closed, {len(connected)} of {len(self.present)} are connected")

    def check_channels(self):
        """A message to each channel reaches its members, and nobody else."""
        wanted = sum(map(len, faults_redis.members(self.present).values()))
        for holder in self.all:
            holder.ask("clear")
        self.redis.pipeline([
            ("PUBLISH", f"{faults_redis.PREFIX}Server127.0.0.1:{port}",
             f'__FreeIM__(ChanMessage){{"Item1":0,"Item2":"c{channel}","Item3":"[{channel}]"}}')
            for channel in range(faults_redis.CHANNELS) for port in self.ports])
        until = time.monotonic() + 10
        while (got := sum(report[2] for report in self.reports())) < wanted and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(0.5)
        reports = self.reports()
        got, wrong = sum(report[2] for report in reports), sum(report[3] for report in reports)
        self.record["channels"] = {"wanted": wanted, "got": got, "wrong": wrong}
        if got != wanted or wrong:
            self.fail(f"messages to channels: {got} of {wanted} arrived, and {wrong} that ought not to")

    def check_latency(self):
        latency = self.record["latency"]
        if latency["lost"] or latency["failed"]:
            self.fail(f"{latency['lost']} messages were lost, {latency['failed']} not sent")
        if latency["p99_ms"] is None or latency["p99_ms"] >= LATENCY_LIMIT_MS:
            self.fail(f"p99 is {latency['p99_ms']} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--redis", type=int, required=True)
    parser.add_argument("--ports", required=True)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--record", required=True)
    observer = Observer(parser.parse_args())
    for line in sys.stdin:
        name, *arguments = line.split()
        print(getattr(observer, "do_" + name)(*arguments) or "ok", flush=True)


if __name__ == "__main__":
    main()
