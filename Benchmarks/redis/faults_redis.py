"""Redis for `faults`: a client, the events of presence, and what ought to stand in FreeIM's keys."""
import re, socket
from collections import Counter

PREFIX = "im_v2_ws"
CHANNELS = 50
# FreeIM's own, byte for byte.
JOIN = ("if redis.call('HSETNX',KEYS[1],ARGV[1],0)==1 then redis.call('HSET',KEYS[2],ARGV[2],0) "
        "redis.call('HINCRBY',KEYS[3],ARGV[2],1) end return 1")


def channels_of(client: int) -> list[int]:
    """Every other client of a node is in a second channel."""
    place = client // 3
    first = place % CHANNELS
    return [first, (first + 1 + place // CHANNELS % (CHANNELS - 1)) % CHANNELS] if place % 2 else [first]


def encode(*arguments: str | int) -> bytes:
    parts = [str(argument).encode() for argument in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Redis:
    """Commands and their replies. Raises OSError where Redis is away; the next call connects anew."""

    def __init__(self, port: int):
        self.port = port
        self.socket: socket.socket | None = None

    def __call__(self, *arguments: str | int):
        return self.pipeline([arguments])[0]

    def pipeline(self, commands: list[tuple], portion: int = 500) -> list:
        """In portions, so that Redis serves others in between."""
        replies = []
        try:
            if not self.socket:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
                self.replies = self.socket.makefile("rb")
            for start in range(0, len(commands), portion):
                part = commands[start : start + portion]
                self.socket.sendall(b"".join(encode(*command) for command in part))
                replies += [self.read() for _ in part]
        except OSError:
            if self.socket:
                self.socket.close()
            self.socket = None
            raise
        return replies

    def read(self):
        line = self.replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self.replies.read(int(rest) + 2)[:-2].decode()
        if kind == b"-":
            # LOADING is one; the connection is not worth keeping.
            raise ConnectionError(rest.decode())
        return int(rest) if kind == b":" else rest.decode()


class Events:
    """Counts the online and offline events of each client."""

    MESSAGE = re.compile(rb'\*3\r\n\$7\r\nmessage\r\n\$\d+\r\n(evt_[^\r]+)\r\n\$\d+\r\n\{"Item1":(\d+),[^\r]*\r\n')

    def __init__(self, port: int):
        self.port = port
        self.socket: socket.socket | None = None
        self.clear()

    def clear(self):
        self.online: Counter[int] = Counter()
        self.offline: Counter[int] = Counter()

    def drain(self):
        """Takes what has come. Connects anew where Redis has gone: what was published meanwhile is missing."""
        try:
            if not self.socket:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=1)
                self.socket.sendall(encode("SUBSCRIBE", f"evt_{PREFIX}Online", f"evt_{PREFIX}Offline"))
                self.socket.setblocking(False)
                self.rest = b""
            while got := self.socket.recv(1 << 20):
                self.take(self.rest + got)
        except BlockingIOError:
            return
        except OSError:
            pass
        if self.socket:
            self.socket.close()
        self.socket = None

    def take(self, received: bytes):
        end = 0
        for message in self.MESSAGE.finditer(received):
            end = message.end()
            (self.online if message[1].endswith(b"Online") else self.offline)[int(message[2])] += 1
        self.rest = received[end:]


def join(redis: Redis, clients: list[int]):
    redis.pipeline([
        ("EVAL", JOIN, 3, f"{PREFIX}Chanc{channel}", f"{PREFIX}Client{client}", f"{PREFIX}ListChan", client, f"c{channel}")
        for client in clients for channel in channels_of(client)])


def members(present: set[int]) -> dict[str, set[str]]:
    """The members of each channel."""
    found: dict[str, set[str]] = {}
    for client in present:
        for channel in channels_of(client):
            found.setdefault(f"c{channel}", set()).add(str(client))
    return found


def looks_exact(redis: Redis, present: set[int]) -> bool:
    online, counts = redis.pipeline([("HLEN", PREFIX + "Online"), ("HVALS", PREFIX + "ListChan")])
    return online == len(present) and sum(map(int, counts)) == sum(len(channels_of(client)) for client in present)


def differences(redis: Redis, present: set[int]) -> list[str]:
    """What stands in Redis and ought not to, or the other way round. These clients alone, each once, in its channels."""
    found: list[str] = []

    def compare(what: str, stands: set, ought: set):
        for sign, wrong in (("+", stands - ought), ("-", ought - stands)):
            if wrong:
                found.append(f"{what}: {sign}{len(wrong)}, {', '.join(map(str, sorted(wrong)[:3]))}")

    wanted = members(present)
    keys, cursor = set(), "0"
    while True:
        cursor, page = redis("SCAN", cursor, "MATCH", PREFIX + "*", "COUNT", 1000)
        keys.update(page)
        if cursor == "0":
            break
    compare("Chan keys", {key for key in keys if key.startswith(PREFIX + "Chan")}, {f"{PREFIX}Chan{name}" for name in wanted})
    compare("Client keys", {key for key in keys if key.startswith(PREFIX + "Client")},
            {f"{PREFIX}Client{client}" for client in present})
    compare("Online", pairs(redis("HGETALL", PREFIX + "Online")), {(str(client), "1") for client in present})
    compare("ListChan", pairs(redis("HGETALL", PREFIX + "ListChan")),
            {(name, str(len(clients))) for name, clients in wanted.items()})
    for name, clients in wanted.items():
        compare("Chan" + name, set(redis("HKEYS", f"{PREFIX}Chan{name}")), clients)
    ordered = sorted(present)
    rows = redis.pipeline([("HKEYS", f"{PREFIX}Client{client}") for client in ordered], portion=200)
    compare("Client rows", {(client, name) for client, row in zip(ordered, rows) for name in row},
            {(client, f"c{channel}") for client in ordered for channel in channels_of(client)})
    return found


def pairs(flat: list[str]) -> set[tuple[str, str]]:
    return set(zip(flat[::2], flat[1::2]))
