// Roles and acting users.

import Glibc
import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Identity") struct IdentityTests {
  @Test("the daemon's own uid and root are admin; others need the list") func allowList() {
    let list = AllowList(uids: [1_000: .service, 1_001: .readonly], gids: [50: .admin])
    #expect(list.role(of: PeerCredentials(pid: 1, uid: 0, gid: 0)) == .admin)
    #expect(list.role(of: PeerCredentials(pid: 1, uid: 1_000, gid: 7)) == .service)
    #expect(list.role(of: PeerCredentials(pid: 1, uid: 1_001, gid: 50)) == .admin)
    #expect(list.role(of: PeerCredentials(pid: 1, uid: 2_000, gid: 50)) == .admin)
    #expect(list.role(of: PeerCredentials(pid: 1, uid: 2_000, gid: 7)) == nil)
    #expect(AllowList(uids: [0: .readonly]).role(of: PeerCredentials(pid: 1, uid: 0, gid: 0)) == .admin)
  }

  @Test("an acting user sees only its own rows", arguments: ["u1", "u2"]) func actingUser(acting: String)
    async throws
  {
    try await LiveServer.run { live in
      let bought = try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let held = try await live.call(Credits.reserve) {
        $0.userId = "u1"
        $0.amountMicros = 100
        $0.idempotencyKey = "h1"
      }
      let own = acting == "u1"
      let named = own ? nil : "ACTING_USER"
      #expect(try await live.reason(Credits.getBalance, actingUser: acting) { $0.userId = "u1" } == named)
      #expect(try await live.reason(Credits.checkBalance, actingUser: acting) { $0.userId = "u1" } == named)
      #expect(
        try await live.reason(Credits.batchGetBalances, actingUser: acting) { $0.userIds = ["u1"] } == named)
      #expect(
        try await live.reason(Credits.listTransactions, actingUser: acting) { $0.userId = "u1" } == named)
      #expect(try await live.reason(Credits.listHolds, actingUser: acting) { $0.userId = "u1" } == named)
      let transaction = try await live.reason(Credits.getTransaction, actingUser: acting) {
        $0.transactionId = bought.transaction?.transactionId ?? ""
      }
      #expect(transaction == (own ? nil : "TRANSACTION_NOT_FOUND"))
      let batch = try await live.reason(Credits.batchConsume, actingUser: acting) { request in
        var item = TallystickV1.ConsumeRequest()
        item.userId = "u1"
        item.amountMicros = 1
        item.idempotencyKey = "b"
        request.items = [item]
      }
      #expect(batch == named)
      let hold = held.hold?.holdId ?? ""
      let extend = try await live.reason(Credits.extend, actingUser: acting) {
        $0.holdId = hold
        $0.ttlMillis = 1_000_000
        $0.idempotencyKey = "e"
      }
      #expect(extend == (own ? nil : "HOLD_NOT_FOUND"))
      let release = try await live.reason(Credits.release, actingUser: acting) {
        $0.holdId = hold
        $0.idempotencyKey = "r"
      }
      #expect(release == (own ? nil : "HOLD_NOT_FOUND"))
      let info = try await live.reason(TallystickV1.AdminService.getServerInfo, actingUser: acting) { _ in }
      #expect(info == "ROLE_REQUIRED")
    }
  }

  @Test("the acting user's metadata is known in any case of letters") func anyCase() async throws {
    try await LiveServer.run { live in
      let failed = await #expect(throws: Failed.self) {
        _ = try await live.call(
          Credits.getBalance, metadata: [MetadataPair(key: "Tally-Acting-User", value: "u2")]
        ) { $0.userId = "u1" }
      }
      #expect(failed?.reason == "ACTING_USER")
    }
  }

  @Test("users whose ids differ only in Unicode composition are two users") func composition() async throws {
    try await LiveServer.run { live in
      let composed = "caf\u{e9}"
      let decomposed = "cafe\u{301}"
      try await live.purchase(composed, 1_000, payment: "p1", key: "k1")
      #expect(try await live.available(decomposed) == 0)
      let foreign = try await live.reason(Credits.getBalance, actingUser: decomposed) { $0.userId = composed }
      #expect(foreign == "ACTING_USER")
    }
  }

  @Test("what needs the role admin needs it of the acting user too, and at once") func actingAdmin()
    async throws
  {
    try await LiveServer.run { live in
      func info() async throws -> String? {
        try await live.reason(TallystickV1.AdminService.getServerInfo, actingUser: "boss") { _ in }
      }
      #expect(try await info() == "ROLE_REQUIRED")
      _ = try await live.putSettings("boss") { _ in }
      #expect(try await info() == "ROLE_REQUIRED")
      _ = try await live.putSettings("boss") { $0.role = .admin }
      #expect(try await info() == nil)
      _ = try await live.putSettings("boss") {
        $0.role = .admin
        $0.approval = .rejected
      }
      #expect(try await info() == "ROLE_REQUIRED")
      _ = try await live.putSettings("boss") {
        $0.role = .admin
        $0.approval = .approved
      }
      #expect(try await info() == nil)
      // As an administrator it sees to all users; elsewhere it still has its own rows only.
      let put = try await live.reason(Admin.putUserSettings, actingUser: "boss") {
        var settings = TallystickV1.UserSettings()
        settings.userId = "u1"
        $0.settings = settings
      }
      #expect(put == nil)
      let adjust: (String) -> (inout TallystickV1.AdjustRequest) -> Void = { userId in
        {
          $0.userId = userId
          $0.amountMicros = 5
          $0.actor = "boss"
          $0.reason = "test"
          $0.idempotencyKey = "a"
        }
      }
      #expect(try await live.reason(Credits.adjust, actingUser: "boss", adjust("boss")) == nil)
      #expect(try await live.reason(Credits.adjust, actingUser: "boss", adjust("u1")) == "ACTING_USER")
      _ = try await live.putSettings("boss") { _ in }
      #expect(try await info() == "ROLE_REQUIRED")
    }
  }

  @Test("a peer without the role is no admin, for whomever it acts") func peerBeforeActingUser() async throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let database = directory.path + "/db"
    try await LiveServer.run(configure: { $0.engine.directory = database }) { live in
      _ = try await live.putSettings("boss") { $0.role = .admin }
    }
    try await LiveServer.run(
      configure: {
        $0.engine.directory = database
        $0.allowList = AllowList(only: [geteuid(): .service])
      },
      { live in
        let reason = try await live.reason(Admin.getUserSettings, actingUser: "boss") { $0.userId = "boss" }
        #expect(reason == "ROLE_REQUIRED")
      })
  }

  @Test("roles allow what they name and all before it") func roles() {
    #expect(Role.readonly < .service && Role.service < .admin)
  }

  @Test("every reason of the proto is raised with a code, and none is missing there") func reasons() {
    let raised = Set(Reason.allCases.map(\.rawValue) + ServerReason.allCases.map(\.rawValue))
    var named: Set<String> = []
    for number in Int32(1)...200 {
      if case .unrecognized = TallystickV1.Reason(rawValue: number) { continue }
      named.insert(TallystickV1.Reason(rawValue: number).protoName)
    }
    #expect(raised == named)
  }
}

extension TallystickV1.Reason {
  /// `insufficientCredits` as `INSUFFICIENT_CREDITS`.
  fileprivate var protoName: String {
    "\(self)".map { $0.isUppercase ? "_\($0)" : $0.uppercased() }.joined()
  }
}
