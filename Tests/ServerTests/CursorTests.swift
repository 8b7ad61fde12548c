// Cursors: each method takes its own for its own query, and nothing else.
//
// The methods are those of the protos whose request has a cursor, so that none can be forgotten.

import TallyMessages
import TallyProtoJSON
import Testing

@testable import TallyServer

@Suite("Cursors")
struct CursorTests {
  /// A field of text at the end of a message.
  private static func text(_ number: Int32, _ value: String) -> [UInt8] {
    varint(UInt64(number) << 3 | 2) + varint(UInt64(value.utf8.count)) + Array(value.utf8)
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = value
    while rest >= 128 {
      bytes.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  /// Methods whose request has a cursor, with the number of its field.
  private static func paged() throws -> [(row: MethodRow, field: Int32)] {
    var pool = DescriptorPool()
    for file in EmbeddedDescriptors.fileDescriptors { try pool.add(file: file.serialized) }
    var found: [(MethodRow, Int32)] = []
    for service in pool.services.values where service.fullName.hasPrefix("tallystick.v1.") {
      for method in service.methods {
        guard let field = try pool.message(method.input).fields.first(where: { $0.name == "cursor" }) else {
          continue
        }
        let row = try #require(
          MethodRow.all.first { $0.service == service.fullName && $0.method == method.name }, "\(method)")
        found.append((row, field.number))
      }
    }
    return found
  }

  /// A cursor of the form that some method makes.
  private static let wellFormed = [
    "garbage", "0", "pro", "%", String(repeating: "0", count: 16), String(repeating: "0", count: 32),
    String(repeating: "0", count: 48), "70726f" + String(repeating: "0", count: 16),
    "+000000000000001" + String(repeating: "0", count: 16), String(repeating: "é", count: 16),
  ]

  @Test("no method takes a cursor that it has not made: garbage, and those of all other methods")
  func foreign() async throws {
    let paged = try Self.paged()
    #expect(paged.count >= 9)
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      try await rig.prepare()
      var cursors: [(method: String, cursor: String)] = Self.wellFormed.map { ("", $0) }
      cursors += [
        ("ListPlans", Cursor.encode(after: "pro", TallystickV1.UsageService.listPlans, .init())),
        ("ListRuns", Cursor.encode(before: [1, 1], TallystickV1.UsageService.listRuns, .init())),
        ("ListUsers", Cursor.encode(before: 1, TallystickV1.AdminService.listUsers, .init())),
        ("ListRateLimits", Cursor.encode(before: 1, TallystickV1.AdminService.listRateLimits, .init())),
        (
          "ListTransactions",
          Cursor.encode(before: 1, TallystickV1.CreditService.listTransactions, .init())
        ),
        ("ListHolds", Cursor.encode(before: 1, TallystickV1.CreditService.listHolds, .init())),
        ("ListPages", Cursor.encode(before: 1, TallystickV1.PageService.listPages, .init())),
        ("ListVersions", Cursor.encode(before: 1, TallystickV1.PageService.listVersions, .init())),
        ("ListMedia", Cursor.encode(before: 1, TallystickV1.PageService.listMedia, .init())),
      ]
      for (row, field) in paged {
        let request = try await row.request(rig, "u1")
        for (method, cursor) in cursors where method != row.method {
          let reason = try await rig.reason(row, request + Self.text(field, cursor))
          #expect(reason == "INVALID_CURSOR", "\(row.name) takes \(cursor) of \(method)")
        }
      }
    }
  }

  @Test("plans are paged by their ids, whatever bytes these have")
  func plans() async throws {
    try await LiveServer.run { live in
      let ids = ["%", "a b", "pro", "pro2", "é", String(repeating: "z", count: Limits.planIdByteCount)]
      for id in ids { try await live.putPlan(id) }
      var seen: [String] = []
      var cursor = ""
      repeat {
        let page = try await live.call(TallystickV1.UsageService.listPlans) {
          $0.limit = 1
          $0.cursor = cursor
        }
        seen += page.plans.map(\.planId)
        cursor = page.nextCursor
      } while !cursor.isEmpty
      #expect(Set(seen) == Set(ids) && seen.count == ids.count)
    }
  }
}
