// The limits of all fields of requests. docs/OPERATIONS.md lists them, and GetServerInfo returns them.
//
// Invariants:
// 1. A limit is checked before anything is applied, and its error names the field and the limit.

internal import TTRPC
internal import TallyCore

public enum Limits {
  public static let userIdByteCount = 255
  public static let idempotencyKeyByteCount = 255
  public static let paymentIdByteCount = 255
  /// Of one purchase, beside its payment id.
  public static let externalRefCount = 8
  public static let eventIdByteCount = 255
  public static let runIdByteCount = 255
  public static let spenderByteCount = 255
  public static let tagKeyByteCount = 64
  public static let tagValueByteCount = 128
  public static let runTypeByteCount = 64
  public static let runErrorByteCount = 1_024
  /// Tokens of one run, and its images.
  public static let runUnitCount = RunLimits.unitCount
  public static let runCostMicros = RunLimits.costMicros
  /// Runs of one RecordRuns.
  public static let runBatchCount = 1_000
  /// The most runs of a stream that go to the writer together, and the most bytes.
  public static let runStreamBatchCount = 1_000
  public static let runStreamBatchByteCount = 262_144
  /// Refused runs of a stream that its reply names.
  public static let runStreamFailureCount = 100
  public static let planIdByteCount = 128
  public static let emailByteCount = 320
  public static let displayNameByteCount = 255
  public static let usageUserCount = 1_000
  public static let statsDayCount: Int32 = 400
  public static let defaultStatsDayCount: Int32 = 30
  /// Models, or types, that GetStats names; the rest is summed up in one group.
  public static let statsGroupCount = 100
  public static let recentRunCount: Int32 = 100
  public static let modelByteCount = 128
  /// Prices of one plan.
  public static let planPriceCount = 256
  /// A price per million tokens, or of an image.
  public static let priceMicros: Int64 = 1_000_000_000_000_000
  /// The greatest multiplier of the book's prices, in parts per million.
  public static let priceMultiplierPpm: Int64 = 100_000_000
  /// Prices of one PutPrices.
  public static let putPriceCount = 256
  /// The largest quota of a plan.
  public static let quotaCount: Int64 = 1_000_000_000_000_000
  public static let alertRuleIdByteCount = 128
  public static let capIdByteCount = 128
  /// Who takes top-up intents, and what is said of a failure.
  public static let workerByteCount = 128
  public static let topUpMessageByteCount = 1_024
  public static let topUpCapCount: Int64 = 1_000_000
  public static let packageByteCount = 255
  public static let actorByteCount = 255
  public static let adjustReasonByteCount = 1_024
  public static let descriptionByteCount = 1_024
  public static let metadataEntryCount = 32
  public static let metadataKeyByteCount = 64
  public static let metadataValueByteCount = 512
  public static let periodByteCount = 64
  public static let cursorByteCount = 512
  public static let cancelTokenByteCount = 255
  public static let batchItemCount = 8_192
  public static let balanceUserCount = 1_000
  /// Users of one WatchTransactions, and of all that are under way.
  public static let watchUserCount = 1_000
  public static let watchedUserCount = 100_000
  /// Calls of WatchTransactions under way, and those of one connection.
  public static let watcherCount = 10_000
  public static let connectionWatcherCount = 1_000
  /// What is kept for a watcher whose peer does not take it: rows, and bytes of them.
  public static let watchLagRowCount = 32_768
  public static let watchLagByteCount = 16 << 20
  public static let pageRowCount = 1_000
  public static let defaultPageRowCount = 100
  public static let holdTtlMillis: Int64 = 2_592_000_000
  public static let defaultHoldTtlMillis: Int64 = 900_000
  public static let lotPriority: Int32 = 1_000
  public static let timeMicros = SystemClock.latestMicros
  /// The largest amount of one command. Sums may have any value of int64.
  public static let amountMicros: Int64 = 1_000_000_000_000_000_000
  public static let pageIdByteCount = 255
  public static let sectionIdByteCount = 255
  public static let mediaIdByteCount = 255
  public static let titleByteCount = 1_024
  public static let pageSettingsByteCount = 65_536
  public static let sectionKindByteCount = 64
  public static let patchCount = 256
  public static let urlByteCount = 2_048
  public static let mimeTypeByteCount = 127
  public static let reflectionSymbolByteCount = ReflectionService.symbolByteCount
  public static let clockAdvanceMillis: Int64 = 100 * 366 * 86_400_000
  /// Items of one LoadFixtures.
  public static let fixtureItemCount = 10_000
  /// Snapshots that a server for testing keeps, the bytes of all of them, and the bytes of a name.
  public static let snapshotCount = 32
  public static let snapshotByteCount = 256 << 20
  public static let snapshotNameByteCount = 64
  /// Injected failures that are kept, how often one may be skipped or happen, and how long one may delay.
  public static let failureCount = 256
  public static let failureRepeatCount: Int32 = 1_000_000
  public static let failureDelayMillis: Int64 = 60_000
  public static let failureMessageByteCount = 1_024

