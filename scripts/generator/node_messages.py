"""The messages of the Node client: for each a codec around three functions, which make a message, read its
fields and write them, without tables or reflection. Only JSON goes by the table of the fields.
"""

from __future__ import annotations

from model import Enum, Field, Message
from node_names import Scope, declared_name, member, place, property_name, reading, short_names, text
from semantics import is_time

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
WIRE_TYPES = {
    **dict.fromkeys(["fixed64", "sfixed64", "double"], EIGHT_BYTES),
    **dict.fromkeys(["fixed32", "sfixed32", "float"], FOUR_BYTES),
    **dict.fromkeys(["text", "bytes", "message", "map"], LENGTH),
}
BIG = frozenset("int64 uint64 sint64 fixed64 sfixed64".split())
# A key of a map, from the name of an object's property.
KEYS = {"bool": "booleanKey(key)", "text": "key", **dict.fromkeys(BIG, "bigintKey(key)")}


def tag(field: Field, wire_type: int | None = None) -> int:
    found = WIRE_TYPES.get(field.kind, VARINT) if wire_type is None else wire_type
    return field.number << 3 | found


def default(field: Field) -> str:
    if field.kind in BIG:
        return "0n"
    return {"bool": "false", "text": "''", "bytes": "new Uint8Array(0)"}.get(field.kind, "0")


def indented(lines: list[str], by: str = "  ") -> list[str]:
    return [f"{by}{line}" if line else "" for line in lines]


def enum_lines(enum: Enum) -> list[str]:
    prefix, short = short_names(enum)
    values = [f"  {name}: {value.number}," for name, value in zip(short, enum.values, strict=True)]
    name = declared_name(enum)
    return [f"export const {name} = enumeration({text(prefix)}, {{", *values, "})"]


