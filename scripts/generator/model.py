"""What the templates read: messages, enums and services, taken from a descriptor set.

Refuses what the project's rules refuse (recursion, nested messages, extensions), so that a mistake
in a .proto fails here with its name and not in a C decoder later.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re

from google.protobuf import descriptor_pb2

Proto = descriptor_pb2.FieldDescriptorProto

# Kinds of values as the templates see them.
SCALARS = {
    Proto.TYPE_INT32: "int32",
    Proto.TYPE_INT64: "int64",
    Proto.TYPE_UINT32: "uint32",
    Proto.TYPE_UINT64: "uint64",
    Proto.TYPE_BOOL: "bool",
    Proto.TYPE_STRING: "text",
    Proto.TYPE_BYTES: "bytes",
    Proto.TYPE_ENUM: "enum",
    Proto.TYPE_MESSAGE: "message",
}


class Refused(Exception):
    """A .proto breaks a rule of the project."""


@dataclasses.dataclass
class Field:
    name: str
    number: int
    # A value of SCALARS, or "map" (text to text).
    kind: str
    repeated: bool
    # The full name of the message or enum.
    type_name: str
    # The oneof's name, or empty.
    oneof: str
    comment: str


@dataclasses.dataclass
class Message:
    full_name: str
    fields: list[Field]
    comment: str

    @property
    def name(self) -> str:
        return self.full_name.rsplit(".", 1)[1]

    def oneofs(self) -> dict[str, list[Field]]:
        found: dict[str, list[Field]] = {}
        for field in self.fields:
            if field.oneof:
                found.setdefault(field.oneof, []).append(field)
        return found


@dataclasses.dataclass
class EnumValue:
    name: str
    # Without the enum's prefix, upper snake case.
    short_name: str
    number: int
    comment: str


@dataclasses.dataclass
class Enum:
    full_name: str
    # The message that the enum is declared in, or empty.
    parent: str
    values: list[EnumValue]
    comment: str

    @property
    def name(self) -> str:
        return self.full_name.rsplit(".", 1)[1]


@dataclasses.dataclass
class Method:
    name: str
    input: str
    output: str
    client_streaming: bool
    server_streaming: bool
    comment: str

    @property
    def kind(self) -> str:
        return {
            (False, False): "unary",
            (True, False): "client_stream",
            (False, True): "server_stream",
            (True, True): "bidirectional",
        }[self.client_streaming, self.server_streaming]


@dataclasses.dataclass
class Service:
    full_name: str
    methods: list[Method]
    comment: str

    @property
    def name(self) -> str:
        return self.full_name.rsplit(".", 1)[1]


@dataclasses.dataclass
class File:
    path: str
    package: str
    dependencies: list[str]
    messages: list[Message]
    enums: list[Enum]
    services: list[Service]
    descriptor: descriptor_pb2.FileDescriptorProto


@dataclasses.dataclass
class Model:
    files: list[File]
    # The set as protoc wrote it, with source information.
    source: pathlib.Path

    @staticmethod
    def read(source: pathlib.Path) -> Model:
        found = descriptor_pb2.FileDescriptorSet.FromString(source.read_bytes())
        model = Model([read_file(file) for file in found.file], source)
        refuse_recursion(model)
        return model

    def packages(self) -> list[str]:
        return sorted({file.package for file in self.files})

    def messages(self) -> list[Message]:
        return [message for file in self.files for message in file.messages]


def snake_case(name: str) -> str:
    """TransactionType -> TRANSACTION_TYPE, in lower case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def camel_case(name: str) -> str:
    """user_id and USER_ID -> userId."""
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


class Comments:
    """The comments of one file, by their place in it."""

    def __init__(self, file: descriptor_pb2.FileDescriptorProto) -> None:
        self.found = {
            tuple(location.path): location.leading_comments for location in file.source_code_info.location
        }

    def at(self, *path: int) -> str:
        return "\n".join(line.strip() for line in self.found.get(path, "").strip().splitlines())


