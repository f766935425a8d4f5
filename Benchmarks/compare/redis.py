"""As much of Redis as the suite needs: commands, pipelines, and what FreeIM's ImHelper writes."""
import socket

# The scripts of ImHelper, byte for byte: a node must learn of it from Redis who joins and leaves.
JOIN = ("if redis.call('HSETNX',KEYS[1],ARGV[1],0)==1 then redis.call('HSET',KEYS[2],ARGV[2],0) "
        "redis.call('HINCRBY',KEYS[3],ARGV[2],1) end return 1")
LEAVE = ("if redis.call('HDEL',KEYS[1],ARGV[1])==1 then redis.call('HDEL',KEYS[2],ARGV[2]) "
         "if redis.call('HINCRBY',KEYS[3],ARGV[2],-1)<=0 then redis.call('HDEL',KEYS[3],ARGV[2]) end end return 1")
PREFIX = "im_v2_ws"


def encode(arguments):
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Redis:
    def __init__(self, port: int):
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.input = self.socket.makefile("rb", 1 << 16)

    def call(self, *arguments):
        self.socket.sendall(encode(arguments))
        return self._reply()

    def pipeline(self, commands, batch=500):
        """Runs the commands; their answers are only looked at for errors."""
        waiting: list[bytes] = []
        for command in commands:
            waiting.append(encode(command))
            if len(waiting) == batch:
                self._send(waiting)
        self._send(waiting)

    def _send(self, waiting: list[bytes]):
        self.socket.sendall(b"".join(waiting))
        for _ in waiting:
            self._reply()
        waiting.clear()

    def _reply(self):
        line = self.input.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise RuntimeError("Redis: " + rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.input.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        if not kind:
            raise RuntimeError("Redis has closed the connection")
        return rest.decode()

    def subscribers(self, channel: str) -> int:
        return self.call("PUBSUB", "NUMSUB", channel)[1]

    def info(self, section: str) -> dict[str, str]:
        lines = self.call("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def calls(self) -> dict[str, int]:
        """How often each command has run, by its name in lower case."""
        stats = self.info("commandstats").items()
        return {name.removeprefix("cmdstat_"): int(value.split(",")[0].removeprefix("calls=")) for name, value in stats}

    def reads(self) -> int:
        """How often Redis has read from a connection: a pipeline that arrives at once is one read."""
        return int(self.info("stats")["total_reads_processed"])

    def join(self, members):
        """`members`: pairs of a client and a channel."""
        self._change(JOIN, members)

    def leave(self, members):
        self._change(LEAVE, members)

    def _change(self, script: str, members):
        self.pipeline(
            ("EVAL", script, 3, f"{PREFIX}Chan{channel}", f"{PREFIX}Client{client}", f"{PREFIX}ListChan", client, channel)
            for client, channel in members)

    def store_tokens(self, count: int) -> list[str]:
        """Tokens for the clients 1 to `count`, in their order."""
        tokens = [f"{client:0128x}" for client in range(1, count + 1)]
        self.pipeline(
            ("SET", f"{PREFIX}Token{token}", f'{{"Item1":{client},"Item2":""}}', "EX", 600)
            for client, token in enumerate(tokens, 1))
        return tokens
