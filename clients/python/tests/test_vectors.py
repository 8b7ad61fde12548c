"""The vectors that every client reads: proto/vectors."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Callable

import pytest
from fake import PATIENCE, FakeServer, Handler
from google.protobuf import descriptor_pool
from results import recorded

from tallystick import Client, _wire, errors
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest, EchoResponse
from tallystick._rules import Method
from tallystick.aio import AsyncClient
from tallystick.errors import Code

VECTORS = pathlib.Path(__file__).parents[3] / "proto" / "vectors"


def answers() -> list[object]:
    """The cases of frames/client.txt: a name, the frame's type, flags and payload, and what a client makes of
    it.
    """
    found: list[object] = []
    for case in (VECTORS / "frames" / "client.txt").read_text().split("\ncase ")[1:]:
        name, answer, expected = case.strip().splitlines()[:3]
        kind, *words = answer.split()
        flags = int(words.pop(0), 16) if kind == "data" else 0
        frame = (_wire.DATA if kind == "data" else _wire.RESPONSE, flags, bytes.fromhex("".join(words)))
        found.append(pytest.param(frame, expected, id=name))
    return found


METHOD = Method("s", "m", EchoRequest, EchoResponse)


def call(socket_path: pathlib.Path) -> EchoResponse:
    with Client(socket_path, timeout=PATIENCE, retry_seconds=0) as client:
        return client.caller.unary(METHOD, EchoRequest(), None)


async def call_by_asyncio(socket_path: pathlib.Path) -> EchoResponse:
    async with AsyncClient(socket_path, timeout=PATIENCE, retry_seconds=0) as client:
        return await client.caller.unary(METHOD, EchoRequest(), None)


CLIENTS: dict[str, Callable[[pathlib.Path], EchoResponse]] = {
    "python": call,
    "python-asyncio": lambda path: asyncio.run(call_by_asyncio(path)),
}


@pytest.mark.parametrize(("answer", "expected"), answers())
@pytest.mark.parametrize("client", CLIENTS)
def test_an_answer_is_taken_as_the_vector_says(
    serve: Callable[[Handler], FakeServer],
    socket_path: pathlib.Path,
    client: str,
    answer: tuple[int, int, bytes],
    expected: str,
) -> None:
    outcome, *words = expected.split()
    serve(lambda peer, frame: peer.send(_wire.encode_frame(frame.stream_id, *answer)))
    with recorded(client, "vectors", "frames/client.txt"):
        if outcome == "ok":
            message = CLIENTS[client](socket_path)
            assert message.SerializeToString() == bytes.fromhex("".join(words))
            return
        with pytest.raises(errors.TallyError) as caught:
            CLIENTS[client](socket_path)
        assert caught.value.code == int(words[0])
        if caught.value.code == Code.INTERNAL and len(words) == 1:
            # Nobody knows what an answer that does not parse was to say.
            assert caught.value.maybe_applied
        else:
            assert caught.value.message.encode() == bytes.fromhex("".join(words[1:]))
            assert not caught.value.maybe_applied


@pytest.mark.parametrize("client", CLIENTS)
def test_messages_are_written_as_they_were_read(client: str) -> None:
    """Both clients have the same messages."""
    pool = descriptor_pool.Default()
    lines = (VECTORS / "messages" / "messages.txt").read_text().splitlines()
    vectors = [line.split() for line in lines if line.startswith("tallystick.")]
    assert len(vectors) > 200
    with recorded(client, "vectors", "messages/messages.txt"):
        for name, data in vectors:
            kind = pool.FindMessageTypeByName(name)._concrete_class  # type: ignore[attr-defined]
            message = kind.FromString(bytes.fromhex(data.replace("-", "")))
            assert message.SerializeToString(deterministic=True).hex() == data.replace("-", ""), name
