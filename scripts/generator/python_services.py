"""The service stubs: a module for each service, with its methods' descriptions, and a class of them for
threads and one for asyncio.
"""

from __future__ import annotations

import dataclasses
import re

from model import Field, File, Message, Method, Model, Service, snake_case
from python_text import HEADER, docstring, module, python_package
from semantics import is_amount, is_time, key_field, repeatable


class Names:
    """Where the messages and enums are."""

    def __init__(self, files: list[File]) -> None:
        self.messages = {message.full_name: message for file in files for message in file.messages}
        self.types = {}
        for file in files:
            for declared in [*file.messages, *file.enums]:
                self.types[declared.full_name] = f"{module(file)}.{declared.name}"


def generate_services(model: Model) -> dict[str, str]:
    """A module for each service, and a package that has them all."""
    found = sorted((service.name, service) for file in model.files for service in file.services)
    lines = [f"from .{snake_case(name)} import Async{name}, {name}" for name, _ in found]
    classes = sorted([name for name, _ in found] + [f"Async{name}" for name, _ in found])
    exported = "\n".join(f'    "{name}",' for name in classes)
    text = HEADER.format(about="The classes of each service.") + "\n".join(lines)
    modules = {"__init__.py": text + f"\n\n__all__ = [\n{exported}\n]\n"}
    names = Names(model.files)
    for name, service in found:
        modules[f"{snake_case(name)}.py"] = service_module(service, names, model)
    return modules


@dataclasses.dataclass
class Flavour:
    """What differs between the two classes of a service."""

    prefix: str
    caller: str
    # What begins a call's function, and what takes its result.
    function: str
    wait: str
    stream: str
    duplex: str
    # Around the type of the messages that a client stream takes.
    source: str


THREADS = Flavour("", "Caller", "def", "", "Stream", "Duplex", "Iterable[{0}]")
ASYNCIO = Flavour(
    "Async",
    "AsyncCaller",
    "async def",
    "await ",
    "AsyncStream",
    "AsyncDuplex",
    "Union[AsyncIterable[{0}], Iterable[{0}]]",
)


def service_module(service: Service, names: Names, model: Model) -> str:
    methods = "\n".join(description(service, method, names, model) for method in service.methods)
    classes = "\n".join(service_class(service, names, flavour) for flavour in (THREADS, ASYNCIO))
    body = f"{methods}\n\n{classes}"
    standard = {
        "collections.abc": ["AsyncIterable", "Iterable", "Mapping"],
        "typing": ["Optional", "Union"],
    }
    ours = {
        "tallystick._async_calls": ["AsyncCaller"],
        "tallystick._async_stream": ["AsyncDuplex", "AsyncStream"],
        "tallystick._calls": ["Caller"],
        **{python_package(file.package): [] for file in model.files},
        "tallystick._rules": ["Method", "texts"],
        "tallystick._stream": ["Duplex", "Stream"],
        "tallystick.money": ["Amount", "to_micros"],
        "tallystick.times": ["Time", "to_timestamp"],
    }
    for file in model.files:
        ours[python_package(file.package)].append(module(file))
    groups = [
        "from __future__ import annotations",
        imports(standard, body),
        imports(ours, body),
    ]
    header = HEADER.format(about=f"`{service.full_name}`.")
    return header + "\n\n".join(group for group in groups if group) + "\n\n" + body


def imports(modules: dict[str, list[str]], body: str) -> str:
    """Imports of the names that the body's code has."""
    code = re.sub(r'""".*?"""', "", body, flags=re.DOTALL)
    lines = []
    for source, words in modules.items():
        used = [word for word in words if re.search(rf"\b{word}\b", code)]
        if used:
            lines.append(f"from {source} import {', '.join(used)}")
    return "\n".join(lines)


def constant(method: Method) -> str:
    return f"_{snake_case(method.name).upper()}"


def description(service: Service, method: Method, names: Names, model: Model) -> str:
    """The constant that says what a method is."""
    lines = [
        f"{constant(method)} = Method(",
        f'    "{service.full_name}",',
        f'    "{method.name}",',
        f"    {names.types[method.input]},",
        f"    {names.types[method.output]},",
    ]
    repeats = repeatable(method, model)
    if repeats:
        quoted = f'"{repeats}"' if isinstance(repeats, str) else repeats
        lines.append(f"    repeatable={quoted},")
    key = key_field(method, model)
    if key:
        lines.append(f'    key="{key}",')
    return "\n".join([*lines, ")"])


