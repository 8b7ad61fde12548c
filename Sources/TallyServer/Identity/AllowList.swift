// Which peers may connect, and in which role.
//
// Invariants:
// 1. A peer is judged by uid and gid at accept, never by pid.
// 2. The daemon's own uid and root are admin; nobody else is anything unless the allow-list says so.

internal import Glibc
public import TTRPC

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
