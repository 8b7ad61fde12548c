"""Sources/TallyMessages/Generated/FieldProtocols+Messages.swift: which messages conform to which protocols.

The protocols are in FieldProtocols.swift. A request or a response conforms to one if it has all the fields
that the protocol requires, with their types. So the messages of a new method conform without anybody's help.
"""

from __future__ import annotations

import dataclasses

from model import Field, Message, Model
from swift_messages import HEADER, Types, identifier


@dataclasses.dataclass
class Protocol:
    name: str
    # Whether requests conform to it, or responses.
    of_requests: bool
    # From each field's name to its type: a kind of the model, or the full name of a message.
    fields: dict[str, str]


COMMIT = {"replayed": "bool", "commit_sequence": "int64", "commit_position": "int32"}
MONEY = COMMIT | {"transaction": "tallystick.v1.Transaction", "balance": "tallystick.v1.Balance"}

PROTOCOLS = [
    Protocol("KeyedRequest", True, {"idempotency_key": "text"}),
    Protocol("PagedRequest", True, {"cursor": "text", "limit": "int32"}),
    Protocol("NamesUserById", True, {"user_id": "text"}),
    Protocol("MoneyResponse", False, MONEY),
    Protocol("HoldResponse", False, MONEY | {"hold": "tallystick.v1.Hold"}),
    Protocol("RunResponse", False, COMMIT | {"run": "tallystick.v1.Run"}),
    Protocol("PageChangeResponse", False, {"change": "tallystick.v1.PageChange"}),
]


def generate(model: Model) -> dict[str, str]:
    types = Types(model)
    methods = [method for file in model.files for service in file.services for method in service.methods]
    requests = {method.input for method in methods}
    responses = {method.output for method in methods}
    lines = [HEADER.format(path="proto/")]
    for protocol in PROTOCOLS:
        asked = requests if protocol.of_requests else responses
        lines += [
            f"extension {types.names[message.full_name]}: {protocol.name} {{}}"
            for message in model.messages()
            if message.full_name in asked and has(message, protocol.fields)
        ]
        lines.append("")
    for message in model.messages():
        if message.full_name in requests and (user_ids := named_users(message, model)):
            lines += [
                f"extension {types.names[message.full_name]}: NamesUser {{",
                f"  package var namedUserId: String? {{ sharedUserId({user_ids}) }}",
                "}",
            ]
    return {"FieldProtocols+Messages.swift": "\n".join(lines).rstrip() + "\n"}


def has(message: Message, fields: dict[str, str]) -> bool:
    singular = {field.name: type_of(field) for field in message.fields if is_plain(field)}
    return fields.items() <= singular.items()


def is_plain(field: Field) -> bool:
    """Whether its property has the field's own type, which is optional for a message only."""
    return not field.repeated and not field.oneof and field.kind != "map"


def type_of(field: Field) -> str:
    return field.type_name or field.kind


def named_users(message: Message, model: Model) -> str | None:
    """A Swift sequence of the user ids in `user_ids`, or in the request's items; None without either."""
    for field in message.fields:
        if field.repeated and field.name == "user_ids":
            return identifier(field.name)
        if field.repeated and field.kind == "message" and names_user(model.message(field.type_name)):
            return f"{identifier(field.name)}.lazy.map(\\.userId)"
    return None


def names_user(message: Message) -> bool:
    return has(message, {"user_id": "text"})
