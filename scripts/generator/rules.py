"""What the project's own protos must not use, because of protobuf-c's decoder and generator.

A mistake in a .proto fails here with its name, and not in a C decoder later.
"""

from model import Field, Message, Model, Refused

# The kinds that TallyMessages reads.
KINDS = frozenset("int32 int64 uint32 uint64 bool text bytes enum message map".split())


def check(model: Model) -> None:
    for file in model.files:
        if file.descriptor.extension or file.descriptor.public_dependency:
            raise Refused(f"{file.path}: no extensions and no public imports")
    for message in model.messages():
        if message.parent:
            raise Refused(f"{message.full_name}: nested messages are not supported")
        for field in message.fields:
            check_field(message, field)
    refuse_recursion(model)


def check_field(message: Message, field: Field) -> None:
    where = f"{message.full_name}.{field.name}"
    if field.optional:
        raise Refused(f"{where}: presence is a one-member oneof, not `optional`")
    if field.kind not in KINDS:
        raise Refused(f"{where}: the type {field.kind} is not supported")
    if field.kind == "map" and {part.kind for part in (field.key, field.value) if part} != {"text"}:
        raise Refused(f"{where}: only map<string, string> is supported")


def refuse_recursion(model: Model) -> None:
    """protobuf-c's decoder has no depth limit, so recursive messages could exhaust the stack."""
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