def service_class(service: Service, names: Names, flavour: Flavour) -> str:
    lines = ["", f"class {flavour.prefix}{service.name}:"]
    about = "for asyncio" if flavour is ASYNCIO else "for threads"
    comment = service.comment or f"The methods of `{service.full_name}`, {about}."
    lines += docstring(comment, "    ")
    lines += [
        "",
        f"    def __init__(self, caller: {flavour.caller}) -> None:",
        "        self._caller = caller",
    ]
    for method in service.methods:
        make = sending_lines if method.client_streaming else method_lines
        lines += make(method, names, flavour)
    return "\n".join(lines) + "\n"


def method_lines(method: Method, names: Names, flavour: Flavour) -> list[str]:
    request = names.messages[method.input]
    response = names.types[method.output]
    parameters = [parameter(field, request, names) for field in request.fields]
    parameters.append("timeout: Optional[float] = None")
    unary = method.kind == "unary"
    result = response if unary else f"{flavour.stream}[{response}]"
    return [
        "",
        f"    {flavour.function if unary else 'def'} {snake_case(method.name)}(",
        "        self,",
        "        *,",
        *(f"        {text}," for text in parameters),
        f"    ) -> {result}:",
        *docstring(method.comment or f"`{method.name}`.", "        "),
        *construction(constant(method), request.fields),
        f"        return {flavour.wait if unary else ''}self._caller.{method.kind}("
        f"{constant(method)}, request, timeout)",
    ]


def sending_lines(method: Method, names: Names, flavour: Flavour) -> list[str]:
    """A method that takes a stream of messages."""
    request, response = names.types[method.input], names.types[method.output]
    one_answer = method.kind == "client_stream"
    source = [f"        requests: {flavour.source.format(request)},"] if one_answer else []
    sent = ", requests" if one_answer else ""
    return [
        "",
        f"    {flavour.function if one_answer else 'def'} {snake_case(method.name)}(",
        "        self,",
        *source,
        "        *,",
        "        timeout: Optional[float] = None,",
        f"    ) -> {response if one_answer else f'{flavour.duplex}[{request}, {response}]'}:",
        *docstring(method.comment or f"`{method.name}`.", "        "),
        f"        return {flavour.wait if one_answer else ''}self._caller.{method.kind}("
        f"{constant(method)}{sent}, timeout)",
    ]


def construction(method: str, fields: list[Field]) -> list[str]:
    if not fields:
        return [f"        request = {method}.made()"]
    arguments = [f"            {field.name}={argument(field)}," for field in fields]
    return [f"        request = {method}.made(", *arguments, "        )"]


def parameter(field: Field, message: Message, names: Names) -> str:
    """A keyword parameter with its type and default. Every default is proto3's: absent."""
    if field.name == "timeout":
        raise ValueError(f"{message.full_name}.timeout hides the call's time-out")
    scalars = {"int32": "int", "int64": "int", "uint32": "int", "uint64": "int", "bool": "bool"}
    kinds = {**scalars, "text": "str", "bytes": "bytes"}
    defaults = {"text": '""', "bytes": 'b""', "bool": "False"}
    if is_amount(field):
        kind = "Amount"
    elif is_time(field):
        kind = "Time"
    elif field.kind == "enum":
        kind = f"Union[{names.types[field.type_name]}, str]"
    elif field.kind == "map":
        return f"{field.name}: Optional[Mapping[str, str]] = None"
    else:
        kind = kinds.get(field.kind) or names.types[field.type_name]
    if field.repeated:
        return f"{field.name}: Iterable[{kind}] = ()"
    if field.oneof or field.kind in ("message", "enum"):
        return f"{field.name}: Optional[{kind}] = None"
    return f"{field.name}: {kind} = {defaults.get(field.kind, '0')}"


def argument(field: Field) -> str:
    convert = "to_micros" if is_amount(field) else "to_timestamp" if is_time(field) else ""
    if field.repeated and field.kind == "text":
        return f"texts({field.name})"
    if not convert:
        return field.name
    if field.oneof:
        return f"None if {field.name} is None else {convert}({field.name})"
    return f"{convert}({field.name})"
