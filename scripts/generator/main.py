#!/usr/bin/python3
"""protoc-gen-tallystick: a protoc plugin for all that is generated from proto/.

protoc gives a CodeGeneratorRequest on the standard input and takes the CodeGeneratorResponse from the
standard output. The option `target=NAME` is one of TARGETS; further ones are the target's own.
`main.py --targets` prints that table for scripts/generate: a target's name, its place, and the folders
below proto/ that it is made of.

A further language is one more module with a `generate(model)` beside these, and one line in TARGETS.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable

from google.protobuf.compiler import plugin_pb2

import c_messages
import descriptors
import documents
import node_client
import python_client
import rules
import swift_fields
import swift_messages
import vectors
from model import Model, Refused

# The text of each file, by its path below the target's directory.
Files = dict[str, str]


@dataclasses.dataclass
class Target:
    # A directory of generated files only, or one file.
    place: str
    generators: list[Callable[[Model], Files]]
    folders: str = "tallystick"
    # Whether protos are refused that TallyMessages cannot read.
    strict: bool = False


TARGETS = {
    "c": Target(
        "Sources/CTallyMessages",
        [c_messages.generate, descriptors.generate_c],
        "tallystick grpc",
        strict=True,
    ),
    "swift": Target(
        "Sources/TallyMessages/Generated",
        [swift_messages.generate, swift_fields.generate, descriptors.generate_swift],
        "tallystick grpc",
        strict=True,
    ),
    "vectors": Target("proto/vectors/messages", [vectors.generate], "tallystick grpc"),
    "python": Target("clients/python/tallystick/_generated", [python_client.generate]),
    "node": Target("clients/node/src/generated", [node_client.generate]),
    "python_documents": Target("clients/python/API.md", [documents.generate_python]),
    "node_documents": Target("clients/node/API.md", [documents.generate_node]),
}


def respond(request: plugin_pb2.CodeGeneratorRequest) -> plugin_pb2.CodeGeneratorResponse:
    response = plugin_pb2.CodeGeneratorResponse()
    response.supported_features = response.FEATURE_PROTO3_OPTIONAL
    options = dict(option.split("=", 1) for option in request.parameter.split(",") if "=" in option)
    name = options.pop("target", "")
    if name not in TARGETS:
        response.error = f"the option target= has to be one of {', '.join(TARGETS)}"
        return response
    target = TARGETS[name]
    try:
        model = Model.read(list(request.proto_file), options)
        if target.strict:
            rules.check(model)
        for generate in target.generators:
            for path, text in generate(model).items():
                response.file.add(name=path, content=text)
    except Refused as refused:
        response.error = str(refused)
    return response


def main() -> None:
    if sys.argv[1:] == ["--targets"]:
        for name, target in TARGETS.items():
            print(name, target.place, target.folders)
        return
    request = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(respond(request).SerializeToString())


main()
