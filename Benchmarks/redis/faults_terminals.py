"""Processes that hold terminals for `faults`: WebSockets in one epoll instance, told what to do through a pipe."""
import gc, json, resource, select, socket, time
from multiprocessing.connection import Connection

from faults_redis import PREFIX, channels_of, encode

UPGRADE = ("GET /ws?client={} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
HANDSHAKES = 100  # under way at a time
RATE = 100  # messages per s to the clients of each probed node


class Terminal:
    __slots__ = ("client", "socket", "rest", "is_open")

    def __init__(self, client: int, connection: socket.socket):
        self.client, self.socket, self.rest, self.is_open = client, connection, b"", False


class Terminals:
    """Answers each request of the pipe in turn; see the methods `do_...`."""

    def __init__(self, pipe: Connection):
        self.pipe = pipe
        self.epoll = select.epoll()
        self.by_file: dict[int, Terminal] = {}
        self.by_client: dict[int, Terminal] = {}
        self.waiting: list[tuple[int, int]] = []
        self.handshakes = 0
        self.note = ""
        self.closed = self.got = self.wrong = 0
        self.epoll.register(pipe.fileno(), select.EPOLLIN)

    def run(self):
        while True:
            for file, _ in self.epoll.poll(self.next_wake()):
                if file == self.pipe.fileno():
                    try:
                        name, *arguments = self.pipe.recv()
                    except EOFError:
                        return
                    getattr(self, "do_" + name)(*arguments)
                elif terminal := self.by_file.get(file):
                    self.ready(terminal)
                else:
                    self.other(file)
            self.tick()

    def next_wake(self) -> float:
        return 1

    def tick(self): ...

    def other(self, file: int): ...

    # ---- requests

    def do_open(self, clients: list[tuple[int, int]]):
        """Clients and ports. Answered with a note where one failed, once all are connected or have failed."""
        self.waiting, self.note = clients[::-1], ""
        self.connect_more()

    def do_close(self, clients: list[int]):
        for client in clients:
            if terminal := self.by_client.get(client):
                self.drop(terminal)
        self.pipe.send(None)

    def do_report(self):
        """Who is connected, how many connections the other side ended, how many messages of channels came."""
        is_open = [client for client, terminal in self.by_client.items() if terminal.is_open]
        self.pipe.send((is_open, self.closed, self.got, self.wrong))

    def do_clear(self):
        self.closed = self.got = self.wrong = 0
        self.pipe.send(None)

    # ---- connections

    def connect_more(self):
        while self.waiting and self.handshakes < HANDSHAKES:
            client, port = self.waiting.pop()
            connection = socket.socket()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            terminal = Terminal(client, connection)
            try:
                # To this machine: at once or never.
                connection.connect(("127.0.0.1", port))
                connection.setblocking(False)
                connection.send(UPGRADE.format(client).encode())
            except OSError as error:
                connection.close()
                self.note = f"client {client}: {error}"
                continue
            self.by_file[connection.fileno()] = self.by_client[client] = terminal
            self.epoll.register(connection.fileno(), select.EPOLLIN)
            self.handshakes += 1
        if not self.waiting and not self.handshakes:
            self.pipe.send(self.note)

    def drop(self, terminal: Terminal):
        del self.by_file[terminal.socket.fileno()], self.by_client[terminal.client]
        terminal.socket.close()

    def ready(self, terminal: Terminal):
        at = time.monotonic_ns()
        try:
            received = terminal.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            return self.lost(terminal, "connection ended")
        terminal.rest += received
        if not terminal.is_open:
            head, end, terminal.rest = terminal.rest.partition(b"\r\n\r\n")
            if not end:
                terminal.rest = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                return self.lost(terminal, head[:40].decode())
            terminal.is_open = True
            self.handshakes -= 1
            self.connect_more()
        self.frames(terminal, at)

    def lost(self, terminal: Terminal, why: str):
        self.drop(terminal)
        if terminal.is_open:
            self.closed += 1
            return
        self.note = f"client {terminal.client}: {why}"
        self.handshakes -= 1
        self.connect_more()

    def frames(self, terminal: Terminal, at: int):
        """The server's frames: whole, unmasked, and short here."""
        rest = terminal.rest
        while len(rest) >= 2 and rest[1] < 126 and len(rest) >= 2 + rest[1]:
            opcode, payload, rest = rest[0] & 15, rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
            if opcode == 1:
                self.message(terminal, payload, at)
            elif opcode == 9:
                # Masked with zeros.
                terminal.socket.send(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
        terminal.rest = rest

    def message(self, terminal: Terminal, payload: bytes, at: int):
        """`[5]` is a message for channel c5."""
        if payload[:1] == b"[" and json.loads(payload)[0] in channels_of(terminal.client):
            self.got += 1
        else:
            self.wrong += 1


class Prober(Terminals):
    """Sends its own clients messages as an unmodified FreeIM client does, and takes the time until they arrive."""

    def __init__(self, pipe: Connection, redis_port: int, servers: list[str]):
        super().__init__(pipe)
        self.redis_port, self.servers = redis_port, servers
        self.redis: socket.socket | None = None
        self.probed: list[int] = []
        self.due = self.turn = self.sent = self.failed = 0
        self.times: list[int] = []

    def do_probe(self, nodes: list[int]):
        """Which nodes' clients get messages from now on."""
        self.probed = nodes
        self.due = time.monotonic()
        self.pipe.send(None)

    def do_times(self):
        """How many were sent since the last call, how many of them could not be, and the times (ns) of those that arrived."""
        self.pipe.send((self.sent, self.failed, self.times))
        self.sent, self.failed, self.times = 0, 0, []

    def next_wake(self) -> float:
        return max(0, self.due - time.monotonic()) if self.probed else 1

    def tick(self):
        while self.probed and time.monotonic() >= self.due:
            self.due += 1 / RATE / len(self.probed)
            self.turn += 1
            node = self.probed[self.turn % len(self.probed)]
            clients = [client for client in self.by_client if client % 3 == node]
            if not clients:
                continue
            client = clients[self.turn // len(self.probed) % len(clients)]
            self.sent += 1
            try:
                if not self.redis:
                    self.redis = socket.create_connection(("127.0.0.1", self.redis_port), timeout=1)
                    self.redis.setblocking(False)
                    self.epoll.register(self.redis.fileno(), select.EPOLLIN)
                body = f'{{"Item1":0,"Item2":[{client}],"Item3":"{time.monotonic_ns()}","Item4":false}}'
                self.redis.send(encode("PUBLISH", f"{PREFIX}Server{self.servers[node]}", body))
            except OSError:
                self.failed += 1

    def other(self, file: int):
        """Redis' answers."""
        if not self.redis or file != self.redis.fileno():
            return
        try:
            if self.redis.recv(65536):
                return
        except OSError:
            pass
        self.epoll.unregister(file)
        self.redis.close()
        self.redis = None

    def message(self, terminal: Terminal, payload: bytes, at: int):
        if payload.isdigit():
            self.times.append(at - int(payload))
        else:
            super().message(terminal, payload, at)


def hold(pipe: Connection, *prober):
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    gc.disable()
    (Prober(pipe, *prober) if prober else Terminals(pipe)).run()
