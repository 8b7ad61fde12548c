// How a user's credit is topped up: the setting, and the intents that come of it.
//
// Invariants:
// 1. At most one intent of a user is open.
// 2. `month` counts every intent of that month that is open or closed: an open one by its amount, a closed
//    one by its purchase's.
//
// Values; the writer's queue owns the stored ones.

public struct TopUp: Sendable, Equatable {
  public var userId: String
  package var account: Int64 = 0
  /// What is available is to be at least that; greater than zero.
  public var thresholdMicros: Int64
  /// What is to be available once an intent is closed; at least the threshold.
  public var targetMicros: Int64
  /// Of what is opened in a calendar month; nil: none.
  public var monthlyCapMicros: Int64?
  /// The same.
  public var monthlyCapCount: Int64?
  /// How long none is opened after one has ended.
  public var cooldownMillis: Int64
  public var isEnabled: Bool
  public var updatedAtMicros: Int64 = 0

  /// The last month in which one was opened; nil before the first.
  package var month: MonthSum?
  package var openIntentId: Int64?
  package var ended: End?

  /// Of the intent that has ended last.
  package struct End: Sendable, Equatable {
    package var atMicros: Int64
    /// By its purchase.
    package var isClosed: Bool

    package init(atMicros: Int64, isClosed: Bool) {
      self.atMicros = atMicros
      self.isClosed = isClosed
    }
  }

  /// What counts towards the caps.
  public struct MonthSum: Sendable, Equatable {
    /// Months since the year 0, in UTC.
    public var number: Int64
    public var micros: Int64 = 0
    public var count: Int64 = 0

    package init(number: Int64, micros: Int64 = 0, count: Int64 = 0) {
      self.number = number
      self.micros = micros
      self.count = count
    }

    /// `YYYY-MM`.
    public var text: String {
      Civil(year: floorDivide(number, 12), month: floorRemainder(number, 12) + 1, day: 1).text(upTo: .month)
    }
  }

  public init(
    userId: String, thresholdMicros: Int64, targetMicros: Int64, monthlyCapMicros: Int64? = nil,
    monthlyCapCount: Int64? = nil, cooldownMillis: Int64 = 0, isEnabled: Bool = true
  ) {
    self.userId = userId
    self.thresholdMicros = thresholdMicros
    self.targetMicros = targetMicros
    self.monthlyCapMicros = monthlyCapMicros
    self.monthlyCapCount = monthlyCapCount
    self.cooldownMillis = cooldownMillis
    self.isEnabled = isEnabled
  }

  public static let maximumCooldownMillis: Int64 = 31 * 86_400_000
}

/// That a user's credit is to be topped up.
public struct TopUpIntent: Sendable, Equatable {
  /// Numbers are the wire's and the disk's; never reused.
  public enum State: Int32, Sendable, CaseIterable {
    case open = 1
    case closed = 2
    case failed = 3
    case cancelled = 4
  }

  public var id: Int64
  public var userId: String
  package var account: Int64
  public var state = State.open
  public var amountMicros: Int64
  /// When it was opened.
  public var availableMicros: Int64
  public var owedMicros: Int64
  public var openedAtMicros: Int64
  /// While it is open: when it can be taken.
  public var dueAtMicros: Int64
  /// Who took it last; empty: nobody has.
  public var worker = ""
  /// Of one that is leased; may be over.
  public var leasedUntilMicros: Int64?
  public var failures: Int32 = 0
  /// Of the last failure.
  public var message = ""
  public var endedAtMicros: Int64?
  /// The row of the purchase that closed it.
  public var purchase: Int64?

  package init(
    id: Int64, userId: String, account: Int64, amountMicros: Int64, availableMicros: Int64, owedMicros: Int64,
    openedAtMicros: Int64
  ) {
    self.id = id
    self.userId = userId
    self.account = account
    self.amountMicros = amountMicros
    self.availableMicros = availableMicros
    self.owedMicros = owedMicros
    self.openedAtMicros = openedAtMicros
    dueAtMicros = openedAtMicros
  }

  /// One that has failed so often is given up.
  public static let maximumFailures: Int32 = 8
  /// How long one is left alone after its first failure, at least, and after any, at most.
  public static let minimumPauseMicros: Int64 = 60_000_000
  public static let maximumPauseMicros = Civil.microsPerDay
  public static let maximumLeaseMillis: Int64 = 86_400_000
  public static let defaultLeaseMillis: Int64 = 300_000
}

public struct TopUpIntentFilter: Sendable, Equatable {
  /// nil: of all users.
  public var userId: String?
  /// All when empty.
  public var states: [TopUpIntent.State] = []
  /// 1 to 1,000.
  public var limit: Int
  /// Intents with a smaller id only; from the page before.
  public var beforeId: Int64?

  public init(userId: String?, limit: Int) {
    self.userId = userId
    self.limit = limit
  }
}
