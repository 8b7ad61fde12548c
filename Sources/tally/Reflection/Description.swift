// Descriptors as .proto text, for `tally describe`.

internal import TallyProtoJSON

struct Description {
  var pool: DescriptorPool

  /// The text of a service, method, message or enum; nil if there is no such name.
  func text(of name: String) -> String? {
    if let service = pool.services[name] { return text(service) }
    if let message = pool.messages[name] { return text(message) }
    if let enumeration = pool.enums[name] { return text(enumeration) }
    return method(name).map { service, method in
      let types = [method.input, method.output].compactMap { pool.messages[$0] }.map(text)
      return (["// \(service.fullName)", line(method)] + types).joined(separator: "\n\n")
    }
  }

  /// A method by `package.Service/Method` or `package.Service.Method`.
  func method(_ name: String) -> (ServiceDescriptor, MethodDescriptor)? {
    guard let cut = name.lastIndex(of: "/") ?? name.lastIndex(of: "."),
      let service = pool.services[String(name[..<cut])],
      let method = service.methods.first(where: { $0.name == name[name.index(after: cut)...] })
    else { return nil }
    return (service, method)
  }

  func line(_ method: MethodDescriptor) -> String {
    let input = (method.clientStreams ? "stream " : "") + method.input
    let output = (method.serverStreams ? "stream " : "") + method.output
    return "rpc \(method.name)(\(input)) returns (\(output));"
  }

  private func text(_ service: ServiceDescriptor) -> String {
    block("service \(service.fullName)", service.methods.map(line))
  }

  private func text(_ enumeration: EnumDescriptor) -> String {
    block("enum \(enumeration.fullName)", enumeration.values.map { "\($0.name) = \($0.number);" })
  }

  private func text(_ message: MessageDescriptor) -> String {
    var lines: [String] = []
    var open: Int?
    for field in message.fields {
      if open != field.oneof {
        if open != nil { lines.append("}") }
        if let oneof = field.oneof, message.oneofs.indices.contains(oneof) {
          lines.append("oneof \(message.oneofs[oneof]) {")
        }
        open = field.oneof
      }
      lines.append((open == nil ? "" : "  ") + line(field))
    }
    if open != nil { lines.append("}") }
    return block("message \(message.fullName)", lines)
  }

  private func line(_ field: FieldDescriptor) -> String {
    if let entry = pool.mapEntry(field), entry.fields.count == 2 {
      return "map<\(type(entry.fields[0])), \(type(entry.fields[1]))> \(field.name) = \(field.number);"
    }
    return "\(field.isRepeated ? "repeated " : "")\(type(field)) \(field.name) = \(field.number);"
  }

  private func type(_ field: FieldDescriptor) -> String { field.kind.keyword ?? field.typeName }

  private func block(_ head: String, _ lines: [String]) -> String {
    lines.isEmpty ? "\(head) {}" : "\(head) {\n" + lines.map { "  \($0)\n" }.joined() + "}"
  }
}
