"""The medians of a folder's runs.jsonl: a Markdown table on standard output, everything in results.json."""
import argparse, json, os, statistics, time

parser = argparse.ArgumentParser()
parser.add_argument("folder")
for option in ("commit", "swift", "freeimd"):
    parser.add_argument("--" + option, required=True)
arguments = parser.parse_args()


def first_field(path, key):
    with open(path) as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")


machine = {
    "cpu": first_field("/proc/cpuinfo", "model name"),
    "cores": os.cpu_count(),
    "memory_gib": round(int(first_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
    "kernel": os.uname().release,
}

runs = {}
with open(os.path.join(arguments.folder, "runs.jsonl")) as lines:
    for line in map(json.loads, lines):
        runs.setdefault(line["scenario"], []).append(dict(line["result"], status=line["status"]))

# Of the counts of failures the worst run counts, not the middle one.
failures = ("status", "refused", "closed", "missing", "gaps", "out_of_order", "foreign", "publish_refused")
medians = {}
for scenario, results in runs.items():
    numbers = [key for key, value in results[0].items() if isinstance(value, (int, float))]
    medians[scenario] = {
        key: (max if key in failures else statistics.median)([result[key] for result in results if key in result])
        for key in numbers
    }

with open(os.path.join(arguments.folder, "results.json"), "w") as file:
    json.dump(
        {
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": arguments.commit,
            "swift": arguments.swift, "freeimd": arguments.freeimd, "machine": machine, "medians": medians, "runs": runs,
        },
        file, indent=2)
    file.write("\n")


def number(value, digits=0):
    return f"{value:,.{digits}f}"


def row(what, scenario, key, digits=0, scale=1.0):
    if scenario not in medians or key not in medians[scenario]:
        return
    values = [result[key] * scale for result in runs[scenario] if key in result]
    print(f"| {what} | {number(medians[scenario][key] * scale, digits)} "
          f"| {number(min(values), digits)} to {number(max(values), digits)} |")


print(f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}; "
      f"{arguments.swift}; commit {arguments.commit}\n")
count = len(runs["idle"])
print(f"| node on one core, {count} run{'' if count == 1 else 's'} | median | range |")
print("|---|--:|--:|")
idle = f"{medians['idle']['connected']:,.0f} idle connections: "
row(idle + "kB resident each", "idle", "kb_per_connection", 2)
row(idle + "CPU per connect, us", "idle", "us_per_connect", 1)
row(idle + "CPU while idle, ms per s", "idle", "hold_cpu_ms_per_s", 1)
for scenario in runs:
    if not scenario.startswith("room-"):
        continue
    result = medians[scenario]
    what = f"channel of {result['connected']:,.0f}, {result['in_flight']:.0f} in flight: "
    row(what + "CPU per delivery, us", scenario, "us_per_delivery", 3)
    row(what + "deliveries per s", scenario, "deliveries_per_s")
    row(what + "p50, ms", scenario, "p50_us", 2, 1e-3)
    row(what + "p99, ms", scenario, "p99_us", 2, 1e-3)
    row(what + "node's core busy, %", scenario, "server_busy", 0, 100)
    row(what + "generator's core busy, %", scenario, "generator_busy", 0, 100)
    print(f"| {what}lost, repeated or out of order | "
          f"{result['missing'] + result['gaps'] + result['out_of_order'] + result['foreign']:,.0f} | |")
