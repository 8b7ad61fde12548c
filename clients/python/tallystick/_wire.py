"""ttrpc 1.2 on the wire: frames, and the two envelopes inside them. Bytes in, values out; no socket.

A frame is ten bytes and a payload: u32 length, u32 stream id, u8 type, u8 flags, big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Optional

HEADER = struct.Struct(">IIBB")

REQUEST, RESPONSE, DATA = 1, 2, 3
REMOTE_CLOSED, REMOTE_OPEN, NO_DATA = 0x01, 0x02, 0x04

#: A frame's first byte is zero, so this is the longest payload that the protocol can carry.
LONGEST_PAYLOAD = (1 << 24) - 1
#: Stream ids are odd and have 32 bits.
LAST_STREAM_ID = (1 << 32) - 1


class ProtocolError(Exception):
    """The peer does not speak ttrpc; the connection cannot go on."""


#: Stream id, type, flags and payload.
Frame = tuple[int, int, int, bytes]


def encode_frame(stream_id: int, kind: int, flags: int, payload: bytes) -> bytes:
    return HEADER.pack(len(payload), stream_id, kind, flags) + payload


class FrameParser:
    """Whole frames from bytes that come in any pieces."""

    def __init__(self) -> None:
        # The start of a frame whose end has not come, and how much of it is known to be missing.
        self._pieces: list[bytes] = []
        self._missing = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Raises ProtocolError."""
        if self._missing > len(data):
            # A long frame is joined once, when all of it is there.
            self._pieces.append(data)
            self._missing -= len(data)
            return []
        if self._pieces:
            self._pieces.append(data)
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._missing = 0
        frames: list[Frame] = []
        start, size = 0, len(data)
        while size - start >= HEADER.size:
            length, stream_id, kind, flags = HEADER.unpack_from(data, start)
            if length > LONGEST_PAYLOAD:
                raise ProtocolError(f"a frame of {length} bytes")
            end = start + HEADER.size + length
            if end > size:
                self._missing = end - size
                break
            frames.append((stream_id, kind, flags, data[start + HEADER.size : end]))
            start = end
        if start < size:
            self._pieces.append(data[start:])
        return frames


class Response(NamedTuple):
    """A Response envelope. Code 0 is success, whether the status was absent or empty."""

    code: int
    message: str
    #: Type URL and serialized message of each detail.
    details: tuple[tuple[str, bytes], ...]
    payload: bytes


def encode_head(service: str, method: str) -> bytes:
    """The start of every Request of a method."""
    return _field(1, service.encode()) + _field(2, method.encode())


def encode_tail(timeout_nanos: int, metadata: Iterable[tuple[str, str]]) -> bytes:
    """The end of a Request: its time-out, none when zero, and its metadata."""
    timeout = b"\x20" + _varint(timeout_nanos) if timeout_nanos else b""
    entries = [_field(5, _field(1, key.encode()) + _field(2, value.encode())) for key, value in metadata]
    return timeout + b"".join(entries)


def encode_request(head: bytes, payload: bytes, tail: bytes) -> bytes:
    """A Request envelope, from what `encode_head` and `encode_tail` made."""
    if not payload:
        return head + tail
    return head + b"\x1a" + _varint(len(payload)) + payload + tail


def decode_success(data: bytes) -> Optional[bytes]:
    """The payload of a Response that is a short or a middling payload and nothing else, as nearly all are."""
    size = len(data)
    if size > 2 and data[0] == 0x12:
        if data[1] < 0x80:
            if data[1] == size - 2:
                return data[2:]
        elif data[2] < 0x80 and data[1] & 0x7F | data[2] << 7 == size - 3:
            return data[3:]
    return None


def decode_response(data: bytes) -> Response:
    """Raises ProtocolError for what is not a Response."""
    code, message, payload = 0, "", b""
    details: list[tuple[str, bytes]] = []
    for number, value in _fields(data):
        if number == 1:
            for inner, content in _fields(_bytes(value)):
                if inner == 1:
                    code = _int(content)
                elif inner == 2:
                    message = _text(content)
                elif inner == 3:
                    details.append(_any(_bytes(content)))
        elif number == 2:
            payload = _bytes(value)
    return Response(code, message, tuple(details), payload)


def _any(data: bytes) -> tuple[str, bytes]:
    type_url, value = "", b""
    for number, content in _fields(data):
        if number == 1:
            type_url = _text(content)
        elif number == 2:
            value = _bytes(content)
    return type_url, value


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ProtocolError("a number where bytes belong")
    return value


def _int(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ProtocolError("bytes where a number belongs")
    return value


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise ProtocolError("a text that is not UTF-8") from error


def _varint(value: int) -> bytes:
    if value < 0x80:
        return _BYTES[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_BYTES = [bytes([value]) for value in range(0x80)]


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ProtocolError("a number without an end")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field's number and value: an int of wire type 0, bytes of wire types 1, 2 and 5."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        if kind == 0:
            number, at = _read_varint(data, at)
            yield tag >> 3, number
            continue
        if kind == 2:
            size, at = _read_varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ProtocolError(f"wire type {kind}")
        if size > len(data) - at:
            raise ProtocolError("a field that runs past the end")
        yield tag >> 3, data[at : at + size]
        at += size
