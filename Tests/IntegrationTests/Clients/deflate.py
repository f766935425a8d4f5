"""A WebSocket client with permessage-deflate, of Python's standard library alone: deflate.py PORT TARGET OFFER.

Sends each line of standard input as a compressed text, in fragments with a ping in between. Prints the answer's
Sec-WebSocket-Extensions, then each message as `compressed` or `plain`, and its text.
"""
import os, selectors, socket, struct, sys, zlib

port, target, offer = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def say(*words):
    print(*words, flush=True)


def frame(first, payload):
    key = os.urandom(4)
    length = (struct.pack("!B", 0x80 | len(payload)) if len(payload) < 126
              else struct.pack("!BH", 0x80 | 126, len(payload)) if len(payload) < 65536
              else struct.pack("!BQ", 0x80 | 127, len(payload)))
    return bytes([first]) + length + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def compressed(text):
    deflater = zlib.compressobj(wbits=-15)
    payload = (deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
    return frame(0x41, payload[:2]) + frame(0x89, b"?") + frame(0x00, payload[2:5]) + frame(0x80, payload[5:])


class Frames:
    def __init__(self, data):
        self.data = data

    def take(self):
        """(first byte, payload), or None where no whole frame is here."""
        if len(self.data) < 2:
            return None
        length, start = self.data[1], 2
        if length in (126, 127):
            start = 4 if length == 126 else 10
            length = int.from_bytes(self.data[2:start], "big")
        if len(self.data) < start + length:
            return None
        taken = self.data[0], self.data[start:start + length]
        self.data = self.data[start + length:]
        return taken


connection = socket.create_connection(("127.0.0.1", port))
connection.sendall((f"GET {target} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    f"Sec-WebSocket-Extensions: {offer}\r\n\r\n").encode())
data = b""
while b"\r\n\r\n" not in data:
    data += connection.recv(65536) or sys.exit("no answer")
head, data = data.split(b"\r\n\r\n", 1)
fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
say("opened", fields.get("sec-websocket-extensions", "-"))
# What the server may look back at.
bits = int(fields.get("sec-websocket-extensions", "").partition("server_max_window_bits=")[2] or 15)

frames, typed, selector = Frames(data), b"", selectors.DefaultSelector()
selector.register(connection, selectors.EVENT_READ)
selector.register(sys.stdin, selectors.EVENT_READ)
while True:
    while taken := frames.take():
        first, payload = taken
        if first & 0x0F == 0x1:
            is_compressed = first & 0x40 != 0
            text = zlib.decompressobj(-bits).decompress(payload + b"\0\0\xff\xff") if is_compressed else payload
            say("compressed" if is_compressed else "plain", text.decode())
        elif first & 0x0F == 0xA:
            say("pong", payload.decode())
    for key, _ in selector.select():
        if key.fileobj is connection:
            received = connection.recv(65536)
            if not received:
                sys.exit()
            frames.data += received
        else:
            typed += os.read(0, 65536) or sys.exit()
            *lines, typed = typed.split(b"\n")
            for line in lines:
                connection.sendall(compressed(line))