  /// Name, value and unit of each, for GetServerInfo.
  static let table: [(name: String, value: Int64, unit: String)] = [
    ("user_id", Int64(userIdByteCount), "bytes"),
    ("idempotency_key", Int64(idempotencyKeyByteCount), "bytes"),
    ("payment_id", Int64(paymentIdByteCount), "bytes"),
    ("external_refs", Int64(externalRefCount), "ids"),
    ("event_id", Int64(eventIdByteCount), "bytes"),
    ("run_id", Int64(runIdByteCount), "bytes"),
    ("spender", Int64(spenderByteCount), "bytes"),
    ("tags", Int64(RunLimits.tagCount), "tags"),
    ("tag_key", Int64(tagKeyByteCount), "bytes"),
    ("tag_value", Int64(tagValueByteCount), "bytes"),
    ("tag_values_of_a_day", RunLimits.tagValueCount, "values"),
    ("run_type", Int64(runTypeByteCount), "bytes"),
    ("run_error", Int64(runErrorByteCount), "bytes"),
    ("run_units", runUnitCount, "tokens or images"),
    ("run_cost", runCostMicros, "micros"),
    ("record_runs", Int64(runBatchCount), "runs"),
    ("stream_runs_failures", Int64(runStreamFailureCount), "failures"),
    ("event_age", Rules.oldestEventMicros, "micros"),
    ("event_lead", Rules.newestEventMicros, "micros"),
    ("plan_id", Int64(planIdByteCount), "bytes"),
    ("email", Int64(emailByteCount), "bytes"),
    ("display_name", Int64(displayNameByteCount), "bytes"),
    ("batch_get_usage", Int64(usageUserCount), "users"),
    ("stats_span", Int64(statsDayCount), "days"),
    ("stats_groups", Int64(statsGroupCount), "groups"),
    ("recent_runs", Int64(recentRunCount), "runs"),
    ("model", Int64(modelByteCount), "bytes"),
    ("time_zone", Int64(ZoneStore.maximumNameByteCount), "bytes"),
    ("plan_prices", Int64(planPriceCount), "prices"),
    ("price", priceMicros, "micros"),
    ("price_multiplier", priceMultiplierPpm, "parts per million"),
    ("put_prices", Int64(putPriceCount), "prices"),
    ("price_rows", Int64(PriceBook.maximumRows), "rows"),
    ("quota", quotaCount, "count"),
    ("cap_id", Int64(capIdByteCount), "bytes"),
    ("caps", Int64(CapList.maximumCaps), "caps"),
    ("caps_of_a_user", CapList.maximumOfAUser, "caps"),
    ("cap_hours", Int64(CapWindow.hours.upperBound), "hours"),
    ("alert_rule_id", Int64(alertRuleIdByteCount), "bytes"),
    ("alert_rules_of_a_scope", Int64(AlertRule.maximumOfAScope), "rules"),
    ("alert_rules", Int64(AlertRule.maximumInAll), "rules"),
    ("credit_expires_within", AlertRule.expiryMillis.upperBound, "millis"),
    ("least_credit_expires_within", AlertRule.expiryMillis.lowerBound, "millis"),
    ("credit_expires_windows", Int64(AlertRule.maximumExpiryWindows), "times"),
    ("worker", Int64(workerByteCount), "bytes"),
    ("top_up_message", Int64(topUpMessageByteCount), "bytes"),
    ("top_up_cooldown", TopUp.maximumCooldownMillis, "millis"),
    ("top_up_cap_count", topUpCapCount, "intents"),
    ("top_up_lease", TopUpIntent.maximumLeaseMillis, "millis"),
    ("default_top_up_lease", TopUpIntent.defaultLeaseMillis, "millis"),
    ("top_up_failures", Int64(TopUpIntent.maximumFailures), "failures"),
    ("package", Int64(packageByteCount), "bytes"),
    ("actor", Int64(actorByteCount), "bytes"),
    ("reason", Int64(adjustReasonByteCount), "bytes"),
    ("description", Int64(descriptionByteCount), "bytes"),
    ("metadata", Int64(metadataEntryCount), "entries"),
    ("metadata_key", Int64(metadataKeyByteCount), "bytes"),
    ("metadata_value", Int64(metadataValueByteCount), "bytes"),
    ("batch", Int64(batchItemCount), "items"),
    ("batch_get_balances", Int64(balanceUserCount), "users"),
    ("watch_users", Int64(watchUserCount), "users"),
    ("watched_users", Int64(watchedUserCount), "users"),
    ("watchers", Int64(watcherCount), "calls"),
    ("connection_watchers", Int64(connectionWatcherCount), "calls"),
    ("watch_lag", Int64(watchLagRowCount), "rows"),
    ("watch_lag_bytes", Int64(watchLagByteCount), "bytes"),
    ("page", Int64(pageRowCount), "rows"),
    ("hold_ttl", holdTtlMillis, "millis"),
    ("amount", amountMicros, "micros"),
    ("open_holds", Hold.maximumOpenHolds, "holds"),
    ("open_lots", Int64(Lot.maximumOpenLots), "lots"),
    ("open_lots_in_all", Int64(Lot.maximumOpenLotsInAll), "lots"),
    ("owed_purchases", Int64(OwedPart.maximumPurchases), "purchases"),
    ("page_id", Int64(pageIdByteCount), "bytes"),
    ("slug", Int64(PageLimits.slugByteCount), "bytes"),
    ("query", Int64(PageLimits.queryByteCount), "bytes"),
    ("query_words", Int64(PageLimits.queryWordCount), "words"),
    ("matches", Int64(PageLimits.matchCount), "pages"),
    ("section_id", Int64(sectionIdByteCount), "bytes"),
    ("media_id", Int64(mediaIdByteCount), "bytes"),
    ("title", Int64(titleByteCount), "bytes"),
    ("settings", Int64(pageSettingsByteCount), "bytes"),
    ("sections", Int64(PageLimits.sectionCount), "sections"),
    ("section_kind", Int64(sectionKindByteCount), "bytes"),
    ("section_content", Int64(PageLimits.contentByteCount), "bytes"),
    ("page_content", Int64(PageLimits.pageByteCount), "bytes"),
    ("patches", Int64(patchCount), "operations"),
    ("detached_pages", Int64(PageLimits.detachedPageCount), "pages"),
    ("detached_bytes", Int64(PageLimits.detachedByteCount), "bytes"),
    ("url", Int64(urlByteCount), "bytes"),
    ("mime_type", Int64(mimeTypeByteCount), "bytes"),
    ("author", Int64(actorByteCount), "bytes"),
    ("period", Int64(periodByteCount), "bytes"),
    ("period_index", PeriodName.maximumIndex, "periods"),
    ("cursor", Int64(cursorByteCount), "bytes"),
    ("cancel_token", Int64(cancelTokenByteCount), "bytes"),
    ("reflection_symbol", Int64(reflectionSymbolByteCount), "bytes"),
    ("default_page", Int64(defaultPageRowCount), "rows"),
    ("default_hold_ttl", defaultHoldTtlMillis, "millis"),
    ("default_stats_span", Int64(defaultStatsDayCount), "days"),
    ("lot_priority", Int64(lotPriority), "priority"),
    ("time", timeMicros, "micros"),
    ("fixture_items", Int64(fixtureItemCount), "items"),
    ("snapshots", Int64(snapshotCount), "snapshots"),
    ("snapshots_bytes", Int64(snapshotByteCount), "bytes"),
    ("snapshot_name", Int64(snapshotNameByteCount), "bytes"),
    ("failures", Int64(failureCount), "failures"),
    ("failure_repeats", Int64(failureRepeatCount), "times"),
    ("failure_delay", failureDelayMillis, "millis"),
    ("failure_message", Int64(failureMessageByteCount), "bytes"),
    ("rate", Int64(RateLimit.maximumRate), "calls"),
    ("rate_limits", Int64(RateLimit.maximumOfAKind), "limits"),
    ("rate_buckets", Int64(RateLimiter.maximumBuckets), "buckets"),
  ]
}
