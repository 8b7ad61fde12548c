"""Frames and envelopes, by their bytes."""

from __future__ import annotations

import pytest
from fake import Frame, Request

from tallystick import _wire
from tallystick._generated.v1.errors_pb2 import ErrorInfo


def test_a_frame_has_ten_bytes_big_endian_and_its_payload() -> None:
    frame = _wire.encode_frame(0x01020305, _wire.REQUEST, _wire.REMOTE_CLOSED, b"abc")
    assert frame.hex() == "00000003" + "01020305" + "01" + "01" + "616263"


@pytest.mark.parametrize("step", [1, 2, 3, 9, 10, 11, 1000])
def test_frames_come_whole_from_bytes_in_any_pieces(step: int) -> None:
    frames = [Frame(1, 2, 0, b""), Frame(3, 3, 5, b"x" * 300), Frame(1, 9, 255, b"y")]
    data = b"".join(_wire.encode_frame(*frame[:3], frame.payload) for frame in frames)
    parser = _wire.FrameParser()
    found = []
    for start in range(0, len(data), step):
        found += list(parser.feed(data[start : start + step]))
    assert found == frames


def test_a_frame_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    parser = _wire.FrameParser()
    header = _wire.HEADER.pack(_wire.LONGEST_PAYLOAD, 1, 2, 0)
    [(*_, payload)] = parser.feed(header + bytes(_wire.LONGEST_PAYLOAD))
    assert len(payload) == _wire.LONGEST_PAYLOAD
    with pytest.raises(_wire.ProtocolError):
        list(parser.feed(_wire.HEADER.pack(_wire.LONGEST_PAYLOAD + 1, 1, 2, 0)))


def test_a_request_has_its_fields() -> None:
    tail = _wire.encode_tail(300, [("k", "v"), ("k", "")])
    data = _wire.encode_request(_wire.encode_head("s", "m"), b"p", tail)
    assert data.hex() == "0a0173" + "12016d" + "1a0170" + "20ac02" + "2a060a016b120176" + "2a050a016b1200"
    request = Request(Frame(1, 1, 0, data))
    assert (request.service, request.method, request.payload) == ("s", "m", b"p")
    assert request.metadata == [("k", "v"), ("k", "")]
    assert (
        _wire.encode_request(_wire.encode_head("s", "m"), b"", _wire.encode_tail(0, [])).hex()
        == "0a017312016d"
    )


def test_a_response_is_read_with_its_details() -> None:
    info = ErrorInfo(reason="R", domain="tallystick").SerializeToString()
    detail = _wire._field(1, b"type.googleapis.com/tallystick.v1.ErrorInfo") + _wire._field(2, info)
    status = bytes([0x08, 9]) + _wire._field(2, "grüße".encode()) + _wire._field(3, detail)
    # Fields that nobody knows, of every wire type, are passed over.
    unknown = bytes([0x78, 1, 0x79, *range(8), 0x7D, *range(4)]) + _wire._field(15, b"?")
    response = _wire.decode_response(unknown + _wire._field(1, status) + _wire._field(2, b"p"))
    assert response == (9, "grüße", (("type.googleapis.com/tallystick.v1.ErrorInfo", info),), b"p")


def test_an_absent_and_an_empty_status_are_success() -> None:
    assert _wire.decode_response(b"") == (0, "", (), b"")
    assert _wire.decode_response(_wire._field(1, b"")) == (0, "", (), b"")


@pytest.mark.parametrize(
    "data", ["0a", "0a05", "0aff", "08", "0b", "0f", "ff" * 11, "0d0000", "09" + "00" * 7, "0801", "1001"]
)
def test_what_is_no_response_is_refused(data: str) -> None:
    with pytest.raises(_wire.ProtocolError):
        _wire.decode_response(bytes.fromhex(data))
