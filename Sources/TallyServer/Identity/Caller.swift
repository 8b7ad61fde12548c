// Who makes a call, and what they may do with it.
//
// Invariants:
// 1. An acting user narrows a call to that user's rows; it never widens it. AdminService has no rows of a
//    user's own: there the acting user must be an admin that was not rejected.

internal import TTRPC
internal import TallyCore

/// Who makes a call: the role of its peer, and the user for whom it acts, if there is one.
struct Caller: Sendable {
  /// The key of the metadata that names the acting user.
  static let actingUserMetadataKey = "tally-acting-user"

  var role: Role
  var actingUserId: String?
  /// Reads the acting user's settings; nil without an acting user.
  private var users: (any AdminReads)?

  init(_ context: CallContext, allowList: AllowList, users: any AdminReads) throws(Status) {
    guard let role = allowList.role(of: context.peer) else {
      throw Status(.peerNotAllowed, "uid \(context.peer.uid) may not call this server")
    }
    self.role = role
    var actingUserId: String?
    // Upper and lower case are the same, as clients of gRPC expect. A key that went unnoticed would leave the
    // call with all its rights.
    for pair in context.metadata where pair.key.lowercased() == Caller.actingUserMetadataKey {
      // Nobody can act for two users, and the server must not guess which one was meant.
      if actingUserId != nil {
        throw Status(.actingUser, "\(Caller.actingUserMetadataKey) is given twice")
      }
      actingUserId = pair.value
    }
    if let actingUserId {
      do throws(Refusal) {
        try Fields.required(
          actingUserId, Caller.actingUserMetadataKey, atMost: Limits.userIdByteCount)
      } catch { throw Status(error) }
      self.users = users
    }
    self.actingUserId = actingUserId
  }

  /// Checks that the caller has a role. For `admin` the acting user has to be an admin too, which may take a
  /// read.
  /// - Throws: ROLE_REQUIRED.
  func require(_ role: Role) throws(Status) {
    if self.role < role {
      throw Status(
        .roleRequired, "this method needs the role \(role.rawValue); the caller is \(self.role.rawValue)",
        details: ["required_role": role.rawValue, "role": self.role.rawValue])
    }
    if role == .admin, let actingUserId, try !isActingAdmin(actingUserId) {
      throw Status(
        .roleRequired, "this method needs the role admin; the acting user \(actingUserId) does not have it",
        details: ["required_role": role.rawValue, "acting_user": actingUserId])
    }
  }

  private func isActingAdmin(_ userId: String) throws(Status) -> Bool {
    guard let users else { return false }
    do throws(Refusal) { return try users.settings(userId: userId).value.isActingAdmin } catch {
      if error.reason == .userNotFound { return false }
      throw Status(error)
    }
  }

  /// - Throws: ACTING_USER when the call acts for another user than it names.
  func mayTouch(userId: String) throws(Status) {
    guard let actingUserId, !actingUserId.isExactly(userId) else { return }
    throw Status(
      .actingUser, "an acting user may only access their own rows", details: ["acting_user": actingUserId])
  }
}
