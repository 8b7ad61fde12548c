// Which users are listed, and what is told of each.

public struct UserFilter: Sendable {
  public enum Order: Sendable, Equatable {
    case newestFirst, oldestFirst
    /// By the bytes of the user id.
    case userId
    /// By what runs cost in a UTC month, the most first; users whose runs cost nothing are left out.
    case mostSpent
    /// By what is owed, the most first; users who owe nothing are left out.
    case mostOwed
  }

  /// Each is any when nil.
  public var role: UserRole?
  public var approval: UserApproval?
  public var planId: String?
  /// What a user id begins with; goes with the order by user id.
  public var userIdPrefix = ""
  public var order = Order.newestFirst
  /// 1 to 1,000.
  public var limit: Int
  /// Of the usage; nil: the current one, in each zone.
  public var month: Month?
  /// Of the usage; nil: that of each user's plan, else UTC.
  public var zone: Zone?
  /// From the page before: its last user.
  public var after: UserPlace?

  public init(limit: Int) { self.limit = limit }
}

/// What is told of a user.
public struct UserFacts: Sendable, Equatable {
  public var settings: UserSettings
  public var balance: Balance
  public var usage: Usage

  package init(settings: UserSettings, balance: Balance, usage: Usage) {
    self.settings = settings
    self.balance = balance
    self.usage = usage
  }
}

/// One page of users.
public struct UserPage: Sendable, Equatable {
  public var users: [UserFacts]
  /// The place of each user on the page, for a page that starts after it.
  public var places: [UserPlace]
  /// nil on the last page. A page ends early where many users in a row are not what the filter wants.
  public var nextAfter: UserPlace?

  package init(users: [UserFacts], places: [UserPlace], nextAfter: UserPlace? = nil) {
    self.users = users
    self.places = places
    self.nextAfter = nextAfter
  }
}

/// Where a user stands in a list.
public struct UserPlace: Sendable, Equatable {
  public var number: Int64
  /// What the user had spent or owed, in an order by that; else zero.
  public var amountMicros: Int64

  public init(number: Int64, amountMicros: Int64 = 0) {
    self.number = number
    self.amountMicros = amountMicros
  }
}
