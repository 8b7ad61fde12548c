"""API.md of a client: its services with their methods, the messages, the enums and the errors, from the
comments of the protos. A further language is one more Language.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from model import Enum, Field, Message, Method, Model, Service, camel_case, snake_case
from node_names import camel_cased
from semantics import KEY, is_amount, is_time, key_field, reasons, repeatable

PACKAGE = "tallystick.v1"
# The client's property for each service.
PROPERTIES = {
    "CreditService": "credits",
    "UsageService": "usage",
    "PageService": "pages",
    "AdminService": "admin",
    "Control": "control",
}


@dataclasses.dataclass
class Language:
    title: str
    # What a reader has to know before the tables.
    introduction: str
    # The fence of code.
    fence: str
    field_name: Callable[[str], str]
    # A value's type in a message that the client answers, and in one that it is given.
    decoded: Callable[[Field], str]
    given: Callable[[Field], str]
    call: Callable[[Method, str, Model], str]
    # An enum's value, by the enum's name, its full and its short name.
    value: Callable[[str, str, str], str]
    number: str
    text: str


NODE_KINDS = {
    "bool": "boolean",
    "text": "string",
    "bytes": "Uint8Array",
    "int64": "bigint",
    "uint64": "bigint",
}
PYTHON_KINDS = {"bool": "bool", "text": "str", "bytes": "bytes"}


def simple(full_name: str) -> str:
    return full_name.rsplit(".", 1)[1]


def link(full_name: str) -> str:
    name = simple(full_name)
    return f"[{name}](#{name.lower()})"


def node_type(field: Field, scalar: str | None = None) -> str:
    if field.kind == "map":
        return "{ [key]: string }"
    named = field.kind in ("message", "enum")
    one = link(field.type_name) if named else scalar or NODE_KINDS.get(field.kind, "number")
    return f"{one}[]" if field.repeated else one


def node_given(field: Field) -> str:
    return node_type(field, "bigint or Date" if is_time(field) else None)


def node_call(method: Method, service: str, model: Model) -> str:
    request, response = simple(method.input), simple(method.output)
    name = method.name[0].lower() + method.name[1:]
    parameter = "request" if model.message(method.input).fields else "request?"
    shapes = {
        "unary": f"({parameter}: {request}, options?): Promise<{response}>",
        "server_stream": f"({parameter}: {request}, options?): ServerStream<{response}>",
        "client_stream": f"(requests: Iterable or AsyncIterable of {request}, options?): Promise<{response}>",
        "bidirectional": f"(options?): Duplex<{request}, {response}>",
    }
    return f"client.{service}.{name}{shapes[method.kind]}"


def python_type(field: Field, scalar: str | None = None) -> str:
    if field.kind == "map":
        return "Mapping[str, str]"
    named = field.kind in ("message", "enum")
    one = link(field.type_name) if named else scalar or PYTHON_KINDS.get(field.kind, "int")
    return f"list of {one}" if field.repeated else one


def python_given(field: Field) -> str:
    return python_type(field, "Amount" if is_amount(field) else "Time" if is_time(field) else None)


def python_call(method: Method, service: str, model: Model) -> str:
    request, response = simple(method.input), simple(method.output)
    fields = [f"{field.name}=..." for field in model.message(method.input).fields]
    keywords = ", ".join([*fields, "timeout=None"])
    shapes = {
        "unary": f"({keywords}) -> {response}",
        "server_stream": f"({keywords}) -> Stream[{response}]",
        "client_stream": f"(requests: Iterable[{request}], timeout=None) -> {response}",
        "bidirectional": f"(timeout=None) -> Duplex[{request}, {response}]",
    }
    return f"client.{service}.{snake_case(method.name)}{shapes[method.kind]}"


NODE_INTRODUCTION = """\
Amounts (`...Micros` that are no times) are `bigint`s of micro-dollars: `1_000_000n` is one dollar, and
`dollars('0.25')` is `250_000n`. Times are `bigint`s of microseconds since the epoch, UTC; a request takes a
`Date` too. A field that is left out of a request has its default. What may be absent is `undefined` in a
reply when it is; a message may always be."""
NODE = Language(
    title="Node",
    introduction=NODE_INTRODUCTION,
    fence="ts",
    field_name=camel_case,
    decoded=node_type,
    given=node_given,
    call=node_call,
    value=lambda enum, _, short: f"{enum}.{short}",
    number="bigint",
    text="string",
)
PYTHON_INTRODUCTION = """\
An `Amount` is an `int` of micro-dollars (`1_000_000` is one dollar) or a `Decimal` of dollars; replies have
micro-dollars. A `Time` is an `int` of microseconds since the epoch, UTC, or a `datetime` with a zone; replies
have microseconds. An argument that is left out has its default. `HasField` tells whether what may be absent
is there; a message always may. `AsyncClient` has the same methods, to be awaited; streams are `AsyncStream`
and `AsyncDuplex` there."""
PYTHON = Language(
    title="Python",
    introduction=PYTHON_INTRODUCTION,
    fence="python",
    field_name=lambda name: name,
    decoded=python_type,
    given=python_given,
    call=python_call,
    value=lambda _, full, __: full,
    number="int",
    text="str",
)


def generate_node(model: Model) -> dict[str, str]:
    return {"API.md": camel_cased(document(model, NODE), model)}


def generate_python(model: Model) -> dict[str, str]:
    return {"API.md": document(model, PYTHON)}


def document(model: Model, language: Language) -> str:
    files = [file for file in model.files if file.package == PACKAGE]
    services = [service for file in files for service in file.services]
    services.sort(key=lambda service: list(PROPERTIES).index(service.name))
    of_methods = {
        name for one in services for method in one.methods for name in (method.input, method.output)
    }
    messages = [message for file in files for message in file.messages]
    enums = [enum for file in files for enum in file.enums if enum.name != "Reason"]
    used = of_parameters(messages)
    lines = ["<!-- Generated by scripts/generate from proto/. Do not edit. -->", ""]
    lines += [f"# The API of tallystick for {language.title}", "", language.introduction, ""]
    lines += contents(services)
    for service in services:
        lines += service_lines(service, model, language)
    lines += ["", "## Messages"]
    for message in sorted(messages, key=lambda message: message.name):
        # A request or a reply is in its method's place, unless another message has it within.
        if message.full_name not in of_methods or message.full_name in used:
            lines += ["", f"### {message.name}", "", *paragraphs(message.comment)]
            lines += fields_table(message, language, language.decoded)
    lines += ["", "## Enums"]
    for enum in sorted(enums, key=lambda enum: enum.name):
        lines += enum_lines(enum, language)
    lines += ["", "## Errors", "", *error_lines(model, language)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def of_parameters(messages: list[Message]) -> set[str]:
    return {field.type_name for message in messages for field in message.fields if field.kind == "message"}


def contents(services: list[Service]) -> list[str]:
    rows = [
        f"- [{service.name}](#{service.name.lower()}), `client.{PROPERTIES[service.name]}`"
        for service in services
    ]
    return [*rows, "- [Messages](#messages)", "- [Enums](#enums)", "- [Errors](#errors)"]


def service_lines(service: Service, model: Model, language: Language) -> list[str]:
    name = PROPERTIES[service.name]
    lines = ["", f"## {service.name}", "", *paragraphs(service.comment)]
    for method in service.methods:
        request, response = model.message(method.input), model.message(method.output)
        lines += ["", f"### {service.name}.{method.name}", ""]
        lines += [f"```{language.fence}", language.call(method, name, model), "```", ""]
        lines += [*paragraphs(method.comment), repetition(method, model, language)]
        lines += table(
            "Request" if not method.client_streaming else "Each request", request, language, language.given
        )
        answer = "Each reply" if method.server_streaming else "Reply"
        lines += table(answer, response, language, language.decoded)
    return lines


def repetition(method: Method, model: Model, language: Language) -> str:
    key, repeats = key_field(method, model), repeatable(method, model)
    if method.client_streaming:
        return "The requests come once: nothing is sent again."
    if key:
        keyed = language.field_name(KEY)
        where = "" if key == KEY else " of each item"
        return f"A lost call is sent again with the same `{keyed}`{where}, which is made when none is given."
    if isinstance(repeats, str):
        return f"A lost call is sent again if `{language.field_name(repeats)}` is given."
    return "A lost call is sent again." if repeats else "A call that may have been applied is not sent again."


def table(title: str, message: Message, language: Language, kind: Callable[[Field], str]) -> list[str]:
    if not message.fields:
        return ["", f"{title}: nothing."]
    comment = " ".join(message.comment.split())
    return [
        "",
        f"{title}: {comment}".rstrip() if comment else f"{title}:",
        *fields_table(message, language, kind),
    ]


def fields_table(message: Message, language: Language, kind: Callable[[Field], str]) -> list[str]:
    if not message.fields:
        return []
    oneofs = message.oneofs()
    rows = ["", "| Field | Type | |", "|---|---|---|"]
    for field in message.fields:
        about, shown = field.comment, kind(field)
        if field.has_presence and field.kind != "message":
            shown += ", may be absent"
        others = [other.name for other in oneofs.get(field.oneof, []) if other is not field]
        if others:
            names = ", ".join(f"`{language.field_name(name)}`" for name in others)
            about = f"{about} Instead of {names}.".strip()
        rows.append(f"| `{language.field_name(field.name)}` | {cell(shown)} | {cell(about)} |")
    return rows


def enum_lines(enum: Enum, language: Language) -> list[str]:
    lines = ["", f"### {enum.name}", "", *paragraphs(enum.comment), "| Value | Number | |", "|---|---|---|"]
    for value in enum.values:
        name = language.value(enum.name, value.name, value.short_name)
        lines.append(f"| `{name}` | {value.number} | {cell(value.comment)} |")
    return lines


def error_lines(model: Model, language: Language) -> list[str]:
    lines = ["| Error | Details | |", "|---|---|---|"]
    for reason in reasons(model.files):
        details = ", ".join(
            f"`{language.field_name(detail.name)}` ({language.number if detail.is_number else language.text})"
            for detail in reason.details
        )
        lines.append(f"| `{reason.class_name}` | {details} | {cell(reason.comment)} |")
    return lines


def paragraphs(comment: str) -> list[str]:
    return [comment, ""] if comment else []


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
