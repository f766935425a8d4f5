"""What a node endures; started by the script `endurance`, which builds and starts what is needed."""
import argparse, os, signal, sys, time

from compare.bench import Settings, say
from compare.table import print_table, write_json
from endure.bench import Endurance
from endure.handshakes import slow_handshakes
from endure.soak import soak
from endure.stalled import stalled

CASES = {"soak": soak, "stalled": stalled, "slow-handshakes": slow_handshakes}


def arguments():
    parser = argparse.ArgumentParser(prog="Benchmarks/endurance")
    parser.add_argument("--only", default=",".join(CASES), help="cases, separated by commas: " + ", ".join(CASES))
    parser.add_argument("--minutes", type=float, default=0, help="of the soak; 120 by default")
    parser.add_argument("--rounds", type=int, default=0, help="of the other cases; 3 by default")
    parser.add_argument("--quick", action="store_true", help="one short round of each, and two minutes of the soak")
    hidden = ("freeimd", "wsload", "folder", "redis-port", "commit", "swift", "pin-server", "pin-load")
    for name in hidden:
        parser.add_argument("--" + name, default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = options.only.split(",")
    unknown = [name for name in options.only if name not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join(CASES)}")
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.minutes = options.minutes or (2 if options.quick else 120)
    return options


def main() -> int:
    options = arguments()
    if not options.freeimd:  # only the arguments were to be checked
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Endurance(Settings(
        quick=options.quick, freeimd=options.freeimd, floor="", wsload=options.wsload, folder=options.folder,
        redis_port=int(options.redis_port), pin_server=options.pin_server.split(), pin_both=[], uwebsockets="",
        pin_load=options.pin_load.split()))
    bench.minutes = options.minutes
    for place, name in enumerate(options.only, 1):
        bench.case = name
        rounds = 1 if name == "soak" else options.rounds
        for round in range(1, rounds + 1):
            start = time.monotonic()
            say(f"case {place} of {len(options.only)}, {name}, round {round} of {rounds} ...")
            try:
                CASES[name](bench)
            except (RuntimeError, OSError) as error:
                bench.fault(f"{name}, round {round}: {error}")
            say(f"    took {time.monotonic() - start:.0f} s")
    build = {"commit": options.commit, "swift": options.swift, "freeimd": options.freeimd}
    rounds = 1 if options.only == ["soak"] else options.rounds
    print_table(bench, build, rounds, "measured", "beside")
    file = os.path.join(options.folder, "endurance.results.json")
    write_json(bench, build, rounds, file)
    say(f"the same and more as JSON: {file}")
    return 1 if bench.faults else 0


if __name__ == "__main__":
    sys.exit(main())
