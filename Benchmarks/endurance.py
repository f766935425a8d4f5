"""What a node endures; started by the script `endurance`, which builds and starts what is needed."""
import argparse, sys

from compare.bench import Settings
from compare.runner import read_arguments, run
from endure.bench import Endurance
from endure.handshakes import slow_handshakes
from endure.soak import soak
from endure.stalled import stalled

CASES = {"soak": soak, "stalled": stalled, "slow-handshakes": slow_handshakes}


def arguments():
    parser = argparse.ArgumentParser(prog="Benchmarks/endurance")
    parser.add_argument("--minutes", type=float, default=0, help="of the soak; 120 by default")
    parser.add_argument("--rounds", type=int, default=0, help="of the other cases; 3 by default")
    parser.add_argument("--quick", action="store_true", help="one short round of each, and two minutes of the soak")
    options = read_arguments(parser, CASES, ())
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.minutes = options.minutes or (2 if options.quick else 120)
    return options


def main() -> int:
    options = arguments()
    if not options.freeimd:  # only the arguments were to be checked
        return 0
    bench = Endurance(Settings(
        quick=options.quick, freeimd=options.freeimd, floor="", wsload=options.wsload, folder=options.folder,
        redis_port=int(options.redis_port), pin_server=options.pin_server.split(), pin_both=[], uwebsockets="",
        pin_load=options.pin_load.split()))
    bench.minutes = options.minutes
    return run(bench, CASES, options, once=("soak",), headings=("measured", "beside"))


if __name__ == "__main__":
    sys.exit(main())
