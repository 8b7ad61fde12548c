"""The messages, enums and services of any proto3 files, as the generators read them.

What the project itself refuses of proto3 is rules.py's matter.
"""

from __future__ import annotations

import dataclasses
import re

from google.protobuf import descriptor_pb2

Proto = descriptor_pb2.FieldDescriptorProto

# The kinds of values.
KINDS = {
    Proto.TYPE_INT32: "int32",
    Proto.TYPE_INT64: "int64",
    Proto.TYPE_UINT32: "uint32",
    Proto.TYPE_UINT64: "uint64",
    Proto.TYPE_SINT32: "sint32",
    Proto.TYPE_SINT64: "sint64",
    Proto.TYPE_FIXED32: "fixed32",
    Proto.TYPE_FIXED64: "fixed64",
    Proto.TYPE_SFIXED32: "sfixed32",
    Proto.TYPE_SFIXED64: "sfixed64",
    Proto.TYPE_FLOAT: "float",
    Proto.TYPE_DOUBLE: "double",
    Proto.TYPE_BOOL: "bool",
    Proto.TYPE_STRING: "text",
    Proto.TYPE_BYTES: "bytes",
    Proto.TYPE_ENUM: "enum",
    Proto.TYPE_MESSAGE: "message",
}


class Refused(Exception):
    """A .proto uses something that a target, or the project, does not support."""


@dataclasses.dataclass
class Field:
    name: str
    json_name: str
    number: int
    # A value of KINDS, or "map", whose entries are `key` and `value`.
    kind: str
    repeated: bool
    # Whether a repeated field is written packed. Packed and unpacked fields are both read.
    packed: bool
    # The full name of the message or enum.
    type_name: str
    # The oneof's name, or empty.
    oneof: str
    # Declared `optional`.
    optional: bool
    comment: str
    key: Field | None = None
    value: Field | None = None

    @property
    def has_presence(self) -> bool:
        """Whether an absent field differs from one with the default value."""
        if self.repeated or self.kind == "map":
            return False
        return self.optional or bool(self.oneof) or self.kind == "message"


@dataclasses.dataclass
class Message:
    full_name: str
    # The message that this one is declared in, without the package, or empty.
    parent: str
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
    # The message that the enum is declared in, without the package, or empty.
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
    # As protoc gave it, without source information.
    descriptor: descriptor_pb2.FileDescriptorProto


@dataclasses.dataclass
class Model:
    # The files that were asked for and all that they import, each after those that it imports.
    files: list[File]
    # The plugin's options besides the target.
    options: dict[str, str]

    @staticmethod
    def read(files: list[descriptor_pb2.FileDescriptorProto], options: dict[str, str]) -> Model:
        return Model([read_file(file) for file in files], options)

    def packages(self) -> list[str]:
        return sorted({file.package for file in self.files})

    def messages(self) -> list[Message]:
        return [message for file in self.files for message in file.messages]

    def message(self, full_name: str) -> Message:
        [found] = [message for message in self.messages() if message.full_name == full_name]
        return found


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
    if file.syntax != "proto3":
        raise Refused(f"{file.name}: only proto3 is supported")
    comments = Comments(file)
    messages: list[Message] = []
    enums: list[Enum] = []
    for index, message in enumerate(file.message_type):
        found = read_message(file.package, "", message, comments, (4, index))
        messages += found[0]
        enums += found[1]
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
    package: str,
    parent: str,
    message: descriptor_pb2.DescriptorProto,
    comments: Comments,
    path: tuple[int, ...],
) -> tuple[list[Message], list[Enum]]:
    """The message and, after it, what is declared in it."""
    scoped = f"{parent}.{message.name}".lstrip(".")
    full_name = f"{package}.{scoped}".lstrip(".")
    entries = {
        f".{full_name}.{nested.name}": nested for nested in message.nested_type if nested.options.map_entry
    }
    fields = []
    for place, field in enumerate(message.field):
        comment = comments.at(*path, 2, place)
        fields.append(read_field(message, field, entries.get(field.type_name), comment))
    messages = [Message(full_name, parent, fields, comments.at(*path))]
    enums = [
        read_enum(full_name, scoped, enum, comments, (*path, 4, place))
        for place, enum in enumerate(message.enum_type)
    ]
    for place, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            found = read_message(package, scoped, nested, comments, (*path, 3, place))
            messages += found[0]
            enums += found[1]
    return messages, enums


def read_field(
    message: descriptor_pb2.DescriptorProto,
    field: Proto,
    entry: descriptor_pb2.DescriptorProto | None,
    comment: str,
) -> Field:
    in_oneof = field.HasField("oneof_index") and not field.proto3_optional
    repeated = field.label == Proto.LABEL_REPEATED and entry is None
    packable = KINDS[field.type] not in ("text", "bytes", "message")
    told = field.options.HasField("packed")
    found = Field(
        name=field.name,
        json_name=field.json_name,
        number=field.number,
        kind="map" if entry else KINDS[field.type],
        repeated=repeated,
        packed=repeated and packable and (field.options.packed or not told),
        type_name=field.type_name.lstrip("."),
        oneof=message.oneof_decl[field.oneof_index].name if in_oneof else "",
        optional=field.proto3_optional,
        comment=comment,
    )
    if entry:
        found.key, found.value = (read_field(entry, part, None, "") for part in entry.field)
    return found


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
    return Enum(f"{scope}.{enum.name}".lstrip("."), parent, values, comments.at(*path))


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
    return Service(f"{package}.{service.name}".lstrip("."), methods, comments.at(6, index))
