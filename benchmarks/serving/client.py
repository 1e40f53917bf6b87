"""Clients of a server on this machine, as cheap as Python has them, since they share its cores with the server.

`python -m benchmarks.serving.client`, with what to do as JSON on stdin; what was seen comes as JSON on stdout. One
process and one thread: sockets that never block, and a buffer that all of them are received into.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass, field

BUFFER = 256 * 1024  # bytes: fits a core's cache
CONNECT_S = 30
PATIENCE_S = 60  # without a byte, and the server has stopped
SLOW_EVERY_S = 0.1  # that a slow client reads
_STATUS = re.compile(rb"HTTP/1\.1 (\d+) ")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Streamed:
    """`clients` streamed `size` bytes each. Seconds: until the last was done, until each was, and of the clients that
    came while these were at it, until each had its first byte. Bytes: what the slow client had by the end.
    """

    clients: int
    size: int
    seconds: float
    done: list[float]
    first_byte: list[float]
    slow: int
    cpu: float

    @property
    def rate(self) -> float:
        """Bytes a second, of all clients together."""
        return self.clients * self.size / self.seconds


@dataclass(frozen=True)
class Asked:
    """Requests that keep-alive connections had answered in so many seconds, those that were refused as too many, which
    do not count, and how long the slowest took.
    """

    requests: int
    refused: int
    seconds: float
    slowest: float
    cpu: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


@dataclass
class Connection:
    """A socket, when it was asked, and what is still to come of its body; None before the head of the answer is in."""

    socket: socket.socket
    began: float
    left: int | None = None
    size: int = 0
    status: int = 0
    head: bytearray = field(default_factory=bytearray)
    first: float | None = None
    got: int = 0

    def take(self, piece: memoryview) -> None:
        """What was received next."""
        if self.first is None:
            self.first = time.perf_counter()
        if self.left is None:
            self.head += piece
            place = self.head.find(_END)
            if place < 0:
                return
            status, length = _STATUS.match(self.head), _LENGTH.search(self.head[: place + 2])
            if status is None or status[1] not in (b"200", b"429") or length is None:
                sys.exit(f"benchmarks: not the answer that was asked for: {bytes(self.head[:500])!r}")
            self.status, self.size = int(status[1]), int(length[1])
            body = len(self.head) - place - len(_END)
            self.left, self.got = self.size - body, body
            self.head.clear()
        else:
            self.left -= len(piece)
            self.got += len(piece)


def open_connection(port: int, path: str, receive_buffer: int = 0) -> Connection:
    """Connect, and ask."""
    held = socket.socket()
    held.settimeout(CONNECT_S)
    if receive_buffer:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    began = time.perf_counter()
    held.connect(("127.0.0.1", port))
    held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    held.sendall(request(path))
    held.setblocking(False)
    return Connection(held, began)


def request(path: str) -> bytes:
    """What is asked."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\n\r\n".encode()


def stream(port: int, path: str, clients: int, slow: int = 0, late: int = 0) -> Streamed:
    """Stream with all clients at once, each to the end.

    `slow` is bytes a second of one more that reads no faster, for as long as the others stream; `late` how many come,
    one after the other, when the others are at it, and go when they have their first byte.
    """
    buffer = memoryview(bytearray(BUFFER))
    poll = select.epoll()
    began = time.perf_counter()
    held = {}
    for _ in range(clients):
        connection = open_connection(port, path)
        held[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
    dawdler = open_connection(port, path, 64 * 1024) if slow else None
    done: list[float] = []
    first_byte: list[float] = []
    late_ones: list[int] = []
    total = size = 0
    while len(done) < clients:
        events = poll.poll(SLOW_EVERY_S if dawdler else PATIENCE_S)
        if not events and not dawdler:
            sys.exit(f"benchmarks: no byte in {PATIENCE_S} s")
        for handle, _ in events:
            connection = held[handle]
            try:
                count = connection.socket.recv_into(buffer)
            except BlockingIOError:
                continue
            if not count:
                sys.exit("benchmarks: the server closed a connection before its answer was whole")
            connection.take(buffer[:count])
            total += count
            if handle in late_ones:
                first_byte.append((connection.first or 0.0) - connection.began)
                late_ones.remove(handle)
            elif connection.status == 429:
                sys.exit("benchmarks: the server refuses so many clients")
            elif connection.left == 0:
                done.append(time.perf_counter() - began)
                size = connection.size
            else:
                continue
            poll.unregister(handle)
            del held[handle]
            connection.socket.close()
        if dawdler:
            trickle(dawdler, slow, buffer)
        if len(first_byte) + len(late_ones) < late and not late_ones:
            some = next(iter(held.values()), None)
            if some and some.size and total > clients * some.size * (len(first_byte) + 1) / (late + 1):
                connection = open_connection(port, path)
                held[connection.socket.fileno()] = connection
                late_ones.append(connection.socket.fileno())
                poll.register(connection.socket, select.EPOLLIN)
    seconds = time.perf_counter() - began
    for connection in (*held.values(), *([dawdler] if dawdler else [])):
        connection.socket.close()
    slowly = dawdler.got if dawdler else 0
    return Streamed(clients, size, seconds, sorted(done), first_byte, slowly, time.process_time())


def trickle(connection: Connection, rate: int, buffer: memoryview) -> None:
    """Read what a client of so many bytes a second would have read by now."""
    due = int((time.perf_counter() - connection.began) * rate) - connection.got
    if due <= 0:
        return
    try:
        count = connection.socket.recv_into(buffer[: min(due, BUFFER)])
    except BlockingIOError:
        return
    if not count:
        sys.exit("benchmarks: the server closed the slow client's connection")
    connection.take(buffer[:count])


def ask(port: int, path: str, connections: int, seconds: float) -> Asked:
    """Ask again and again by some connections, each when it has its answer."""
    buffer = memoryview(bytearray(BUFFER))
    poll = select.epoll()
    asked = request(path)
    began = time.perf_counter()
    held = {}
    for _ in range(connections):
        connection = open_connection(port, path)
        held[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
    requests, refused, slowest = 0, 0, 0.0
    while (now := time.perf_counter()) < began + seconds:
        for handle, _ in poll.poll(PATIENCE_S):
            connection = held[handle]
            count = connection.socket.recv_into(buffer)
            if not count:
                sys.exit("benchmarks: the server closed a connection that was to be kept")
            connection.take(buffer[:count])
            if connection.left == 0:
                now = time.perf_counter()
                slowest = max(slowest, now - connection.began)
                if connection.status == 200:
                    requests += 1
                else:
                    refused += 1
                connection.began, connection.left = now, None
                connection.socket.send(asked)
    for connection in held.values():
        connection.socket.close()
    return Asked(requests, refused, now - began, slowest, time.process_time())


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    what = wanted.pop("what")
    print(json.dumps(asdict(ask(**wanted) if what == "ask" else stream(**wanted))))
