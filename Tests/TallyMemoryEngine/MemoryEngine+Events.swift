// Events and alert rules, read over all rows.

package import TallyCore

extension MemoryEngine {
  package func events(_ filter: EventFilter) throws(Refusal) -> Snapshot<Page<AccountEvent>> {
    try read { tables in
      let events = tables.accountEvents.map(\.event).reversed().filter { event in
        event.userId.isExactly(filter.userId) && event.id < filter.beforeId ?? Int64.max
          && (filter.kinds.isEmpty || filter.kinds.contains(event.kind))
          && event.atMicros >= filter.fromMicros ?? Int64.min
      }
      return Page(events, limit: filter.limit, number: \.id)
    }
  }

  package func events(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<Slice<AccountEvent>> {
    try read { tables in
      let userIds = Set(filter.userIds.map(ExactText.init))
      let events = tables.accountEvents.lazy.map(\.event).filter { event in
        event.id >= filter.fromSequence && event.id < filter.beforeSequence
          && (userIds.isEmpty || userIds.contains(ExactText(event.userId)))
      }
      return Slice(
        rows: Array(events.prefix(filter.limit)), filter, lastSequence: Int64(tables.accountEvents.count))
    }
  }

  package func topUp(userId: String) throws(Refusal) -> Snapshot<TopUp?> {
    try read { tables in tables.topUps.values.first { $0.userId.isExactly(userId) } }
  }

  package func topUpIntents(_ filter: TopUpIntentFilter) throws(Refusal) -> Snapshot<Page<TopUpIntent>> {
    try read { tables in
      let intents = tables.topUpIntents.reversed().filter { intent in
        intent.id < filter.beforeId ?? Int64.max
          && (filter.userId.map { intent.userId.isExactly($0) } ?? true)
          && (filter.states.isEmpty || filter.states.contains(intent.state))
      }
      return Page(intents, limit: filter.limit, number: \.id)
    }
  }

  package func alertRules(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<AlertRulePage> {
    try read { tables in
      let rules = tables.alertRules.filter { rule in afterId.map { rule.key > ExactText($0) } ?? true }
        .sorted { $0.key < $1.key }.map(\.value)
      let shown = Array(rules.prefix(limit))
      return AlertRulePage(rules: shown, nextAfter: rules.count > limit ? shown.last?.id : nil)
    }
  }
}
