// Notes about users who may not exist: a misspelt name has a balance of zero, which looks like any other.
//
// Invariants:
// 1. A note goes to standard error and changes no exit status; with --json there is none.
// 2. Only an admin may ask whether a user exists. For others the note says what the result alone shows.

internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

extension OutputOptions {
  /// The most users that the server is asked about, one call each.
  private static let askedCount = 20

  /// Names those users who do not exist.
  /// - Parameters:
  ///   - users: those whose result is empty.
  ///   - otherwise: the note if all of them exist or that is not known.
  func noteUnknown(
    _ users: [String], _ connection: ConnectionOptions, otherwise: ([String]) -> String? = { _ in nil }
  ) async {
    if json || users.isEmpty { return }
    var unknown: [String] = []
    for user in users.prefix(Self.askedCount) where await connection.knows(user) == false {
      unknown.append(user)
    }
    if let note = unknown.isEmpty ? otherwise(users) : Self.unknownText(unknown) {
      System.writeError("tally: \(JSON.plain(note))\n")
    }
  }

  /// Says that a list that belongs to a user is empty, or that there is no such user.
  /// - Parameter what: the kind of things in the list, such as `pages`.
  func noteEmpty(_ what: String, of user: String, _ connection: ConnectionOptions) async {
    await noteUnknown([user], connection) { _ in "\(user) has no such \(what)" }
  }

  static func unknownText(_ users: [String]) -> String {
    let names = users.joined(separator: ", ")
    return users.count == 1
      ? "there is no user \(names); is the name spelled right?"
      : "there are no users \(names); are the names spelled right?"
  }
}

extension ConnectionOptions {
  /// Whether a user exists; nil if the caller may not ask, or the call fails.
  fileprivate func knows(_ user: String) async -> Bool? {
    var request = TallystickV1.GetUserSettingsRequest()
    request.userId = user
    do {
      _ = try await call(TallystickV1.AdminService.getUserSettings, request)
      return true
    } catch {
      return error.reason == "USER_NOT_FOUND" ? false : nil
    }
  }
}
