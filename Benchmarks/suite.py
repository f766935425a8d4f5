"""Node and floor in turn, case after case; started by the script `suite`, which builds and starts what is needed."""
import argparse, os, signal, sys, time

from compare.bench import Bench, Settings, say
from compare.cases import CASES
from compare.table import print_table, write_json


def arguments():
    parser = argparse.ArgumentParser(prog="Benchmarks/suite")
    parser.add_argument("--only", default=",".join(CASES), help="cases, separated by commas: " + ", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    hidden = (
        "freeimd", "floor", "wsload", "uwebsockets", "folder", "redis-port", "commit", "swift", "pin-server", "pin-both",
        "pin-load")
    for name in hidden:
        parser.add_argument("--" + name, default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = options.only.split(",")
    unknown = [name for name in options.only if name not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join(CASES)}")
    options.rounds = options.rounds or (1 if options.quick else 5)
    return options


def main() -> int:
    options = arguments()
    if not options.freeimd:  # only the arguments were to be checked
        print(*options.only)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(Settings(
        quick=options.quick, freeimd=options.freeimd, floor=options.floor, wsload=options.wsload,
        folder=options.folder, redis_port=int(options.redis_port), pin_server=options.pin_server.split(),
        pin_both=options.pin_both.split(), uwebsockets=options.uwebsockets,
        pin_load=options.pin_load.split()))
    for place, name in enumerate(options.only, 1):
        bench.case = name
        for round in range(1, options.rounds + 1):
            start = time.monotonic()
            say(f"case {place} of {len(options.only)}, {name}, round {round} of {options.rounds} ...")
            try:
                CASES[name](bench)
            except (RuntimeError, OSError) as error:
                bench.fault(f"{name}, round {round}: {error}")
            say(f"    took {time.monotonic() - start:.0f} s")
    build = {"commit": options.commit, "swift": options.swift, "freeimd": options.freeimd}
    print_table(bench, build, options.rounds)
    file = os.path.join(options.folder, "suite.results.json")
    write_json(bench, build, options.rounds, file)
    say(f"the same and more as JSON: {file}")
    return 1 if bench.faults else 0


if __name__ == "__main__":
    sys.exit(main())
