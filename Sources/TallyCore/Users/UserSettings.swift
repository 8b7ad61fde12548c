// What is known of a user beside credit, usage and pages.

/// Numbers are the wire's and the disk's; never reused.
public enum UserRole: Int32, Sendable, CaseIterable {
  case user = 1
  case admin = 2
}

/// Numbers are the wire's and the disk's; never reused.
public enum UserApproval: Int32, Sendable, CaseIterable {
  case pending = 1
  case approved = 2
  case rejected = 3
}

/// A plan that grants credit each period, from a date on.
public struct Subscription: Sendable, Equatable {
  public var planId: String
  /// In days since the epoch: the date at which period 0 begins, in the plan's time zone.
  public var startDay: Int64
  /// The server itself grants each period, soon after its start.
  public var isAutomatic: Bool

  public init(planId: String, startDay: Int64, isAutomatic: Bool) {
    self.planId = planId
    self.startDay = startDay
    self.isAutomatic = isAutomatic
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.planId.isExactly(right.planId) && left.startDay == right.startDay
      && left.isAutomatic == right.isAutomatic
  }
}

public struct UserSettings: Sendable, Equatable {
  /// Of a user without settings.
  package static let defaultRole = UserRole.user
  package static let defaultApproval = UserApproval.pending

  public var userId: String
  public var email = ""
  public var role = Self.defaultRole
  /// The plan whose limits and prices hold for the user.
  public var planId: String?
  public var approval = Self.defaultApproval
  /// Neither consumes nor sets credit aside; everything else goes on.
  public var isSuspended = false
  public var subscription: Subscription?
  /// Zero for a user that has no settings yet.
  public var updatedAtMicros: Int64 = 0
  /// When a write named the user first.
  public var createdAtMicros: Int64 = 0

  public init(userId: String) { self.userId = userId }

  /// Whether calls that act for the user may do what needs the role admin.
  public var isActingAdmin: Bool { role == .admin && approval != .rejected }
}
