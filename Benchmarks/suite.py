"""Node and floor in turn, case after case; started by the script `suite`, which builds and starts what is needed."""
import argparse, sys

from compare.bench import Bench, Settings
from compare.cases import CASES
from compare.runner import read_arguments, run


def arguments():
    parser = argparse.ArgumentParser(prog="Benchmarks/suite")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    options = read_arguments(parser, CASES, ("floor", "uwebsockets", "pin-both"))
    options.rounds = options.rounds or (1 if options.quick else 5)
    return options


def main() -> int:
    options = arguments()
    if not options.freeimd:  # only the arguments were to be checked
        print(*options.only)
        return 0
    bench = Bench(Settings(
        quick=options.quick, freeimd=options.freeimd, floor=options.floor, wsload=options.wsload,
        folder=options.folder, redis_port=int(options.redis_port), pin_server=options.pin_server.split(),
        pin_both=options.pin_both.split(), uwebsockets=options.uwebsockets,
        pin_load=options.pin_load.split()))
    return run(bench, CASES, options)


if __name__ == "__main__":
    sys.exit(main())
