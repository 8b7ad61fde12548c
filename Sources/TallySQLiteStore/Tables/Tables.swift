// All tables, over one connection. Statements are prepared when they are first used, so that a reader pays
// for none that writes.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class Tables {
  let meta: MetaTable
  let systemAccounts: SystemAccountTable
  let accounts: AccountTable
  let ledger: LedgerTable
  let keys: KeyTable
  let references: ReferenceIndex
  let paymentRefs: PaymentRefTable
  let holds: HoldTable
  let plans: PlanTable
  let prices: PriceTable
  let caps: CapTable
  let capCounters: CapCounterTable
  let capFacts: CapFactTable
  let settings: UserSettingsTable
  let rateLimits: RateLimitTable
  let alertRules: AlertRuleTable
  let events: EventTable
  let expiries: ExpiryTable
  let topUps: TopUpTable
  let topUpIntents: TopUpIntentTable
  let runs: RunTable
  let runLabels: RunLabelTable
  let runTotal: RunTotalTable
  let rollups: RollupTable
  let groups: GroupTable
  let usageMonths: UsageMonthTable
  let pageCounters: PageCounterTable
  let pages: PageTable
  let pageVersions: PageVersionTable
  let pageUpdates: PageUpdateTable
  let sections: SectionTable
  let pageSearch: PageSearchTable
  let media: MediaTable

  init(_ connection: Connection) throws(SQLiteError) {
    meta = try MetaTable(connection)
    systemAccounts = try SystemAccountTable(connection)
    accounts = try AccountTable(connection)
    ledger = try LedgerTable(connection)
    keys = try KeyTable(connection)
    references = try ReferenceIndex(connection)
    paymentRefs = try PaymentRefTable(connection)
    holds = try HoldTable(connection)
    plans = try PlanTable(connection)
    prices = try PriceTable(connection)
    caps = try CapTable(connection)
    capCounters = try CapCounterTable(connection)
    capFacts = try CapFactTable(connection)
    settings = try UserSettingsTable(connection)
    rateLimits = try RateLimitTable(connection)
    alertRules = try AlertRuleTable(connection)
    events = try EventTable(connection)
    expiries = try ExpiryTable(connection)
    topUps = try TopUpTable(connection)
    topUpIntents = try TopUpIntentTable(connection)
    runs = try RunTable(connection)
    runLabels = try RunLabelTable(connection)
    runTotal = try RunTotalTable(connection)
    rollups = try RollupTable(connection)
    groups = try GroupTable(connection)
    usageMonths = try UsageMonthTable(connection)
    pageCounters = try PageCounterTable(connection)
    pages = try PageTable(connection)
    pageVersions = try PageVersionTable(connection)
    pageUpdates = try PageUpdateTable(connection)
    sections = try SectionTable(connection)
    pageSearch = try PageSearchTable(connection)
    media = try MediaTable(connection)
  }
}
