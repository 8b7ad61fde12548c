// What deciding a command comes to: its reply, and what it changes.
//
// Invariants:
// 1. A decision changes nothing by itself: the writer adds its effects to the write set, all of them or none.
// 2. A refusal is thrown and has no effects.

public struct Decided<Reply> {
  @usableFromInline package var reply: Reply
  /// nil: nothing is written.
  @usableFromInline package var effects: Effects?

  /// Answers what was decided before, and names the place of then.
  @usableFromInline package var isReplay = false
  /// Of the page that the reply shows. All other replies are small, or no longer than their requests allow.
  @usableFromInline package var pageByteCount = 0

  init(_ reply: Reply, _ effects: Effects? = nil) {
    self.reply = reply
    self.effects = effects
  }

  init(replay reply: Reply) {
    self.reply = reply
    isReplay = true
  }
}

/// Records that a command makes or changes, as they become. What few commands have stands apart, so that the
/// common one, which changes an account, carries little.
@usableFromInline
package struct Effects {
  /// A user that was not known.
  package var newAccount: Account?
  package var change: Change?
  /// The other side of the change's rows.
  package var system: SystemBalances?
  package var products: ProductEffects?

  init(
    newAccount: Account? = nil, change: Change? = nil, system: SystemBalances? = nil,
    products: ProductEffects? = nil
  ) {
    self.newAccount = newAccount
    self.change = change
    self.system = system
    self.products = products
  }

  /// More ids of a purchase that was added before.
  init(ids: [String], ofPurchase sequence: Int64) {
    set { $0.paymentRefs = ids.map { PaymentRef(id: $0, purchase: sequence) } }
  }

  /// Sets what it has beside rows of the ledger.
  mutating func set(_ body: (ProductEffects) -> Void) {
    let products = products ?? ProductEffects()
    body(products)
    self.products = products
  }
}

/// What a command does beside the ledger. Made, then handed to the write set, by one decision.
package final class ProductEffects {
  /// What the batch becomes by several commands that were decided one after the other; then there is nothing
  /// else.
  var whole: WriteSet?
  package var run: RunEffect?
  /// A hold that lives longer lets its run count for as long.
  package var extendedRun: StoredRun?
  package var count: UsageCount?
  /// A default plan and the one that was it before, or one plan.
  package var plans: [Plan] = []
  /// New rows of the book, numbered.
  package var prices: [Price] = []
  /// An account that changes without a row of the ledger.
  package var changedAccount: Account?
  /// More ids of payments.
  package var paymentRefs: [PaymentRef] = []
  package var settings: SettingsEffect?
  package var rateLimit: RateLimitEffect?
  package var alertRule: AlertRuleEffect?
  package var caps: CapEffect?
  /// An account for which nothing is counted any more.
  var uncounted: Int64?
  var capCounters: [CapKey: CapCounters] = [:]
  /// What the change of the account has brought about beside it.
  var events: [WriteSet.EventRow] = []
  var topUp: TopUpEffect?
  package var pages: [PageEffect] = []
  package var purgedPage: StoredPage?
  package var media: StoredMedia?
  /// Pages whose content is another, although nothing of them is written.
  package var touchedPageIds: [String] = []
  /// They are too many to be named.
  var touchesAllPages = false
}

/// An id of a payment at its provider.
package struct PaymentRef {
  package var id: String
  /// The row of the purchase.
  package var purchase: Int64
}

package struct RunEffect {
  package var run: StoredRun
  package var isNew: Bool
}

package struct SettingsEffect {
  package var account: Int64
  package var settings: UserSettings
}

package struct RateLimitEffect {
  package enum Action {
    case add, change, remove
  }
  package var key: RateLimitKey
  package var limit: RateLimit
  package var action: Action
}

package struct CapEffect {
  package var key: CapKey
  package var caps: [Cap]
}

package struct AlertRuleEffect {
  package var id: String
  /// nil: it is deleted.
  package var rule: AlertRule?
  /// Of the user that the rule names.
  package var account: Int64?
}

/// What becomes of a user's top-ups.
struct TopUpEffect {
  /// nil: as it was.
  var topUp: TopUp?
  /// In order.
  var intents: [TopUpIntent] = []
  /// After the account's other ones.
  var events: [WriteSet.EventRow] = []

  var isEmpty: Bool { intents.isEmpty }

  mutating func add(_ intent: TopUpIntent, _ event: WriteSet.EventRow) {
    intents.append(intent)
    events.append(event)
  }

  mutating func add(_ later: TopUpEffect) {
    topUp = later.topUp ?? topUp
    intents += later.intents
    events += later.events
  }
}

package struct PageEffect {
  package var page: StoredPage
  /// What whoever follows pages hears of; nil for nothing.
  var kind: PageUpdateKind?
  package var isNew = false
  /// An autosave that is none any more.
  package var keptVersion: Int64?
  /// Autosaves that go.
  package var thinnedVersions: [Int64] = []
  /// One more version, which is the current one.
  package var version: StoredVersion?
  /// The page gets another slug, or gives its slug up.
  var changesSlug = false
  /// What is searched of the page changes: its words, or whether it is there.
  var changesSearch = false
  /// The sections that stood in the version before.
  var replacedSections: [PageSection] = []
  /// All media that the version's sections name.
  package var media: [ExactText: StoredMedia] = [:]
  /// Live pages that there are more of.
  var countedPages: Int64 = 0
}

/// One run that has ended, or one upload, in what is counted.
package struct UsageCount {
  package var account: Int64
  package var day: Int64
  /// Of the day, 0 to 95.
  package var quarter: Int
  package var cell: RollupCell
  /// Whose rollups it is counted in, under which labels.
  package var accounts: [Int64]
  package var labels: [Int64]
  /// Lines of spenders and tags that it is counted in, and those of them that are not there yet.
  package var groups: [GroupKey] = []
  package var newTagValues: [GroupKey] = []
  var newLabel: (label: RunLabel, id: Int64)?
  package var month = MonthCounters()
  /// Over all runs, with this one.
  package var runTotal: RunSums?
}
