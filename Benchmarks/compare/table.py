"""The figures as a Markdown table and as JSON."""
import json, os, statistics, time

from .bench import Bench, Figure


def first_field(path: str, key: str) -> str:
    with open(path) as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")


def machine() -> dict:
    return {
        "cpu": first_field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gib": round(int(first_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
        "kernel": os.uname().release,
    }


def number(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):,.{digits}f}" if values else ""


def spread(values: list[float], digits: int) -> str:
    return f"{min(values):,.{digits}f} to {max(values):,.{digits}f}" if len(values) > 1 else ""


def verdict(figure: Figure) -> str:
    return {None: "", True: "ok", False: "**missed**"}[figure.is_met]


def row(figure: Figure) -> str:
    ratio = number(figure.ratios, 2)
    if figure.growth:
        ratio += f" ({figure.growth:.2f} x first)"
    cells = (
        figure.title, number(figure.node, figure.digits), spread(figure.node, figure.digits),
        number(figure.floor, figure.digits), ratio, str(figure.target or ""), verdict(figure))
    return "| " + " | ".join(cells) + " |"


def print_table(bench: Bench, build: dict, rounds: int, measured="node", beside="floor"):
    host = machine()
    print(f"{host['cpu']}, {host['cores']} cores, {host['memory_gib']} GiB, Linux {host['kernel']}; "
          f"{build['swift']}; commit {build['commit']}\n")
    print(f"| {rounds} round{'' if rounds == 1 else 's'} | {measured} | range | {beside} | {measured} / {beside} | target | |")
    print("|---|--:|--:|--:|--:|--:|---|")
    for figure in bench.figures.values():
        print(row(figure))
    phases = [phase for run in bench.runs for phase in run["phases"]]
    if phases:
        foreign = [phase["noise"] for phase in phases]
        second = max((phase["cpu"]["gen"] + phase["cpu"]["redis"]) / phase["dur"] for phase in phases)
        print(f"\nOther processes took {statistics.median(foreign):.2f} cores (median), {max(foreign):.2f} (at worst); "
              f"generator and Redis together took {second:.0%} of a core at most.")
    for text in bench.left_out:
        print(f"\nLeft out: {text}")
    for fault in bench.faults:
        print(f"\nFault: {fault}")


def write_json(bench: Bench, build: dict, rounds: int, path: str):
    figures = [
        {
            "case": figure.case, "title": figure.title, "node": figure.node, "floor": figure.floor,
            "ratios": figure.ratios, "growth": figure.growth, "node_median": statistics.median(figure.node),
            "ratio_median": figure.ratio,
            "target": str(figure.target) if figure.target else None, "met": figure.is_met,
        }
        for figure in bench.figures.values()
    ]
    with open(path, "w") as file:
        json.dump(
            {
                "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **build, "machine": machine(),
                "rounds": rounds, "figures": figures, "left_out": bench.left_out, "faults": bench.faults, "runs": bench.runs,
            },
            file, indent=2)
        file.write("\n")
