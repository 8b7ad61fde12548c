"""clients/python/tallystick/_generated: Google's messages, the service stubs, the errors by reason.

Google's modules are moved below the client's package, so that they claim no top-level name, and
only the project's own packages are made: other programs register grpc.* themselves.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import tempfile

from google.protobuf import descriptor_pb2

from model import File, Model
from python_services import generate_services
from python_text import HEADER, docstring, module, python_package
from semantics import Reason, reasons


def generate(model: Model) -> dict[str, str]:
    files = generate_messages(model)
    files["messages.py"] = messages_module(model.files)
    files |= {f"services/{path}": text for path, text in generate_services(model).items()}
    files["errors.py"] = errors_module(model.files)
    return files


def generate_messages(model: Model) -> dict[str, str]:
    """What protoc itself makes, below the client's package."""
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        sources = descriptor_pb2.FileDescriptorSet(file=[file.descriptor for file in model.files])
        (work / "sources.binpb").write_bytes(sources.SerializeToString())
        command = ["protoc", f"--descriptor_set_in={work}/sources.binpb"]
        command += [f"--python_out={work}", f"--pyi_out={work}", *(file.path for file in model.files)]
        subprocess.run(command, check=True)
        for file in model.files:
            target = pathlib.Path(*python_package(file.package).split(".")[2:])
            for suffix in (".py", ".pyi"):
                source = work / pathlib.Path(file.path).parent / f"{module(file)}{suffix}"
                found[str(target / source.name)] = moved(source.read_text())
    packages = {parent for path in found for parent in pathlib.Path(path).parents}
    text = HEADER.format(about="What protoc made.").rstrip() + "\n"
    return found | {str(package / "__init__.py"): text for package in packages}


def moved(text: str) -> str:
    """The module with its imports, and the name that its messages give as theirs, below the package."""
    text = re.sub(r"^from tallystick\.", "from tallystick._generated.", text, flags=re.M)
    built = r"(BuildTopDescriptorsAndMessages\(DESCRIPTOR, ')tallystick\."
    return re.sub(built, r"\1tallystick._generated.", text)


def messages_module(files: list[File]) -> str:
    """Everything of tallystick.v1 in one place."""
    lines, names = [], []
    for file in files:
        if file.package != "tallystick.v1":
            continue
        found = [message.name for message in file.messages]
        for enum in file.enums:
            found.append(enum.name)
            found += [value.name for value in enum.values]
        lines.append(f"from {python_package(file.package)}.{module(file)} import (")
        lines += [f"    {name}," for name in sorted(found)]
        lines.append(")")
        names += found
    names.sort(key=lambda name: (not name.isupper(), name))
    exported = "\n".join(f'    "{name}",' for name in names)
    about = "The messages and enums of tallystick.v1."
    return HEADER.format(about=about) + "\n".join(lines) + f"\n\n__all__ = [\n{exported}\n]\n"


def errors_module(files: list[File]) -> str:
    found = reasons(files)
    classes = [error_class(reason) for reason in found]
    table = "\n".join(f'    "{reason.name}": {reason.class_name},' for reason in found)
    names = ["BY_REASON", *sorted(reason.class_name for reason in found)]
    exported = "\n".join(f'    "{name}",' for name in names)
    return (
        HEADER.format(about="An exception for each reason of errors.proto.")
        + "from __future__ import annotations\n\n"
        + "from tallystick._status import TallyError\n\n"
        + "\n".join(classes)
        + "\n\n#: The exception of each reason's name on the wire.\n"
        + f"BY_REASON: dict[str, type[TallyError]] = {{\n{table}\n}}\n\n__all__ = [\n{exported}\n]\n"
    )


def error_class(reason: Reason) -> str:
    comment = reason.comment or f"`{reason.name}`."
    lines = ["", f"class {reason.class_name}(TallyError):", *docstring(comment, "    ")]
    for detail in reason.details:
        kind, read = ("int", "_number") if detail.is_number else ("str", "_text")
        lines += [
            "",
            "    @property",
            f"    def {detail.name}(self) -> {kind}:",
            f'        """The detail `{detail.name}`."""',
            f'        return self.{read}("{detail.name}")',
        ]
    return "\n".join(lines) + "\n"
