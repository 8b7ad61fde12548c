"""The declarations of the Node client: its enums, and its messages as they are decoded and as given."""

from __future__ import annotations

import textwrap

from model import Enum, Field, Message
from node_messages import BIG
from node_names import Scope, declared_name, property_name, short_names
from semantics import is_amount, is_time

MAXIMUM_LINE = 110
KINDS = {"bool": "boolean", "text": "string", "bytes": "Uint8Array", **dict.fromkeys(BIG, "bigint")}


def documentation(comment: str, indent: str = "") -> list[str]:
    lines = comment.replace("*/", "*\\/").splitlines()
    if any(len(line) + len(indent) + 3 > MAXIMUM_LINE for line in lines):
        lines = textwrap.wrap(" ".join(lines), MAXIMUM_LINE - len(indent) - 3)
    if not lines:
        return []
    if len(lines) == 1 and len(lines[0]) + len(indent) + 7 <= MAXIMUM_LINE:
        return [f"{indent}/** {lines[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


def field_comment(field: Field) -> str:
    """What the .proto says, and the unit that its name says."""
    if is_time(field):
        unit = "Microseconds since the epoch, UTC."
    elif is_amount(field):
        unit = "Micro-dollars: 1_000_000n is one dollar."
    elif field.kind in BIG and field.name.endswith("_millis"):
        unit = "Milliseconds."
    else:
        unit = ""
    return "\n".join(part for part in (field.comment, unit) if part)


def enum_lines(enum: Enum) -> list[str]:
    _, short = short_names(enum)
    lines = [*documentation(enum.comment), f"export declare const {declared_name(enum)}: {{"]
    for name, value in zip(short, enum.values, strict=True):
        lines += [*documentation(value.comment, "  "), f"  readonly {name}: {value.number}"]
    numbers = list(dict.fromkeys(str(value.number) for value in enum.values))
    # A number that these declarations do not know is one too.
    union = " | ".join([*numbers, "(number & {})"])
    return [
        *lines,
        "  /** The value's name; undefined when it is not known here. */",
        "  nameOf(number: number): string | undefined",
        "}",
        f"export type {declared_name(enum)} = {union}",
    ]


def message_lines(message: Message, scope: Scope) -> list[str]:
    name = declared_name(message)
    lines = [*documentation(message.comment), f"export interface {name} {{"]
    for field in message.fields:
        lines += documentation(field_comment(field), "  ")
        absent = " | undefined" if field.has_presence else ""
        lines.append(f"  {property_name(field)}: {decoded(field, scope)}{absent}")
    lines += ["}", f"/** `{name}` as it is given: what is absent has its default. */"]
    lines.append(f"export interface {name}Init {{")
    for field in message.fields:
        lines += documentation(field_comment(field), "  ")
        lines.append(f"  {property_name(field)}?: {given(field, scope)} | undefined")
    return [*lines, "}", f"export declare const {name}: MessageCodec<{name}, {name}Init>"]


def element(field: Field, scope: Scope, suffix: str = "") -> str:
    if field.kind == "message":
        return scope.name(field.type_name, suffix=suffix)
    if field.kind == "enum":
        return scope.name(field.type_name)
    return KINDS.get(field.kind, "number")


def decoded(field: Field, scope: Scope) -> str:
    if field.value:
        return f"{{ [key: string]: {element(field.value, scope)} }}"
    one = element(field, scope)
    return f"{one}[]" if field.repeated else one


def given(field: Field, scope: Scope) -> str:
    if field.key and field.value:
        value = element(field.value, scope, "Init")
        key = KINDS.get(field.key.kind, "number")
        keys = key if key == "string" else f"{key} | string"
        return f"{{ readonly [key: string]: {value} }} | ReadonlyMap<{keys}, {value}>"
    one = element(field, scope, "Init")
    if is_time(field):
        one = "bigint | Date"
    if field.repeated:
        return f"readonly ({one})[]" if " " in one else f"readonly {one}[]"
    return one
