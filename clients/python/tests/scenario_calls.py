"""Calls by a method's name and proto3 JSON, through the client's own services.

Everything above the messages is what a user of the client would call: `client.credits.consume(user_id=...)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor_pb2 import MethodDescriptorProto
from google.protobuf.message import Message

from tallystick.errors import TallyError

PACKAGES = {
    "CreditService": "tallystick.v1",
    "UsageService": "tallystick.v1",
    "PageService": "tallystick.v1",
    "AdminService": "tallystick.v1",
    "Control": "tallystick.v1",
    "Conformance": "tallystick.testing.v1",
    "TestControl": "tallystick.testing.v1",
}
#: The services that a client has as attributes.
ATTRIBUTES = {
    "CreditService": "credits",
    "UsageService": "usage",
    "PageService": "pages",
    "AdminService": "admin",
    "Control": "control",
}


@dataclass(frozen=True)
class Target:
    """A method that a scenario names, `CreditService/Consume`."""

    package: str
    service: str
    name: str
    #: In the client's spelling, `consume`.
    function: str
    request: type[Message]
    response: type[Message]
    streams_requests: bool
    streams_responses: bool

    def message(self, value: Any) -> Message:
        return json_format.ParseDict(value, self.request())

    def messages(self, values: Iterable[Any]) -> list[Message]:
        return [self.message(value) for value in values]

    def arguments(self, value: Any) -> dict[str, Any]:
        """A request in proto3 JSON as the keyword arguments of the client's method."""
        return {field.name: part for field, part in self.message(value).ListFields()}


def target(name: str) -> Target:
    service, method = name.split("/")
    pool = descriptor_pool.Default()
    described = pool.FindServiceByName(f"{PACKAGES[service]}.{service}").methods_by_name[method]
    text = MethodDescriptorProto()
    described.CopyToProto(text)
    return Target(
        package=PACKAGES[service],
        service=service,
        name=method,
        function=re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower(),
        request=message_factory.GetMessageClass(described.input_type),
        response=message_factory.GetMessageClass(described.output_type),
        streams_requests=text.client_streaming,
        streams_responses=text.server_streaming,
    )


#: The method whose request a watch takes.
WATCH = target("CreditService/WatchTransactions")


def to_json(message: Message) -> dict[str, Any]:
    view: dict[str, Any] = json_format.MessageToDict(message)
    return view


#: What says that an argument cannot be sent.
ARGUMENT_ERRORS = (TypeError, ValueError, json_format.ParseError)


def error_to_json(error: Exception) -> dict[str, Any]:
    """What a scenario can expect of a failure, be it the language's own for a wrong argument."""
    if not isinstance(error, TallyError):
        return {"code": "INVALID_ARGUMENT", "reason": "", "message": str(error), "maybeApplied": False}
    return {
        "code": error.code.name,
        "reason": error.reason,
        "message": error.message,
        "details": dict(error.details),
        "maybeApplied": error.maybe_applied,
    }
