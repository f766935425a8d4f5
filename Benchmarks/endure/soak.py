"""soak: 10,000 connections that come and go while messages flow, for two hours."""
import json, os, subprocess, time

from compare.bench import at_most, say, times
from .bench import Endurance, Watched

CONNECTIONS, CHANNELS, CHURN, RATE = 10_000, 1_000, 100, 1_000
FIRST = 15 * 60  # seconds; from here on memory must not grow


def sample(bench: Endurance, node: Watched) -> dict:
    """What node and Redis take of the machine just now."""
    memory = bench.redis.info("memory")
    return {
        "time": time.time(), "load": os.getloadavg()[0],
        "resident_kb": node.resident_kb(), "descriptors": node.descriptors(), "cpu": node.cpu(),
        "redis_resident_kb": bench.redis_resident_kb(), "redis_used_kb": int(memory["used_memory"]) // 1024,
        **bench.present(), "metrics": node.metrics(),
    }


def soak(bench: Endurance):
    minutes = bench.minutes
    interval = 5 if minutes < 10 else 30
    file = os.path.join(bench.settings.folder, "endurance.soak.jsonl")
    samples: list[dict] = []

    def note(measured: dict):
        samples.append(measured)
        with open(file, "a") as lines:
            lines.write(json.dumps(measured) + "\n")

    open(file, "w").close()
    with bench.node() as node:
        node.settle()
        note({"phase": "before", **sample(bench, node)})
        generator = subprocess.Popen(
            [*bench.settings.pin_load, os.path.join(bench.settings.folder, "soak"), "--port", str(node.port), "--redis",
             str(bench.redis.port), "--count", str(CONNECTIONS), "--channels", str(CHANNELS), "--churn", str(CHURN),
             "--rate", str(RATE), "--seconds", str(minutes * 60), "--sample", str(interval)],
            stdout=subprocess.PIPE, text=True)
        try:
            for line in generator.stdout:
                note({**json.loads(line), **sample(bench, node)})
            generator.wait()
        finally:
            generator.terminate()
        node.settle()
        note({"phase": "after", "remnants": bench.remnants(), **sample(bench, node)})
    if samples[-2].get("phase") != "empty":
        raise RuntimeError(f"the generator has ended early, with {generator.returncode}; samples are in {file}")
    bench.runs.append({"case": "soak", "run": "soak", "phases": [], "samples": samples})
    report(bench, samples)


def at(samples: list[dict], seconds: float) -> dict:
    return min(samples, key=lambda one: abs(one["seconds"] - seconds))


def report(bench: Endurance, samples: list[dict]):
    running = [one for one in samples if one["phase"] == "running"]
    before, full, empty, after = samples[0], samples[-3], samples[-2], samples[-1]
    start, last = running[0], running[-1]
    first = at(running, min(FIRST, last["seconds"] / 2))
    since = [one["resident_kb"] / 1024 for one in running[running.index(first):]]
    end, early = (f"after {one['seconds'] / 60:.0f} min" for one in (last, first))

    def record(title: str, value: float, other: float | None = None, digits=0, target=None):
        bench.record(title, value, other, digits=digits, target=target)

    record(
        f"resident MB of the node {end}, beside that {early}", last["resident_kb"] / 1024, first["resident_kb"] / 1024, 1,
        times(1.03, early))
    record("the most of it since then, beside the least", max(since), min(since), 1)
    record(
        f"resident MB of Redis {end}, beside that {early}", last["redis_resident_kb"] / 1024,
        first["redis_resident_kb"] / 1024, 1)
    seconds = last["time"] - start["time"]
    for name, key in (("node", "cpu"), ("generator", "generator_cpu")):
        record(f"CPU of the {name}, % of a core", (last[key] - start[key]) / seconds * 100)
    record("connections opened", full["opened"])
    for way in ("close_frame", "fin", "reset"):
        record(f"of these, left by {way.replace('_', ' ')}", full[f"left_by_{way}"])
    record("messages to one", full["direct"])
    record("messages to channels", full["channel"])
    record("deliveries received, beside those expected", full["received"], full["expected"])
    wrong = ("failed", "lost", "unanswered_closes", "repeated", "foreign")
    record(
        "connects that failed, connections lost, closes unanswered, deliveries missing, repeated or foreign",
        sum(empty[key] for key in wrong) + abs(full["expected"] - full["received"]), target=at_most(0))
    record(
        "clients online, as Redis has it, when nobody comes or goes", full["online"], CONNECTIONS,
        target=times(1, "connected"))
    record("memberships, likewise", full["memberships"], 2 * CONNECTIONS, target=times(1, "joined"))
    remnants = sum(after["remnants"].values())
    record("clients and memberships that are left in Redis", remnants, target=at_most(0))
    record(
        "descriptors of the node when all have left, beside before the first came", after["descriptors"],
        before["descriptors"], target=times(1, "before"))
    record("resident MB of the node, likewise", after["resident_kb"] / 1024, before["resident_kb"] / 1024, 1)
    for key in wrong:
        if empty[key]:
            bench.fault(f"soak: {empty[key]} {key}")
    if full["expected"] != full["received"]:
        bench.fault(f"soak: {full['expected'] - full['received']} deliveries missing")
    if remnants:
        bench.fault(f"soak: {after['remnants']} is left in Redis")
    for text in empty["notes"]:
        say("    " + text)
