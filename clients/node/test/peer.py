"""Google's protobuf as a child process: answers one JSON line for each on its standard input.

- {"random": SEED, "type": T}: a random message, {"bytes": HEX, "json": ...}.
- {"bytes": HEX, "type": T}: what it makes of the bytes, {"bytes": HEX, "json": ...} or {"error": TEXT}.
- {"json": ..., "type": T}: what it makes of the JSON, likewise.

The bytes that are answered are deterministic: equal messages have equal ones.
"""

import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import warnings

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor as Field

PROTOS = pathlib.Path(__file__).parent / "proto"
DEEPEST = 4
TEXTS = ["", "a", "user-42", "grüße", "日本語", "🧾", "__proto__", "constructor", "\ufeffbom", "\0", "\ufffd"]
TEXTS += ["x" * 41, "y" * 300, "é" * 63, "é" * 64]
EDGES_32 = [0, 1, -1, 127, 128, -128, 16383, 16384, 2**31 - 1, -(2**31)]
EDGES_64 = [*EDGES_32, 2**31, 2**32 - 1, 2**32, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
DOUBLES = [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, 5e-324, 1e21, 123456789.125]
DOUBLES += [float("inf"), float("-inf"), float("nan")]
# Not the largest: json_format refuses what it has written of that.
FLOATS = [0.0, -0.0, 1.0, 0.1, 3.4e38, 1e-45, float("inf"), float("-inf"), float("nan"), 16777216.0]


def messages_of_protos():
    with tempfile.NamedTemporaryFile() as file:
        paths = sorted(path.name for path in PROTOS.glob("*.proto"))
        command = ["protoc", f"-I{PROTOS}", "--include_imports", f"--descriptor_set_out={file.name}"]
        subprocess.run([*command, *paths], check=True)
        found = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for one in found.file:
        pool.Add(one)
    # The newer releases' name for it, and the older ones'.
    get = (
        getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    )
    return lambda name: get(pool.FindMessageTypeByName(name))


def number(chance, edges, signed, bits):
    short = chance.getrandbits(chance.randrange(1, bits + 1))
    drawn = chance.choice([*edges, chance.getrandbits(bits), short])
    drawn &= (1 << bits) - 1
    return drawn - (1 << bits) if signed and drawn >> (bits - 1) else drawn


def value(field, chance):
    kind = field.type
    if kind == Field.TYPE_STRING:
        return chance.choice(TEXTS)
    if kind == Field.TYPE_BYTES:
        return chance.randbytes(chance.choice([0, 1, 7, 40, 200]))
    if kind == Field.TYPE_BOOL:
        return chance.random() < 0.5
    if kind == Field.TYPE_ENUM:
        return chance.choice([*field.enum_type.values_by_number, 99, -1])
    if kind == Field.TYPE_DOUBLE:
        return chance.choice([*DOUBLES, chance.uniform(-1e9, 1e9)])
    if kind == Field.TYPE_FLOAT:
        single = struct.unpack("<f", struct.pack("<f", chance.uniform(-1e6, 1e6)))[0]
        return chance.choice([*FLOATS, single])
    if kind in (Field.TYPE_INT32, Field.TYPE_SINT32, Field.TYPE_SFIXED32):
        return number(chance, EDGES_32, True, 32)
    if kind in (Field.TYPE_UINT32, Field.TYPE_FIXED32):
        return number(chance, EDGES_32, False, 32)
    if kind in (Field.TYPE_INT64, Field.TYPE_SINT64, Field.TYPE_SFIXED64):
        return number(chance, EDGES_64, True, 64)
    return number(chance, EDGES_64, False, 64)


def is_repeated(field):
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == Field.LABEL_REPEATED


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def fill(message, chance, depth):
    """Sets about a half of the fields; a oneof ends with the last of its members that was drawn."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.5 or (field.type == Field.TYPE_MESSAGE and depth >= DEEPEST):
            continue
        count = chance.choice([0, 1, 2, 3, 40]) if field.type != Field.TYPE_MESSAGE else chance.randrange(3)
        if is_map(field):
            fill_map(message, field, chance, depth, count)
        elif field.type == Field.TYPE_MESSAGE:
            if is_repeated(field):
                for _ in range(count):
                    fill(getattr(message, field.name).add(), chance, depth + 1)
            else:
                getattr(message, field.name).SetInParent()
                fill(getattr(message, field.name), chance, depth + 1)
        elif is_repeated(field):
            getattr(message, field.name).extend(value(field, chance) for _ in range(count))
        else:
            setattr(message, field.name, value(field, chance))


def fill_map(message, field, chance, depth, count):
    target = getattr(message, field.name)
    key, inner = field.message_type.fields
    for _ in range(count):
        drawn = value(key, chance)
        if inner.type == Field.TYPE_MESSAGE:
            fill(target[drawn], chance, depth + 1)
        else:
            target[drawn] = value(inner, chance)


def parse(message, data):
    """A tag of zero, or the end of a group that did not begin, ends the message here, with a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        message.ParseFromString(data)
    if caught:
        raise ValueError(str(caught[0].message))


def answer(request, prototype):
    message = prototype(request["type"])()
    try:
        if "random" in request:
            fill(message, random.Random(request["random"]), 0)
        elif "bytes" in request:
            parse(message, bytes.fromhex(request["bytes"]))
        else:
            json_format.ParseDict(request["json"], message)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    data = message.SerializeToString(deterministic=True)
    try:
        return {"bytes": data.hex(), "json": json_format.MessageToDict(message)}
    except Exception as error:
        return {"bytes": data.hex(), "no_json": str(error)}


def main():
    prototype = messages_of_protos()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), prototype)), flush=True)


main()