class MessageTemplate:
    """One message of a file."""

    def __init__(self, message: Message, scope: Scope) -> None:
        self.message, self.scope = message, scope
        self.name = declared_name(message)
        self.oneofs = message.oneofs()

    def lines(self) -> list[str]:
        full_name = text(self.message.full_name)
        functions = f"blank{self.name}, read{self.name}, write{self.name}"
        parts = [
            [f"export const {self.name} = new MessageCodec({full_name}, {functions}, () => ["],
            [f"  {self.table_row(field)}," for field in self.message.fields],
            ["])", ""],
            [f"export function blank{self.name}() {{"],
            *self.blank(),
            ["}", "", f"export function read{self.name}(r, m) {{"],
            indented(self.read()),
            ["}", "", f"export function write{self.name}(w, m) {{"],
            indented(self.write()),
            ["}"],
        ]
        return [line for part in parts for line in part]

    def table_row(self, field: Field) -> str:
        part = field.value or field
        kind = "octets" if part.kind == "bytes" else part.kind
        row = [f"name: {text(field.json_name)}", f"proto: {text(field.name)}", f"number: {field.number}"]
        row.append(f"kind: {text(kind)}")
        if part.kind in ("message", "enum"):
            row.append(f"of: () => {self.scope.name(part.type_name)}")
        if field.key:
            row.append(f"map: {text(field.key.kind)}")
        row += ["repeated: true"] * field.repeated + ["presence: true"] * field.has_presence
        if field.oneof:
            row.append(f"oneof: {text(field.oneof)}")
        return f"{{ {', '.join(row)} }}"

    def blank(self) -> list[list[str]]:
        rows = [f"    {property_name(field)}: {self.initial(field)}," for field in self.message.fields]
        return [["  return {", *rows, "  }"]] if rows else [["  return {}"]]

    def initial(self, field: Field) -> str:
        if field.kind == "map":
            return "Object.create(null)"
        if field.repeated:
            return "[]"
        return "undefined" if field.has_presence else default(field)

    # Reading.

    def read(self) -> list[str]:
        cases = [line for field in self.message.fields for line in self.read_field(field)]
        body = ["switch (tag) {", *indented(cases), "  default:", "    r.unknown(tag, m)", "}"]
        return [
            "let tag = 0",
            "try {",
            "  while (r.pos < r.end) {",
            "    tag = 0",
            "    tag = r.tag()",
            *indented(body, "    "),
            "  }",
            "} catch (error) {",
            f"  throw r.place(error, {self.name}, tag)",
            "}",
            "return m",
        ]

    def read_field(self, field: Field) -> list[str]:
        target = member(field)
        if field.kind == "map":
            return self.read_map(field)
        if field.kind == "message":
            return self.read_message(field)
        value = f"r.{method(field)}()"
        if not field.repeated:
            body = [f"{target} = {value}", *self.clearing(field), "break"]
            return [f"case {tag(field)}:", *indented(body)]
        one = [f"case {tag(field)}:", f"  {target}.push({value})", "  break"]
        if tag(field) & 7 == LENGTH:
            return one
        packed = [
            "const end = r.open()",
            f"while (r.pos < r.end) {target}.push({value})",
            "r.end = end",
            "break",
        ]
        return [*one, f"case {tag(field, LENGTH)}: {{", *indented(packed), "}"]

    def read_message(self, field: Field) -> list[str]:
        target = member(field)
        read = self.scope.name(field.type_name, "read")
        blank = f"{self.scope.name(field.type_name, 'blank')}()"
        if field.repeated:
            value = f"{target}.push({read}(r, {blank}))"
        else:
            # A second one is merged into the first.
            value = f"{target} = {read}(r, {target} ?? {blank})"
        body = ["const end = r.enter()", value, "r.leave(end)", *self.clearing(field), "break"]
        return [f"case {tag(field)}: {{", *indented(body), "}"]

    def read_map(self, field: Field) -> list[str]:
        key, value = field.key, field.value
        assert key and value
        if value.kind == "message":
            read = self.scope.name(value.type_name, "read")
            initial = f"{self.scope.name(value.type_name, 'blank')}()"
            reads = ["const end = r.enter()", f"value = {read}(r, value)", "r.leave(end)"]
        else:
            initial = default(value)
            reads = [f"value = r.{method(value)}()"]
        cases = [
            f"case {tag(key)}:",
            f"  key = r.{method(key)}()",
            "  break",
            f"case {tag(value)}: {{",
            *indented([*reads, "break"]),
            "}",
            "default:",
            "  r.skip(entry)",
        ]
        body = [
            "const outer = r.enter()",
            f"let key = {default(key)}",
            f"let value = {initial}",
            "while (r.pos < r.end) {",
            "  const entry = r.tag()",
            "  switch (entry) {",
            *indented(cases, "    "),
            "  }",
            "}",
            "r.leave(outer)",
            f"{member(field)}[key] = value",
            "break",
        ]
        return [f"case {tag(field)}: {{", *indented(body), "}"]

    def clearing(self, field: Field) -> list[str]:
        """The last of a oneof's members is the one that counts."""
        others = [other for other in self.oneofs.get(field.oneof, []) if other is not field]
        return [f"{member(other)} = undefined" for other in others]

    # Writing.

    def write(self) -> list[str]:
        lines = [f"check(m, {self.name})"]
        for oneof, members in self.oneofs.items():
            if len(members) > 1:
                lines += self.write_oneof(oneof, members)
        if self.message.fields:
            lines.append("let v")
        for field in sorted(self.message.fields, key=lambda field: field.number):
            lines += self.write_field(field)
        return [*lines, "w.unknown(m[UNKNOWN])"]

    def write_oneof(self, oneof: str, members: list[Field]) -> list[str]:
        set_ones = " + ".join(f"({reading(one)} !== undefined)" for one in members)
        values = ", ".join(f"{property_name(one)}: {reading(one)}" for one in members)
        where = text(f"{self.message.name}.{oneof}")
        return [f"if ({set_ones} > 1) oneOf({where}, {{ {values} }})"]

    def write_field(self, field: Field) -> list[str]:
        where = place(self.message, field)
        condition = "v !== undefined"
        if field.kind == "map":
            body = self.write_map(field, where)
        elif field.repeated and field.packed:
            condition += f" && list(v, {where}).length !== 0"
            each = f"for (const one of v) w.{written(field)}(one, {where})"
            body = [f"w.tag({tag(field, LENGTH)})", "const at = w.open()", each, "w.close(at)"]
        elif field.repeated:
            each = [f"w.tag({tag(field)})", *self.write_value(field, "one", "at", where)]
            body = [f"for (const one of list(v, {where})) {{", *indented(each), "}"]
        else:
            if not field.has_presence:
                condition += f" && {differs(field)}"
            body = [f"w.tag({tag(field)})", *self.write_value(field, "v", "at", where)]
        return [f"v = {reading(field)}", f"if ({condition}) {{", *indented(body), "}"]

    def write_value(self, field: Field, value: str, at: str, where: str) -> list[str]:
        if field.kind != "message":
            return [f"w.{written(field)}({value}, {where})"]
        write = self.scope.name(field.type_name, "write")
        return [f"const {at} = w.enter({value}, {where})", f"{write}(w, {value})", f"w.leave({at})"]

    def write_map(self, field: Field, where: str) -> list[str]:
        key, value = field.key, field.value
        assert key and value
        name = KEYS.get(key.kind, "integerKey(key)")
        body = [
            f"w.tag({tag(field)})",
            "const at = w.open()",
            f"w.tag({tag(key)})",
            f"w.{written(key)}({name}, {where})",
            f"w.tag({tag(value)})",
            *self.write_value(value, "one", "inner", where),
            "w.close(at)",
        ]
        return [f"for (const [key, one] of entries(v, {where})) {{", *indented(body), "}"]


def method(field: Field) -> str:
    """The reader's method for a value."""
    return {"enum": "int32", "bytes": "octets"}.get(field.kind, field.kind)


def written(field: Field) -> str:
    """The writer's method for a value."""
    return "time" if is_time(field) else method(field)


def differs(field: Field) -> str:
    """Whether `v` is something else than the default, or of a wrong type."""
    match field.kind:
        case "float" | "double":
            # Minus zero is not the default.
            return "!Object.is(v, 0)"
        case "bytes":
            return "v?.length !== 0"
        case _:
            return f"v !== {default(field)}"
