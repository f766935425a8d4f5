"""A program of this folder that works beside the load, and is asked for reports."""
import json, os, subprocess

from compare.background import Background
from .bench import Endurance


class Helper:
    """Ends with its `with`."""

    def __init__(self, bench: Endurance, name: str, *options):
        command = [*bench.settings.pin_load, os.path.join(bench.settings.folder, name), *map(str, options)]
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, what: str) -> dict:
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended")
        return json.loads(line)


class Watch(Background):
    """Calls `look` each `interval` seconds within its `with`, and keeps what it returns."""

    def __init__(self, look, interval: float):
        super().__init__()
        self.look, self.interval, self.seen = look, interval, []

    def run(self):
        while not self.is_over.wait(self.interval):
            self.seen.append(self.look())

    def most(self, key: str) -> float:
        return max((one[key] for one in self.seen), default=0)


def kernel_kb() -> int:
    """What the kernel holds for TCP's buffers, of all sockets of the machine."""
    with open("/proc/net/sockstat") as lines:
        words = next(line for line in lines if line.startswith("TCP:")).split()
    return int(words[words.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE") // 1024
