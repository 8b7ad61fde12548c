// Every method of the product's services, as each kind of caller: generated from the service descriptors and
// the table of how to call each method.

import Foundation
import Glibc
import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Matrix of methods and callers") struct ActingUserMatrixTests {
  private static let services = ["CreditService", "UsageService", "PageService", "AdminService"]
    .map { "tallystick.v1.\($0)" }

  @Test("every method of the services has a row of the table, and every row a method") func table() {
    let methods = EmbeddedDescriptors.services.filter { Self.services.contains($0.name) }
      .flatMap { service in service.methods.map { "\(service.name)/\($0.name)" } }
    #expect(methods.count > 50)
    #expect(Set(methods).subtracting(MethodRow.all.map(\.name)).sorted() == [])
    #expect(Set(MethodRow.all.map(\.name)).subtracting(methods).sorted() == [])
    #expect(Set(MethodRow.all.map(\.name)).count == MethodRow.all.count)
  }

  /// Who calls about whose row.
  private enum Caller: String, CaseIterable {
    case own, foreign, absent, adminOwn, adminForeign, adminAbsent, nobody, nobodyAbsent

    var actingUser: String? {
      switch self {
      case .own, .foreign, .absent: "u1"
      case .adminOwn, .adminForeign, .adminAbsent: "boss"
      case .nobody, .nobodyAbsent: nil
      }
    }

    /// Whose row it is; nil when there is none.
    var owner: String? {
      switch self {
      case .own: "u1"
      case .adminOwn: "boss"
      case .foreign, .adminForeign, .nobody: "u2"
      case .absent, .adminAbsent, .nobodyAbsent: nil
      }
    }
  }

  @Test("an acting user reaches its own rows only, and what needs an admin as an admin only")
  func actingUsers() async throws {
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      try await rig.prepare()
      for row in MethodRow.all {
        for caller in Caller.allCases {
          let payload = try await row.request(rig, caller.owner)
          let reason = try await rig.reason(row, payload, actingUser: caller.actingUser)
          check(row, caller, reason)
        }
      }
    }
  }

  private func check(_ row: MethodRow, _ caller: Caller, _ reason: String?) {
    let place: Comment = "\(row.name) as \(caller): \(reason ?? "carried out")"
    let isAdmin = caller.actingUser != "u1"
    if !isAdmin, row.scope == .administration || row.role == .admin {
      #expect(reason == "ROLE_REQUIRED", place)
      return
    }
    switch (row.scope, caller) {
    case (.user, .foreign), (.user, .absent), (.user, .adminForeign), (.user, .adminAbsent):
      #expect(reason == "ACTING_USER", place)
    case (.object(let missing), .foreign), (.object(let missing), .absent),
      (.object(let missing), .adminForeign), (.object(let missing), .adminAbsent),
      (.object(let missing), .nobodyAbsent):
      #expect(reason == missing, place)
    case (.user, .nobodyAbsent):
      // Nobody's credit does not suffice, and nobody owes; else whoever is not known is an empty user.
      let refusal =
        switch row.method {
        case Credits.forgiveOwed.method: "INVALID_AMOUNT"
        case Pages.getPageBySlug.method: "PAGE_NOT_FOUND"
        default: "INSUFFICIENT_CREDITS"
        }
      #expect(reason == nil || reason == refusal, place)
    case (.administration, .adminAbsent), (.administration, .nobodyAbsent):
      #expect([nil, "USER_NOT_FOUND", "TOP_UP_INTENT_NOT_FOUND"].contains(reason), place)
    case (.everybody, _):
      #expect(reason == (caller.actingUser == nil ? nil : "ACTING_USER"), place)
    default: #expect(reason == nil, place)
    }
  }

  @Test("a peer's role allows what it names and all before it", arguments: Role.allCases)
  func peerRoles(role: Role) async throws {
    try await LiveServer.run(configure: { $0.allowList = AllowList(only: [geteuid(): role]) }) { live in
      let rig = MethodRig(live)
      for row in MethodRow.all {
        // The role is looked at before what the request names.
        let reason = try await rig.reason(row, try await row.request(rig, nil))
        let place: Comment = "\(row.name) by \(role): \(reason ?? "carried out")"
        if role < row.role {
          #expect(reason == "ROLE_REQUIRED", place)
        } else {
          #expect(!["ROLE_REQUIRED", "ACTING_USER", "PEER_NOT_ALLOWED"].contains(reason), place)
        }
      }
    }
  }

  @Test("docs/OPERATIONS.md names every method that needs the role admin, and the protos say so of each")
  func documentedRoles() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let operations = try String(contentsOf: root.appending(path: "docs/OPERATIONS.md"), encoding: .utf8)
    let line = try #require(operations.split(separator: "\n").first { $0.hasPrefix("| `admin` |") })
    let named = Set(line.matches(of: /\b(?:[A-Z][a-z]+)+\b/).map { String($0.output) })
    let rows = MethodRow.all.filter { $0.role == .admin && !$0.service.hasSuffix("AdminService") }
    #expect(named.subtracting(["AdminService"]) == Set(rows.map(\.method)))
    var commented: Set<String> = []
    for file in ["credits", "usage", "pages"] {
      let url = root.appending(path: "proto/tallystick/v1/\(file).proto")
      var comment = ""
      for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") {
        let words = line.split(separator: " ").filter { $0 != "//" }.joined(separator: " ")
        if words.hasPrefix("rpc "), comment.contains("Role: admin.") {
          commented.insert(String(words.dropFirst(4).prefix { $0 != "(" }))
        }
        comment = line.contains("//") ? comment + " " + words : ""
      }
    }
    #expect(commented == Set(rows.map(\.method)))
  }

  @Test("every method of TestControl has a row, and a role that it needs", arguments: Role.allCases)
  func harness(role: Role) async throws {
    let methods = EmbeddedDescriptors.services.first { $0.name == Control.name }?.methods.map(\.name)
    #expect(methods == HarnessRows.all.map(\.method))
    try await LiveServer.run(configure: { $0.allowList = AllowList(only: [geteuid(): role]) }) { live in
      let rig = MethodRig(live)
      for row in HarnessRows.all {
        // Whoever it acts for, and however often it is called.
        let reason = try await rig.reason(row, try await row.request(rig, nil), actingUser: "u1")
        #expect(reason == (role < row.role ? "ROLE_REQUIRED" : nil), "\(row.name) by \(role)")
      }
    }
  }

  @Test("every method is limited by peer, and by the user whom its request names") func rateLimits()
    async throws
  {
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      try await rig.prepare()
      try await live.freeze()
      // Of a user each is called once, then once too often.
      try await live.setLimit(.everyUser(true), perSecond: 1, burst: 1)
      for row in MethodRow.all where row.scope == .user && !row.isStream {
        let payload = try await row.request(rig, nil)
        let first = try await rig.reason(row, payload)
        #expect(first != "RATE_LIMITED", "\(row.name)")
        let second = try await rig.reason(row, payload)
        #expect(second == "RATE_LIMITED", "\(row.name)")
      }
      try await live.setLimit(.everyUser(true), perSecond: 0, burst: 0)
      var payloads: [[UInt8]] = []
      for row in MethodRow.all { payloads.append(try await row.request(rig, nil)) }
      try await live.setLimit(.everyUid(true), perSecond: 1, burst: 1)
      _ = try await live.available("u1")
      for (row, payload) in zip(MethodRow.all, payloads) {
        let reason = try await rig.reason(row, payload)
        #expect(reason == "RATE_LIMITED", "\(row.name)")
      }
    }
  }
}
