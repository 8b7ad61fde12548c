"""A server of frames for the tests of framing: it answers what the test tells it to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from tallystick import _wire
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest, EchoResponse
from tallystick.testing import Server


class Frame(NamedTuple):
    """What the parser found, by name."""

    stream_id: int
    type: int
    flags: int
    payload: bytes


Handler = Callable[["Peer", Frame], object]


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.connection = connection
        #: Which connection of the server this is, from 0.
        self.number = number

    def send(self, frame: bytes) -> None:
        self.connection.sendall(frame)

    def respond(self, stream_id: int, payload: bytes = b"", status: bytes = b"") -> None:
        envelope = b""
        if status:
            envelope += _wire._field(1, status)
        if payload:
            envelope += _wire._field(2, payload)
        self.send(_wire.encode_frame(stream_id, _wire.RESPONSE, 0, envelope))

    def data(self, stream_id: int, payload: bytes) -> None:
        self.send(_wire.encode_frame(stream_id, _wire.DATA, 0, payload))

    def end(self, stream_id: int) -> None:
        flags = _wire.REMOTE_CLOSED | _wire.NO_DATA
        self.send(_wire.encode_frame(stream_id, _wire.DATA, flags, b""))

    def hang_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)


class FakeServer:
    """Calls the handler for each frame, on the connection's own thread."""

    def __init__(self, path: pathlib.Path, handler: Handler) -> None:
        self.path = str(path)
        self.connections = 0
        self.frames: list[Frame] = []
        self._handler = handler
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(connection, self.connections)
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Peer) -> None:
        parser = _wire.FrameParser()
        with contextlib.suppress(OSError):
            while data := peer.connection.recv(1 << 16):
                for frame in map(Frame._make, parser.feed(data)):
                    self.frames.append(frame)
                    self._handler(peer, frame)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connection in self._open:
            connection.close()


class Request:
    """A Request envelope, read by the tests' own hand."""

    def __init__(self, frame: Frame) -> None:
        self.service = self.method = ""
        self.payload = b""
        self.timeout_nanos = 0
        self.metadata: list[tuple[str, str]] = []
        for number, value in _wire._fields(frame.payload):
            if number == 4:
                assert isinstance(value, int)
                self.timeout_nanos = value
                continue
            assert isinstance(value, bytes)
            if number == 1:
                self.service = value.decode()
            elif number == 2:
                self.method = value.decode()
            elif number == 3:
                self.payload = value
            elif number == 5:
                pair = dict(_wire._fields(value))
                key, text = pair[1], pair[2]
                assert isinstance(key, bytes)
                assert isinstance(text, bytes)
                self.metadata.append((key.decode(), text.decode()))


def echo(peer: Peer, frame: Frame) -> None:
    """A handler that answers as Conformance's Echo does."""
    request = EchoRequest.FromString(Request(frame).payload)
    peer.respond(frame.stream_id, EchoResponse(text=request.text, number=request.number).SerializeToString())


#: The seconds within which whatever a test waits for must happen, on however busy a machine.
PATIENCE = 300
#: A limit that is to pass, in seconds, and whose end is all that the test waits for: however late the machine
#: is, the outcome is the same.
SOON = 0.05
#: Between two looks at what is waited for, in seconds.
LOOK_SECONDS = 0.002
#: Deadlines, in seconds, for a test in which one shall pass after the call was sent: on a busy machine the
#: first may pass before, and then the next is tried.
GROWING_DEADLINES = [SOON * 2**power for power in range(11)]


def terminate(server: Server) -> int:
    """Ends the daemon in good order and leaves its files."""
    os.kill(server.pid, signal.SIGTERM)
    return server.wait()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(LOOK_SECONDS)


async def look() -> None:
    """Between two looks at what tasks of the loop bring about."""
    await asyncio.sleep(LOOK_SECONDS)


async def wait_until_async(condition: Callable[[], object]) -> None:
    """The same for what tasks of the loop bring about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await look()
