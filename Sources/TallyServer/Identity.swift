// Who calls, and what they may do.
//
// Invariants:
// 1. A peer is judged by uid and gid at accept, never by pid.
// 2. The daemon's own uid and root are admin; nobody else is anything unless the allow-list says so.
// 3. An acting user narrows a call to that user's rows; it never widens it. AdminService has no rows of a
//    user's own: there the acting user must be an admin that was not rejected.
//
// Values, owned by nobody.

internal import Glibc
public import TTRPC
internal import TallyCore

/// What a peer may do. Each role may do all that the one before it may.
public enum Role: String, Sendable, Comparable, CaseIterable {
  case readonly
  case service
  case admin

  private var rank: Int {
    switch self {
    case .readonly: 0
    case .service: 1
    case .admin: 2
    }
  }

  public static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }
}

/// The uids and gids that may connect, each with its role.
public struct AllowList: Sendable {
  private var roleByUid: [UInt32: Role]
  private var roleByGid: [UInt32: Role]

  public init(uids: [UInt32: Role] = [:], gids: [UInt32: Role] = [:]) {
    roleByUid = uids
    roleByUid[0] = .admin
    roleByUid[geteuid()] = .admin
    roleByGid = gids
  }

  /// Nobody but these, not even the daemon's own uid: for tests, which have one uid to call from.
  init(only roleByUid: [UInt32: Role]) {
    self.roleByUid = roleByUid
    roleByGid = [:]
  }

  /// The highest role that uid and gid give; nil when the peer may not connect.
  public func role(of peer: PeerCredentials) -> Role? {
    let byUid = roleByUid[peer.uid]
    let byGid = roleByGid[peer.gid]
    guard let byUid, let byGid else { return byUid ?? byGid }
    return max(byUid, byGid)
  }
}

/// One call's caller.
struct Caller: Sendable {
  /// Metadata that names the acting user.
  static let actingUserMetadataKey = "tally-acting-user"

  var role: Role
  var actingUserId: String?
  /// Who knows the acting user's settings; there with an acting user only.
  private var users: (any AdminReads)?

  init(_ context: CallContext, allowList: AllowList, users: any AdminReads) throws(Status) {
    guard let role = allowList.role(of: context.peer) else {
      throw Status(.peerNotAllowed, "uid \(context.peer.uid) may not call this server")
    }
    self.role = role
    var actingUserId: String?
    // In any case of letters, as clients of gRPC expect: who is overlooked is not narrowed.
    for pair in context.metadata where pair.key.lowercased() == Caller.actingUserMetadataKey {
      // Nobody means to act for two users; which of them was meant is not ours to guess.
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

  /// What needs the role admin needs it of the peer and of the user for whom the call acts. May wait for a
  /// reader then.
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
