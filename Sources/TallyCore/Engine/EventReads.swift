// What an engine answers about events and the rules that make them.
//
// Invariants:
// 1. A read that begins after a write was acknowledged sees it.
//
// Owner: the engine.

public protocol EventReads: Sendable {
  /// A user's, newest first.
  func events(_ filter: EventFilter) throws(Refusal) -> Snapshot<Page<AccountEvent>>
  /// A stretch of all events, in the order of their ids.
  func events(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<Slice<AccountEvent>>
  /// How a user's credit is topped up; nil when none was ever put.
  func topUp(userId: String) throws(Refusal) -> Snapshot<TopUp?>
  /// Newest first.
  func topUpIntents(_ filter: TopUpIntentFilter) throws(Refusal) -> Snapshot<Page<TopUpIntent>>
  /// By id, after `afterId`.
  func alertRules(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<AlertRulePage>
}
