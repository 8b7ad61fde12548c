"""Generates every target language from one descriptor set.

Usage: main.py SOURCES.binpb OUT. Writes the files under OUT as they lie in the repository, and
OUT/directories, the list of directories that hold nothing but generated files.

A further language is one more module with a `generate(model, out)` beside these, and one line here.
"""

import pathlib
import sys

import c_messages
import descriptors
import model
import python_client
import swift_messages
import vectors


def main() -> None:
    source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    sources = model.Model.read(source)
    directories = {
        "Sources/CMessages": [c_messages.generate, descriptors.generate_c],
        "Sources/Messages/Generated": [swift_messages.generate, descriptors.generate_swift],
        "proto/vectors/messages": [vectors.generate],
        "clients/python/tallystick/_generated": [python_client.generate],
    }
    for directory, generators in directories.items():
        (out / directory).mkdir(parents=True)
        for generate in generators:
            generate(sources, out / directory)
    (out / "directories").write_text("".join(f"{directory}\n" for directory in directories))


main()
