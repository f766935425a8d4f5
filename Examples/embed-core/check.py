"""Starts the example on a free port and looks at what a member and a stranger get."""
import json, os, signal, socket, subprocess, sys, time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(port, query):
    """Opens a WebSocket; returns the socket and the answer's first line."""
    deadline = time.monotonic() + 20
    while True:
        try:
            link = socket.create_connection(("127.0.0.1", port), timeout=10)
            break
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    link.sendall(
        f"GET /ws?{query} HTTP/1.1\r\nHost: club\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += link.recv(1)
    return link, answer.split(b"\r\n")[0].decode()


def text_frame(link):
    head = link.recv(2, socket.MSG_WAITALL)
    assert head[0] == 0x81, head
    return link.recv(head[1], socket.MSG_WAITALL).decode()


port = free_port()
example = subprocess.Popen([sys.argv[1], str(port)])
try:
    stranger, status = connect(port, "member=mallory&password=guess")
    assert status == "HTTP/1.1 403 Forbidden", status
    member, status = connect(port, "member=alice&password=open-sesame")
    assert status == "HTTP/1.1 101 Switching Protocols", status
    greeting = json.loads(text_frame(member))
    assert greeting == {"greeting": "welcome, alice"}, greeting
    example.send_signal(signal.SIGTERM)
    close = member.recv(4, socket.MSG_WAITALL)
    assert close[0] == 0x88 and close[2:] == b"\x03\xe9", close
    member.close()
    assert example.wait(timeout=20) == 0
    print("embed-core: a stranger is refused, a member is greeted, the node stops politely")
finally:
    if example.poll() is None:
        example.kill()
