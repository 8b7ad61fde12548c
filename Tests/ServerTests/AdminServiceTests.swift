// AdminService over a real socket: users' settings.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

typealias Admin = TallystickV1.AdminService

@Suite("User settings") struct UserSettingsTests {
  @Test("settings are stored, read, and replace what was there") func replace() async throws {
    try await LiveServer.run { live in
      try await live.putPlan("pro")
      let made = try await live.putSettings("u1") {
        $0.email = "u1@example.org"
        $0.role = .admin
        $0.planId = "pro"
        $0.approval = .approved
      }
      #expect(!made.unchanged && made.commitSequence > 0)
      let settings = try #require(made.settings)
      #expect(settings.userId == "u1" && settings.email == "u1@example.org" && settings.planId == "pro")
      #expect(settings.role == .admin && settings.approval == .approved)
      #expect(settings.updatedAtMicros > 0 && settings.createdAtMicros == settings.updatedAtMicros)
      #expect(try await live.settings("u1") == settings)

      let bare = try #require(try await live.putSettings("u1") { _ in }.settings)
      #expect(bare.email.isEmpty && bare.planId.isEmpty && bare.role == .user && bare.approval == .pending)
      #expect(bare.createdAtMicros == settings.createdAtMicros)
      #expect(try await live.settings("u1") == bare)
    }
  }

  @Test("the same content again changes nothing, and its times stay") func unchanged() async throws {
    try await LiveServer.run { live in
      let first = try await live.putSettings("u1") { $0.email = "a" }
      _ = try await live.call(TallystickTestingV1.TestControl.advanceClock) { $0.millis = 60_000 }
      // What the server sets is not content.
      let again = try await live.putSettings("u1") {
        $0.email = "a"
        $0.role = .user
        $0.approval = .pending
        $0.updatedAtMicros = 1
        $0.createdAtMicros = 1
      }
      #expect(again.unchanged && again.settings == first.settings)
      #expect(again.commitSequence == first.commitSequence && again.commitPosition > first.commitPosition)
      let changed = try await live.putSettings("u1") { $0.email = "b" }
      #expect(!changed.unchanged && changed.commitSequence == first.commitSequence + 1)
    }
  }

  @Test("a user without settings has the defaults, and an unknown one is not found") func defaults()
    async throws
  {
    try await LiveServer.run { live in
      #expect(try await live.reason(Admin.getUserSettings) { $0.userId = "u1" } == "USER_NOT_FOUND")
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let settings = try await live.settings("u1")
      #expect(settings.role == .user && settings.approval == .pending && settings.planId.isEmpty)
      #expect(settings.updatedAtMicros == 0 && settings.createdAtMicros > 0)
      // Defaults that are put are settings.
      let put = try await live.putSettings("u1") { _ in }
      #expect(!put.unchanged)
      #expect(try await live.settings("u1").updatedAtMicros > 0)
    }
  }

  @Test("a plan that is not there is refused, and makes no user") func plan() async throws {
    try await LiveServer.run { live in
      let failed = await #expect(throws: Failed.self) {
        _ = try await live.putSettings("u1") { $0.planId = "x" }
      }
      #expect(failed?.reason == "GRANT_NOT_FOUND" && failed?.details["plan_id"] == "x")
      #expect(failed?.details["commit_sequence"] != nil && failed?.details["commit_position"] != nil)
      let known = try await live.reason(Admin.getUserSettings) { $0.userId = "u1" }
      #expect(known == "USER_NOT_FOUND")
    }
  }

  @Test("fields are checked, each up to its limit") func fields() async throws {
    try await LiveServer.run { live in
      func field(_ fill: @escaping (inout TallystickV1.UserSettings) -> Void) async throws -> String? {
        do {
          _ = try await live.putSettings("u1", fill)
          return nil
        } catch let failed as Failed {
          #expect(failed.reason == "INVALID_FIELD")
          return failed.details["field"]
        }
      }
      #expect(try await field { $0.userId = "" } == "settings.user_id")
      #expect(try await field { $0.userId = String(repeating: "u", count: 256) } == "settings.user_id")
      #expect(try await field { $0.userId = String(repeating: "u", count: 255) } == nil)
      #expect(try await field { $0.email = String(repeating: "e", count: 321) } == "settings.email")
      #expect(try await field { $0.email = String(repeating: "e", count: 320) } == nil)
      #expect(try await field { $0.planId = String(repeating: "p", count: 129) } == "settings.plan_id")
      #expect(try await field { $0.role = .unrecognized(3) } == "settings.role")
      #expect(try await field { $0.role = .unrecognized(-1) } == "settings.role")
      #expect(try await field { $0.approval = .unrecognized(4) } == "settings.approval")
      #expect(try await live.reason(Admin.putUserSettings) { _ in } == "INVALID_FIELD")
      #expect(try await live.reason(Admin.getUserSettings) { _ in } == "INVALID_FIELD")
      let long = try await live.reason(Admin.getUserSettings) {
        $0.userId = String(repeating: "u", count: 256)
      }
      #expect(long == "INVALID_FIELD")
    }
  }

  @Test("users whose ids differ only in Unicode composition have settings of their own") func composition()
    async throws
  {
    try await LiveServer.run { live in
      _ = try await live.putSettings("caf\u{e9}") { $0.email = "composed" }
      _ = try await live.putSettings("cafe\u{301}") { $0.email = "decomposed" }
      #expect(try await live.settings("caf\u{e9}").email == "composed")
      #expect(try await live.settings("cafe\u{301}").email == "decomposed")
      // An e-mail that only Swift takes for the same is another one.
      _ = try await live.putSettings("u1") { $0.email = "caf\u{e9}" }
      let other = try await live.putSettings("u1") { $0.email = "cafe\u{301}" }
      #expect(!other.unchanged)
    }
  }

  @Test("a reset empties the settings, cached ones too") func reset() async throws {
    try await LiveServer.run { live in
      _ = try await live.putSettings("u1") { $0.role = .admin }
      #expect(try await live.settings("u1").role == .admin)
      _ = try await live.call(TallystickTestingV1.TestControl.reset) { _ in }
      #expect(try await live.reason(Admin.getUserSettings) { $0.userId = "u1" } == "USER_NOT_FOUND")
    }
  }
}

extension LiveServer {
  func putPlan(_ planId: String) async throws {
    _ = try await call(TallystickV1.UsageService.putPlan) {
      var plan = TallystickV1.Plan()
      plan.planId = planId
      plan.monthlyCreditMicros = 1_000
      plan.grantExpiry = .never
      $0.plan = plan
    }
  }

  func putSettings(
    _ userId: String, _ fill: (inout TallystickV1.UserSettings) -> Void
  ) async throws -> TallystickV1.PutUserSettingsResponse {
    try await call(Admin.putUserSettings) {
      var settings = TallystickV1.UserSettings()
      settings.userId = userId
      fill(&settings)
      $0.settings = settings
    }
  }

  func settings(_ userId: String) async throws -> TallystickV1.UserSettings {
    let response = try await call(Admin.getUserSettings) { $0.userId = userId }
    return try #require(response.settings)
  }
}
