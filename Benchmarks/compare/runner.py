"""What the programs share that run case after case: their arguments, rounds and results."""
import argparse, os, signal, sys, time

from .bench import Bench, say
from .table import print_table, write_json


def read_arguments(parser: argparse.ArgumentParser, cases: dict, hidden: tuple) -> argparse.Namespace:
    """With `only`, `rounds`, `quick`, and what the script that starts the program hands on by itself."""
    parser.add_argument("--only", default=",".join(cases), help="cases, separated by commas: " + ", ".join(cases))
    hidden += ("freeimd", "wsload", "folder", "redis-port", "commit", "swift", "pin-server", "pin-load")
    for name in hidden:
        parser.add_argument("--" + name, default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = options.only.split(",")
    unknown = [name for name in options.only if name not in cases]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join(cases)}")
    return options


def run(bench: Bench, cases: dict, options: argparse.Namespace, once: tuple = (), headings: tuple = ()) -> int:
    """Runs the chosen cases, those of `once` in a single round, and prints and keeps what they gave. Returns the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for place, name in enumerate(options.only, 1):
        bench.case = name
        rounds = 1 if name in once else options.rounds
        for round in range(1, rounds + 1):
            start = time.monotonic()
            say(f"case {place} of {len(options.only)}, {name}, round {round} of {rounds} ...")
            try:
                cases[name](bench)
            except (RuntimeError, OSError) as error:
                bench.fault(f"{name}, round {round}: {error}")
            say(f"    took {time.monotonic() - start:.0f} s")
    build = {"commit": options.commit, "swift": options.swift, "freeimd": options.freeimd}
    rounds = 1 if all(name in once for name in options.only) else options.rounds
    print_table(bench, build, rounds, *headings)
    program = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    file = os.path.join(options.folder, program + ".results.json")
    write_json(bench, build, rounds, file)
    say(f"the same and more as JSON: {file}")
    return 1 if bench.faults else 0
