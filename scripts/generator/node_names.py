"""How the protos' names look in JavaScript, and where the generated modules are.

A property has the field's name in JSON. A message within a message is `Outer_Inner`; a name that JavaScript
has for something else gets a `$`.
"""

from __future__ import annotations

import json
import pathlib
import re

from model import Enum, Field, File, Message, Model, Refused, camel_case
from semantics import reasons

IDENTIFIER = re.compile(r"^[A-Za-z_$][A-Za-z0-9_$]*$")
# Properties that every object has already.
INHERITED = frozenset(
    "constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf __proto__ "
    "__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__".split()
)
# What the generated modules and their declarations use by name, and the reserved words.
TAKEN = frozenset(
    "Array AsyncIterable BigInt Boolean Buffer Date Error Function Iterable Map Math MessageCodec Number "
    "Object Promise RangeError ReadonlyMap Record Set String Symbol TypeError UNKNOWN Uint8Array "
    "undefined NaN Infinity any bigint boolean never number object string symbol unknown void bigintKey "
    "booleanKey check entries enumeration integerKey list oneOf own arguments await break case catch "
    "class const continue debugger default delete do else enum eval export extends false finally for "
    "function if implements import in instanceof interface let new null package private protected public "
    "return static super switch this throw true try typeof var while with yield".split()
)


def text(value: str) -> str:
    """A string literal."""
    return "'" + json.dumps(value, ensure_ascii=False)[1:-1].replace("'", "\\'").replace('\\"', '"') + "'"


def declared_name(declared: Message | Enum) -> str:
    scoped = f"{declared.parent}.{declared.name}".lstrip(".").replace(".", "_")
    return f"{scoped}$" if scoped in TAKEN else scoped


def property_name(field: Field) -> str:
    """The property in an object literal or an interface."""
    if field.json_name == "__proto__":
        return "['__proto__']"
    return field.json_name if IDENTIFIER.match(field.json_name) else text(field.json_name)


def place(message: Message, field: Field) -> str:
    """The message and the field for people, as a literal."""
    scoped = f"{message.parent}.{message.name}".lstrip(".")
    return text(f"{scoped}.{field.json_name}")


def member(field: Field) -> str:
    """The property of `m`, for assigning to it. A blank message has all of its own."""
    name = field.json_name
    return f"m.{name}" if IDENTIFIER.match(name) and name != "__proto__" else f"m[{text(name)}]"


def reading(field: Field) -> str:
    """The property of `m`, which may be anybody's object."""
    return f"own(m, {text(field.json_name)})" if field.json_name in INHERITED else member(field)


def short_names(enum: Enum) -> tuple[str, list[str]]:
    """The prefix that all of the values' names have, or nothing, and the names without it."""
    prefixes = {value.name.removesuffix(value.short_name) for value in enum.values}
    if len(prefixes) == 1 and all(value.short_name for value in enum.values):
        return prefixes.pop(), [value.short_name for value in enum.values]
    return "", [value.name for value in enum.values]


def camel_cased(document: str, model: Model) -> str:
    """The text, in which comments name fields and details as JavaScript does."""
    names = {field.name for message in model.messages() for field in message.fields}
    names |= {detail.name for reason in reasons(model.files) for detail in reason.details}

    def spelt(found: re.Match[str]) -> str:
        return f"`{camel_case(found[1])}`" if found[1] in names else found[0]

    return re.sub(r"`([a-z0-9]+(?:_[a-z0-9]+)+)`", spelt, document)


def module(file: File) -> str:
    """The module's path without a suffix, below the generated ones."""
    return str(pathlib.PurePosixPath(*file.package.split("."), pathlib.PurePosixPath(file.path).stem))


def relative(source: str, target: str) -> str:
    """A path of an import: from one module to another, both below the generated ones."""
    up = len(pathlib.PurePosixPath(source).parts) - 1
    return "../" * up + target if up else f"./{target}"


class Names:
    """Where each message and enum is, and what it is called there."""

    def __init__(self, model: Model) -> None:
        self.names: dict[str, str] = {}
        self.modules: dict[str, str] = {}
        for file in model.files:
            taken: set[str] = set()
            for declared in [*file.messages, *file.enums]:
                name = declared_name(declared)
                own = {name, f"{name}Init"} if isinstance(declared, Message) else {name}
                if taken & own:
                    raise Refused(f"{declared.full_name}: {name} stands for two things in JavaScript")
                taken |= own
                self.names[declared.full_name] = name
                self.modules[declared.full_name] = module(file)


class Scope:
    """What a generated module calls the others' messages and enums, and so has to import."""

    def __init__(self, path: str, names: Names) -> None:
        self.path, self.names = path, names
        self.found: dict[tuple[str, str], str] = {}
        declared = [name for full_name, name in names.names.items() if names.modules[full_name] == path]
        # A message has functions and types besides its codec.
        forms = ["{}", "{}Init", "blank{}", "read{}", "write{}"]
        self.taken = {form.format(name) for name in declared for form in forms}

    def name(self, full_name: str, prefix: str = "", suffix: str = "") -> str:
        """The name with something before or after it."""
        source = self.names.modules[full_name]
        name = f"{prefix}{self.names.names[full_name]}{suffix}"
        if source == self.path:
            return name
        if (source, name) not in self.found:
            local = name if name not in self.taken else f"{re.sub(r'[^a-zA-Z0-9]', '_', source)}_{name}"
            self.taken.add(local)
            self.found[source, name] = local
        return self.found[source, name]

    def imports(self, keyword: str = "import") -> list[str]:
        lines = []
        for source in sorted({source for source, _ in self.found}):
            names = sorted((name, local) for (where, name), local in self.found.items() if where == source)
            listed = ", ".join(name if name == local else f"{name} as {local}" for name, local in names)
            lines.append(f"{keyword} {{ {listed} }} from {text(relative(self.path, source) + '.js')}")
        return lines
