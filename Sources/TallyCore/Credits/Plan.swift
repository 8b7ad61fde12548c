// What a subscription grants and allows, and what runs cost under it.
//
// Invariants:
// 1. What runs cost is in the book of prices (Usage/PriceBook.swift), which a plan's prices are rows of.
// 2. A plan's prices are ordered by the bytes of the model's name, each model once, so that the same
//    content is the same value.

/// When the credit of a plan's grant expires. Numbers are the wire's and the disk's.
public enum GrantExpiry: Sendable, Equatable {
  case never
  case periodEnd
  /// After the period's start.
  case after(millis: Int64)
}

/// What follows when a run, a capture or a reversal takes more than there is. Numbers are the wire's and the
/// disk's; never reused.
public enum OnShort: Int32, Sendable, CaseIterable {
  /// Nothing is owed.
  case forgive = 1
  /// It is owed; the user's next credit pays it.
  case collect = 2
  /// The same, and until it is paid the user can neither consume nor set credit aside.
  case block = 3
}

/// What a run costs that was cancelled and names no cost. Numbers are the wire's and the disk's; never
/// reused.
public enum CancelledCost: Int32, Sendable, CaseIterable {
  /// By the prices, for what it reports.
  case reported = 1
  case nothing = 2
}

/// What a subscription grants, what it allows, and what runs cost under it.
public struct Plan: Sendable, Equatable {
  public var id: String
  public var displayName: String
  public var monthlyCreditMicros: Int64
  public var grantExpiry: GrantExpiry
  public var priority: Int32
  public var updatedAtMicros: Int64
  public var limits: PlanLimits
  /// An IANA name: the zone of the quotas' month. UTC when empty.
  public var timeZone: String
  /// By the bytes of the model's name, each once.
  public var prices: [ModelPrice]
  public var onShort = OnShort.forgive
  /// What of a period's credit is carried over to the next one, at most; nil: nothing.
  public var rolloverCapMicros: Int64?
  /// The plan of every user whose settings name none. At most one plan is it.
  public var isDefault = false
  public var cancelledCost = CancelledCost.reported
  /// How much of the book's prices it charges, in parts per million; nil: all of them, once. Its own prices
  /// are what they say.
  public var multiplierPpm: Int64?
  /// Of the tags by which its users' runs are counted, in the order of their bytes.
  public var tagKeys: [String] = []
  /// Of each user, and of each of a user's spenders. Ordered by the bytes of their ids.
  public var caps: [Cap] = []
  public var spenderCaps: [Cap] = []

  public init(
    id: String, displayName: String, monthlyCreditMicros: Int64, grantExpiry: GrantExpiry,
    priority: Int32 = Lot.defaultPlanPriority, updatedAtMicros: Int64 = 0, limits: PlanLimits = PlanLimits(),
    timeZone: String = "", prices: [ModelPrice] = []
  ) {
    self.id = id
    self.displayName = displayName
    self.monthlyCreditMicros = monthlyCreditMicros
    self.grantExpiry = grantExpiry
    self.priority = priority
    self.updatedAtMicros = updatedAtMicros
    self.limits = limits
    self.timeZone = timeZone
    self.prices = prices
  }
}

/// What a quota limits. Numbers are the wire's; never reused.
public enum QuotaKind: Int32, Sendable, CaseIterable {
  /// Succeeded and running generations a month.
  case generations = 1
  /// Media of source UPLOAD a month.
  case uploads = 2
  /// Pages at a time.
  case pages = 3

  /// As a refusal's details name it.
  public var name: String {
    switch self {
    case .generations: "GENERATIONS"
    case .uploads: "UPLOADS"
    case .pages: "PAGES"
    }
  }
}

/// What a plan allows; nil is no limit.
public struct PlanLimits: Sendable, Equatable {
  public var monthlyGenerations: Int64?
  public var monthlyUploads: Int64?
  public var pageCount: Int64?

  public init(monthlyGenerations: Int64? = nil, monthlyUploads: Int64? = nil, pageCount: Int64? = nil) {
    self.monthlyGenerations = monthlyGenerations
    self.monthlyUploads = monthlyUploads
    self.pageCount = pageCount
  }

  public subscript(kind: QuotaKind) -> Int64? {
    switch kind {
    case .generations: monthlyGenerations
    case .uploads: monthlyUploads
    case .pages: pageCount
    }
  }
}

/// What a model's tokens and images cost.
public struct ModelPrice: Sendable, Equatable {
  /// Empty stands for every model without a price of its own.
  public var model: String
  /// Micro-USD per million tokens. None of these is negative.
  public var inputMicrosPerMillion: Int64
  public var outputMicrosPerMillion: Int64
  public var imageMicros: Int64

  public init(
    model: String, inputMicrosPerMillion: Int64, outputMicrosPerMillion: Int64, imageMicros: Int64
  ) {
    self.model = model
    self.inputMicrosPerMillion = inputMicrosPerMillion
    self.outputMicrosPerMillion = outputMicrosPerMillion
    self.imageMicros = imageMicros
  }

  func isExactly(_ other: ModelPrice) -> Bool { self == other && model.isExactly(other.model) }
}

extension Plan {
  package var hasCaps: Bool { !caps.isEmpty || !spenderCaps.isEmpty }

  /// The zone in which the quotas' month is reckoned.
  public static let defaultTimeZone = "UTC"

  /// The zone's name, never empty.
  public var quotaTimeZone: String { timeZone.isEmpty ? Self.defaultTimeZone : timeZone }

  /// Whether both are the same to the byte, but for when they were stored.
  func hasContent(of other: Plan) -> Bool {
    var same = self
    same.updatedAtMicros = other.updatedAtMicros
    return same == other && id.isExactly(other.id) && displayName.isExactly(other.displayName)
      && timeZone.isExactly(other.timeZone) && prices.elementsEqual(other.prices) { $0.isExactly($1) }
      && tagKeys.elementsEqual(other.tagKeys) { $0.isExactly($1) }
  }
}