def read_file(file: descriptor_pb2.FileDescriptorProto) -> File:
    if file.syntax != "proto3" or file.extension or file.public_dependency:
        raise Refused(f"{file.name}: only plain proto3, without extensions and public imports")
    comments = Comments(file)
    messages, enums = [], []
    for index, message in enumerate(file.message_type):
        messages.append(read_message(file.package, message, comments, index))
        for place, enum in enumerate(message.enum_type):
            scope = f"{file.package}.{message.name}"
            enums.append(read_enum(scope, message.name, enum, comments, (4, index, 4, place)))
    for index, enum in enumerate(file.enum_type):
        enums.append(read_enum(file.package, "", enum, comments, (5, index)))
    services = [
        read_service(file.package, service, comments, index) for index, service in enumerate(file.service)
    ]
    plain = descriptor_pb2.FileDescriptorProto()
    plain.CopyFrom(file)
    plain.ClearField("source_code_info")
    return File(file.name, file.package, list(file.dependency), messages, enums, services, plain)


def read_message(
    package: str, message: descriptor_pb2.DescriptorProto, comments: Comments, index: int
) -> Message:
    full_name = f"{package}.{message.name}"
    maps = {}
    for nested in message.nested_type:
        if not nested.options.map_entry:
            raise Refused(f"{full_name}.{nested.name}: nested messages are not supported")
        if {field.type for field in nested.field} != {Proto.TYPE_STRING}:
            raise Refused(f"{full_name}.{nested.name}: only map<string, string> is supported")
        maps[f".{full_name}.{nested.name}"] = nested
    fields = []
    for place, field in enumerate(message.field):
        where = f"{full_name}.{field.name}"
        if field.proto3_optional:
            raise Refused(f"{where}: presence is a one-member oneof, not `optional`")
        if field.type not in SCALARS:
            raise Refused(f"{where}: type {field.type} is not supported")
        is_map = field.type_name in maps
        oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
        fields.append(
            Field(
                name=field.name,
                number=field.number,
                kind="map" if is_map else SCALARS[field.type],
                repeated=field.label == Proto.LABEL_REPEATED and not is_map,
                type_name=field.type_name.lstrip("."),
                oneof=oneof,
                comment=comments.at(4, index, 2, place),
            )
        )
    return Message(full_name, fields, comments.at(4, index))


def read_enum(
    scope: str,
    parent: str,
    enum: descriptor_pb2.EnumDescriptorProto,
    comments: Comments,
    path: tuple[int, ...],
) -> Enum:
    prefix = snake_case(enum.name).upper() + "_"
    values = [
        EnumValue(value.name, value.name.removeprefix(prefix), value.number, comments.at(*path, 2, place))
        for place, value in enumerate(enum.value)
    ]
    return Enum(f"{scope}.{enum.name}", parent, values, comments.at(*path))


def read_service(
    package: str,
    service: descriptor_pb2.ServiceDescriptorProto,
    comments: Comments,
    index: int,
) -> Service:
    methods = [
        Method(
            method.name,
            method.input_type.lstrip("."),
            method.output_type.lstrip("."),
            method.client_streaming,
            method.server_streaming,
            comments.at(6, index, 2, place),
        )
        for place, method in enumerate(service.method)
    ]
    return Service(f"{package}.{service.name}", methods, comments.at(6, index))


def refuse_recursion(model: Model) -> None:
    """protobuf-c's decoder has no depth limit: what cannot recurse cannot exhaust the stack."""
    contents = {
        message.full_name: [f.type_name for f in message.fields if f.kind == "message"]
        for message in model.messages()
    }

    def walk(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise Refused(f"recursive message: {' -> '.join((*above, name))}")
        for inner in contents[name]:
            walk(inner, (*above, name))

    for name in contents:
        walk(name, ())
