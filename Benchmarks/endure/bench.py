"""What the cases share: a node that wants tokens, what it takes of the machine, its metrics."""
import http.client, os, re

from compare.bench import MANIFESTS, Bench
from compare.redis import PREFIX
from compare.servers import Node


class Watched(Node):
    """A node, and what can be seen of it from outside."""

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def metrics(self) -> dict[str, float]:
        """What GET /metrics tells, without what is 0; nothing where the node has no time."""
        api = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=20)
        try:
            api.request("GET", "/metrics")
            lines = api.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return {}
        finally:
            api.close()
        found = re.findall(r"^((?:freeim|process|redis)_\S+) (\S+)", lines, re.MULTILINE)
        return {name: float(value) for name, value in found if float(value)}


class Endurance(Bench):
    minutes = 120.0  # of the soak
    stalled_rate = 0.0  # messages/s of all rounds; 0 until it is known

    def node(self, max_pending="1MiB") -> Watched:
        """A node with an empty Redis."""
        self.redis.call("FLUSHALL")
        settings = self.settings
        node = Watched(
            settings.pin_server, settings.freeimd, os.path.join(MANIFESTS, "endurance.yaml"),
            os.path.join(settings.folder, "endurance.node.log"), self.redis, heartbeat=30, loops=1)
        node.environment["FREEIM_BENCH_MAX_PENDING"] = max_pending
        return node

    def redis_resident_kb(self) -> int:
        with open(f"/proc/{self.redis_pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Rss:"))

    def present(self) -> dict[str, int]:
        """What Redis holds of clients: those online, and the memberships that ListChan counts."""
        counts = self.redis.call("HVALS", PREFIX + "ListChan")
        return {"online": self.redis.call("HLEN", PREFIX + "Online"), "memberships": sum(map(int, counts))}

    def remnants(self) -> dict[str, int]:
        """FreeIM's hashes that say who is online and in which channels, with the number of their fields."""
        names, cursor = [], "0"
        while True:
            cursor, found = self.redis.call("SCAN", cursor, "COUNT", 10_000, "TYPE", "hash")
            names += found
            if cursor == "0":
                break
        kept = re.compile(PREFIX + "(Online|ListChan|Chan|Client)")
        return {name: self.redis.call("HLEN", name) for name in names if kept.match(name)}
