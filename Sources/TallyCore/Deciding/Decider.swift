// What becomes of a command: the one place that every mutation passes.
//
// Invariants:
// 1. The order of checks is fixed, top to bottom in each function: the named object exists; the key or the
//    natural key replays or conflicts; then the rules. The first that fails is the answer.
// 2. A replay answers what is stored: the row, the balance after it, the hold as it stood right after it, and
//    the commit at which all that was decided.
// 3. Deciding changes nothing. What a command changes is in the effects of its decision.
//
// Owner: the writer's queue.

struct Decider {
  let records: ReadSet

  func decide(_ command: Command) throws(Refusal) -> Decided<Outcome> {
    switch command {
    case .consume(let it): try decide(it).map(Outcome.applied)
    case .addPurchase(let it): try decide(it).map(Outcome.applied)
    case .grantPlan(let it): try decide(it).map(Outcome.applied)
    case .grantPromo(let it): try decide(it).map(Outcome.applied)
    case .adjust(let it): try decide(it).map(Outcome.applied)
    case .reserve(let it): try decide(it).map(Outcome.applied)
    case .extend(let it): try decide(it).map(Outcome.applied)
    case .capture(let it): try decide(it).map(Outcome.applied)
    case .release(let it): try decide(it).map(Outcome.applied)
    case .putPlan(let it): try put(it)
    case .usage(.begin(let it)): try decide(it).map { .usage(.run($0)) }
    case .usage(.finish(let it)): try decide(it).map { .usage(.run($0)) }
    case .usage(.record(let it)): try decide(it).map { .usage(.run($0)) }
    case .page(let it): try decide(it).map(Outcome.page)
    case .admin(.putSettings(let it)): try put(it).map(Outcome.admin)
    case .admin(.setRateLimit(let it)): try set(it).map(Outcome.admin)
    }
  }
}
