"""The Node client's service stubs and the errors by reason, each with its declarations."""

from __future__ import annotations

from model import File, Method, Model, Service, camel_case
from node_names import Names, Scope, relative, text
from node_types import documentation
from semantics import key_field, reasons, repeatable

KINDS = {
    "unary": "unary",
    "server_stream": "serverStream",
    "client_stream": "clientStream",
    "bidirectional": "bidirectional",
}


def method_name(method: Method) -> str:
    return method.name[0].lower() + method.name[1:]


class ServiceTemplate:
    """The module of one service."""

    def __init__(self, service: Service, path: str, names: Names, model: Model) -> None:
        self.service, self.path, self.model = service, path, model
        self.scope = Scope(path, names)

    def code(self) -> list[str]:
        name = self.service.name
        tables = [f"  {line}" for method in self.service.methods for line in self.method_table(method)]
        lines = [*self.scope.imports(), "", "const METHODS = Object.freeze({", *tables]
        lines += ["})", "", f"export class {name} {{", "  static methods = METHODS", "", "  #caller", ""]
        lines += ["  constructor(caller) {", "    this.#caller = caller", "  }"]
        for method in self.service.methods:
            lines += ["", *(f"  {line}" for line in self.method_code(method))]
        return [*lines, "}"]

    def method_table(self, method: Method) -> list[str]:
        keyed = key_field(method, self.model)
        key = "undefined" if keyed is None else text(camel_case(keyed))
        repeats = repeatable(method, self.model)
        if isinstance(repeats, str):
            [field] = [one for one in self.model.message(method.input).fields if one.name == repeats]
            condition = f"(request) => (request.{field.json_name} ?? '') !== ''"
        else:
            condition = "true" if repeats else "false"
        return [
            f"{method_name(method)}: Object.freeze({{",
            f"  service: {text(self.service.full_name)},",
            f"  name: {text(method.name)},",
            f"  kind: {text(KINDS[method.kind])},",
            f"  request: {self.scope.name(method.input)},",
            f"  response: {self.scope.name(method.output)},",
            f"  repeatable: {condition},",
            f"  key: {key},",
            "}),",
        ]

    def method_code(self, method: Method) -> list[str]:
        name = method_name(method)
        given = {"client_stream": "requests, ", "bidirectional": ""}.get(method.kind, "request, ")
        parameters = given
        if given == "request, " and not self.model.message(method.input).fields:
            parameters = "request = {}, "
        call = f"this.#caller.{KINDS[method.kind]}(METHODS.{name}, {given}options)"
        return [f"{name}({parameters}options) {{", f"  return {call}", "}"]

    def declarations(self) -> list[str]:
        lines = documentation(self.service.comment or f"The methods of `{self.service.full_name}`.")
        lines += [f"export declare class {self.service.name} {{", "  /** What each method is. */"]
        lines.append("  static readonly methods: {")
        for method in self.service.methods:
            request, response = self.types(method)
            lines.append(f"    readonly {method_name(method)}: Method<{request}, {response}>")
        lines += ["  }", "  constructor(caller: Caller)"]
        for method in self.service.methods:
            lines += [*documentation(method.comment, "  "), f"  {self.signature(method)}"]
        types = sorted({"Caller", "CallOptions", "Method", *self.stream_types()})
        runtime = text(relative(self.path, runtime_of(self.model)) + "/method.js")
        calls = f"import type {{ {', '.join(types)} }} from {runtime}"
        return [calls, *self.scope.imports("import type"), "", *lines, "}"]

    def stream_types(self) -> set[str]:
        found = {"server_stream": "ServerStream", "bidirectional": "Duplex"}
        return {found[method.kind] for method in self.service.methods if method.kind in found}

    def types(self, method: Method) -> tuple[str, str]:
        return self.scope.name(method.input, suffix="Init"), self.scope.name(method.output)

    def signature(self, method: Method) -> str:
        request, response = self.types(method)
        name = method_name(method)
        optional = "?" if not self.model.message(method.input).fields else ""
        match method.kind:
            case "unary":
                return f"{name}(request{optional}: {request}, options?: CallOptions): Promise<{response}>"
            case "server_stream":
                return (
                    f"{name}(request{optional}: {request}, options?: CallOptions): ServerStream<{response}>"
                )
            case "client_stream":
                requests = f"Iterable<{request}> | AsyncIterable<{request}>"
                return f"{name}(requests: {requests}, options?: CallOptions): Promise<{response}>"
            case _:
                return f"{name}(options?: CallOptions): Duplex<{request}, {response}>"


def runtime_of(model: Model) -> str:
    """Where the client's own modules are, seen from the generated ones."""
    return model.options.get("runtime", "..")


def errors_code(files: list[File], runtime: str) -> list[str]:
    found = reasons(files)
    lines = [f"import {{ TallyError }} from {text(runtime + '/status.js')}"]
    for reason in found:
        lines += ["", f"export class {reason.class_name} extends TallyError {{"]
        for detail in reason.details:
            read = "_number" if detail.is_number else "_text"
            lines += [
                f"  get {camel_case(detail.name)}() {{",
                f"    return this.{read}({text(detail.name)})",
                "  }",
            ]
        lines.append("}")
    table = [f"  {reason.name}: {reason.class_name}," for reason in found]
    return [*lines, "", "export const BY_REASON = Object.freeze({", "  __proto__: null,", *table, "})"]


def errors_declarations(files: list[File], runtime: str) -> list[str]:
    found = reasons(files)
    lines = [f"import {{ TallyError }} from {text(runtime + '/status.js')}"]
    for reason in found:
        lines += ["", *documentation(reason.comment or f"`{reason.name}`.")]
        lines.append(f"export declare class {reason.class_name} extends TallyError {{")
        for detail in reason.details:
            kind = "bigint" if detail.is_number else "string"
            lines += documentation(f"The detail '{detail.name}'. TypeError when the server sent none.", "  ")
            lines.append(f"  get {camel_case(detail.name)}(): {kind}")
        lines.append("}")
    table = [f"  readonly {reason.name}: typeof {reason.class_name}" for reason in found]
    about = "/** The class of each reason's name on the wire. */"
    return [*lines, "", about, "export declare const BY_REASON: {", *table, "}"]
