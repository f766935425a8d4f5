"""What cluster, faults or latency measured: a Markdown table on standard output, everything in a .results.json beside it."""
import argparse, json, os, statistics, time

parser = argparse.ArgumentParser()
parser.add_argument("kind", choices=("cluster", "faults", "latency"))
parser.add_argument("file")
for option in ("commit", "swift", "freeimd"):
    parser.add_argument("--" + option, required=True)
parser.add_argument("--redis-core")
arguments = parser.parse_args()

with open(arguments.file) as lines:
    measured = [json.loads(line) for line in lines]
summary = {}


def first_field(path, key):
    with open(path) as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")


machine = {
    "cpu": first_field("/proc/cpuinfo", "model name"),
    "cores": os.cpu_count(),
    "memory_gib": round(int(first_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
    "kernel": os.uname().release,
}


def row(what, key, values, digits=0, choose=statistics.median):
    """A line of the table; `values` are those of all runs."""
    summary[key] = choose(values)
    spread = f"{min(values):,.{digits}f} to {max(values):,.{digits}f}" if len(values) > 1 else ""
    print(f"| {what} | {summary[key]:,.{digits}f} | {spread} |")


def table(head):
    print(f"| {head} | median | range |\n|---|--:|--:|")


def cluster():
    result = measured[0]
    nodes, broadcasts = result["nodes"], result["broadcasts"]
    table(f"{len(nodes)} nodes, {result['count']:,} connections, {len(broadcasts)} broadcasts")
    row("connected", "connected", [result["connected"]])
    row("got the broadcast (the worst one)", "delivered", [b["delivered"] for b in broadcasts], choose=min)
    row("PUBLISH to the last terminal, ms", "last_ms", [b["last_ms"] for b in broadcasts], 1)
    row("p50 of all terminals, ms", "p50_ms", [b["p50_ms"] for b in broadcasts], 1)
    row("p99 of all terminals, ms", "p99_ms", [b["p99_ms"] for b in broadcasts], 1)
    row("repeated or foreign", "unexpected", [result["repeated"] + result["foreign"]])
    row("kB resident per connection, per node", "kb_per_connection", [n["kb_per_connection"] for n in nodes], 2)
    row("CPU per connect, per node, us", "us_per_connect", [n["us_per_connect"] for n in nodes], 1)


FAULTS = {
    "before": "before", "node-killed": "node killed", "node-restarted": "node killed, started again",
    "node-paused": "node stopped for 12 s",
    "redis-emptied": "Redis killed, back empty", "redis-restarted": "Redis killed, back with old data",
    "redis-paused": "Redis stopped for 20 s", "after": "at the end",
}


def faults():
    columns = ("fault", "exact after, s", "at most", "offline events", "p50, ms", "p99, ms", "max, ms",
               "resident MB (most), by node", "sockets, by node", "failed checks")
    print(f"| {' | '.join(columns)} |\n|---|--:|--:|--:|--:|--:|--:|---|---|--:|")
    for fault in measured:
        times, events = fault.get("latency", {}), fault.get("events", {})
        figures = [fault.get("exact_s", ""), fault.get("limit_s", ""), events.get("offline", "")]
        figures += [times.get(key, "") for key in ("p50_ms", "p99_ms", "max_ms")]
        resident = (f"{n['rss_kb'] / 1024:.1f} ({n['peak_kb'] / 1024:.1f})" if n else "-" for n in fault["nodes"])
        sockets = (f"{n['sockets']:,}" if n else "-" for n in fault["nodes"])
        cells = [FAULTS[fault["fault"]], *("never" if figure is None else str(figure) for figure in figures)]
        print(f"| {' | '.join(cells)} | {'; '.join(resident)} | {'; '.join(sockets)} | {len(fault['failed'])} |")
    summary["failed"] = sum(len(fault["failed"]) for fault in measured)
    # The second node is the one that is killed.
    for k in (0, 2):
        first, last = measured[0]["nodes"][k], measured[-1]["nodes"][k]
        summary[f"node_{k + 1}_growth_kb"] = last["rss_kb"] - first["rss_kb"] if first and last else None


def latency():
    of = {target: [m for m in measured if m["target"] == target] for target in ("node", "bare")}
    table(f"{len(of['node'])} rounds each, Redis on core {arguments.redis_core}")
    for target, title in (("node", "to a terminal of the node"), ("bare", "to a bare subscriber")):
        for key in ("p50", "p90", "p99", "max"):
            row(f"{title}: {key}, us", f"{target}_{key}_us", [m[key + "_us"] for m in of[target]], 1)
        row(f"{title}: messages per s", f"{target}_messages_per_s", [m["messages_per_s"] for m in of[target]])
        row(f"{title}: sent late by (p99), us", f"{target}_late_p99_us", [m["late_p99_us"] for m in of[target]], 1)
        row(f"{title}: receiver's CPU, %", f"{target}_busy", [m["target_busy"] * 100 for m in of[target]], 1)
        row(f"{title}: lost (the worst round)", f"{target}_missing", [m["missing"] + m["unreceived"] for m in of[target]], choose=max)
    ratios = [node["p50_us"] / bare["p50_us"] for node, bare in zip(of["node"], of["bare"])]
    row("p50, node to bare", "ratio_p50", ratios, 2)


{"cluster": cluster, "faults": faults, "latency": latency}[arguments.kind]()

with open(os.path.splitext(arguments.file)[0] + ".results.json", "w") as file:
    json.dump(
        {
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": arguments.commit,
            "swift": arguments.swift, "freeimd": arguments.freeimd, "machine": machine, "summary": summary,
            "measured": measured,
        },
        file, indent=2)
    file.write("\n")
