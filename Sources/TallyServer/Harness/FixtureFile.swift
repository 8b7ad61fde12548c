// A fixture file: JSON that lists requests, in the order in which they are applied.
//
// Invariants:
// 1. The whole file is parsed before any item is applied, so a malformed file applies nothing.
// 2. An idempotency key or id that an item leaves out is derived from the item's place and content, so that
//    applying the same file again replays it.

internal import Crypto
internal import TallyCore
internal import TallyMessages
internal import TallyProtoJSON

/// One request of a file.
struct FixtureItem: Equatable {
  /// The item's place, such as `json.purchases[3]`.
  var place: String
  /// The place of the request's fields: the same, or `json.calls[3].request`.
  var path: String
  /// The field of the request that the item holds; empty when it holds the whole request.
  var wrapped: String
  /// The method's full name.
  var method: String
  var payload: [UInt8] = []

  /// The place in the file of a field of the request.
  func place(of field: String) -> String {
    let inner = field.hasPrefix(wrapped + ".") ? String(field.dropFirst(wrapped.utf8.count + 1)) : field
    return inner.isEmpty || inner == wrapped ? path : "\(path).\(inner)"
  }
}

struct FixtureFile {
  /// A list in a file, whose items are requests of one method.
  private struct Section {
    var name: String
    /// The method's name without `tallystick.v1.`.
    var method: String
    /// The request's one field, if an item holds that field's value.
    var wrapped: String?
    /// Fields beside the idempotency key that are derived when they are left out.
    var ids: [String] = []
  }

  /// In the order in which they are applied.
  private static let sections = [
    Section(name: "plans", method: "UsageService/PutPlan", wrapped: "plan"),
    Section(name: "users", method: "AdminService/PutUserSettings", wrapped: "settings"),
    Section(name: "purchases", method: "CreditService/AddPurchase", ids: ["payment_id"]),
    Section(name: "plan_grants", method: "CreditService/GrantPlan"),
    Section(name: "promos", method: "CreditService/GrantPromo"),
    Section(name: "media", method: "PageService/CreateMedia", ids: ["media_id"]),
    Section(name: "pages", method: "PageService/CreatePage", ids: ["page_id"]),
    Section(name: "runs", method: "UsageService/RecordRun", ids: ["run_id"]),
  ]
  private static let calls = "calls"
  private static let package = "tallystick.v1."

  private let pool: DescriptorPool
  /// Full names of request messages, by full names of methods.
  private let requests: [String: String]

  /// - Parameter methods: full names of the unary methods that `calls` may name.
  init(methods: Set<String>) throws(WireError) {
    var pool = DescriptorPool()
    for file in EmbeddedDescriptors.fileDescriptors { try pool.add(file: file.serialized) }
    self.pool = pool
    var requests: [String: String] = [:]
    for service in EmbeddedDescriptors.services {
      for method in service.methods where methods.contains("\(service.name)/\(method.name)") {
        requests["\(service.name)/\(method.name)"] = method.request
      }
    }
    self.requests = requests
  }

  /// - Throws: INVALID_FIELD, with a field such as `json.purchases[3].amountMicros`.
  func items(_ text: String) throws(Refusal) -> [FixtureItem] {
    let json: JSON
    do throws(JSONError) { json = try JSON.parse(text) } catch {
      throw invalidField("json", "is not valid JSON at byte \(error.offset): \(error.message)")
    }
    guard case .object(let members) = json else { throw invalidField("json", "must be an object") }
    var lists: [String: [JSON]] = [:]
    for member in members {
      let name = Self.sections.first { isNamed($0.name, member.name) }?.name ?? member.name
      guard name == Self.calls || Self.sections.contains(where: { $0.name == name }) else {
        throw invalidField("json.\(member.name)", "is not one of \(Self.names)")
      }
      guard case .array(let items) = member.value else {
        throw invalidField("json.\(member.name)", "must be an array")
      }
      if lists.updateValue(items, forKey: name) != nil {
        throw invalidField("json.\(member.name)", "is given twice, under both of its names")
      }
    }
    try Fields.elements(lists.values.reduce(0) { $0 + $1.count }, "json", atMost: Limits.fixtureItemCount)
    var items: [FixtureItem] = []
    for section in Self.sections {
      for (index, json) in (lists[section.name] ?? []).enumerated() {
        items.append(try item(json, section, place: "json.\(section.name)[\(index)]"))
      }
    }
    for (index, json) in (lists[Self.calls] ?? []).enumerated() {
      items.append(try call(json, place: "json.\(Self.calls)[\(index)]"))
    }
    return items
  }

  private static var names: String { (sections.map(\.name) + [calls]).joined(separator: ", ") }

  private func item(_ json: JSON, _ section: Section, place: String) throws(Refusal) -> FixtureItem {
    var item = FixtureItem(place: place, path: place, wrapped: "", method: Self.package + section.method)
    var request = json
    if let wrapped = section.wrapped, json[wrapped] == nil {
      request = .object([JSON.Member(wrapped, json)])
      item.wrapped = wrapped
    }
    item.payload = try encode(request, of: item, ids: section.ids)
    return item
  }

  private func call(_ json: JSON, place: String) throws(Refusal) -> FixtureItem {
    guard case .object(let members) = json else { throw invalidField(place, "must be an object") }
    for member in members where !["method", "request"].contains(member.name) {
      throw invalidField("\(place).\(member.name)", "is neither `method` nor `request`")
    }
    guard case .string(let name)? = json["method"] else {
      throw invalidField("\(place).method", "must be a method's name, such as CreditService/Consume")
    }
    let method = requests[name] == nil ? Self.package + name : name
    guard requests[method] != nil else {
      throw invalidField("\(place).method", "is not the name of a unary method")
    }
    var item = FixtureItem(place: place, path: "\(place).request", wrapped: "", method: method)
    item.payload = try encode(json["request"] ?? .object([]), of: item, ids: [])
    return item
  }

  private func encode(_ json: JSON, of item: FixtureItem, ids: [String]) throws(Refusal) -> [UInt8] {
    let type = requests[item.method] ?? ""
    let digest = SHA256.hash(data: Array("\(item.method) \(json.compact)".utf8)).prefix(8)
      .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    let id = "fixture:\(item.path.dropFirst("json.".utf8.count)):\(digest)"
    let whole = completed(json, pool.messages[type], ["idempotency_key"] + ids, id)
    do throws(MismatchError) { return try MessageEncoder(pool: pool).encode(whole, as: type) } catch {
      throw invalidField(item.place(of: error.path), "is invalid: \(error.message)")
    }
  }

  /// The request with the named fields filled in, and the idempotency keys of the messages in it.
  private func completed(
    _ json: JSON, _ type: MessageDescriptor?, _ names: [String], _ id: String
  ) -> JSON {
    guard case .object(var members) = json, let type, !type.isMapEntry else { return json }
    for index in members.indices {
      guard let field = type.fields.first(where: { isNamed($0.name, members[index].name) }),
        let inner = pool.messages[field.typeName]
      else { continue }
      let place = "\(id).\(field.name)"
      if case .array(let items) = members[index].value {
        members[index].value = .array(
          items.enumerated().map { completed($1, inner, ["idempotency_key"], "\(place)[\($0)]") })
      } else {
        members[index].value = completed(members[index].value, inner, ["idempotency_key"], place)
      }
    }
    for field in type.fields where names.contains(field.name) {
      if !members.contains(where: { isNamed(field.name, $0.name) }) {
        members.append(JSON.Member(field.name, .string(id)))
      }
    }
    return .object(members)
  }

  /// Whether `name` is the field's name, in camel case or as in the .proto.
  private func isNamed(_ field: String, _ name: String) -> Bool {
    name == field || name == lowerCamelCase(field)
  }
}
