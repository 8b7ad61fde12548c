// The periods of one user's subscription, and which of them the server is to grant.
//
// Invariants:
// 1. Only the period that an instant lies in is granted: one that has passed is skipped, and said so.
// 2. A period whose dates were granted before, by hand or by the server, is not granted again.
// 3. The zone makes instants of dates only: with another zone of the plan, the next period may begin some
//    hours earlier or later than was reckoned before, and is granted when that time has come.

package struct GrantCalendar {
  private let startDay: Int64
  private let plan: Plan
  private let zone: Zone

  package init(_ subscription: Subscription, _ plan: Plan, _ zone: Zone) {
    startDay = subscription.startDay
    self.plan = plan
    self.zone = zone
  }

  /// nil before the first period.
  package func period(at micros: Int64) -> Period? {
    Period(startDay: startDay, containing: micros, zone: zone)
  }

  /// When the server is to grant next.
  /// - Parameter granted: of the plan's granted periods, the last that begins before the present one ends.
  package func nextGrantMicros(granted: GrantedPeriod?, nowMicros: Int64) -> Int64? {
    guard let period = period(at: nowMicros) else { return firstMicros(after: nowMicros) }
    // One that overlaps without being the same is found, and told, when its time has come.
    return granted?.days.lowerBound == period.days.lowerBound ? period.endMicros : nowMicros
  }

  private func firstMicros(after nowMicros: Int64) -> Int64? {
    guard PeriodName.startDays.contains(startDay) else { return nil }
    let first = zone.start(ofDay: startDay)
    return first > nowMicros ? first : nil
  }

  /// What is due.
  /// - Parameters:
  ///   - dueMicros: since when.
  ///   - granted: as for `nextGrantMicros`.
  package func due(sinceMicros dueMicros: Int64, granted: GrantedPeriod?, nowMicros: Int64) -> DueGrant {
    guard let period = period(at: nowMicros) else {
      return DueGrant(nextAtMicros: firstMicros(after: nowMicros))
    }
    var due = DueGrant(nextAtMicros: period.endMicros)
    let startDay = period.days.lowerBound
    if let first = self.period(at: dueMicros)?.days.lowerBound, first < startDay {
      due.notices.append(.skipped(planId: plan.id, days: first..<startDay))
    }
    if let granted, granted.days.overlaps(period.days) {
      if granted.days.lowerBound != startDay {
        due.notices.append(
          .overlaps(planId: plan.id, startDay: startDay, grantedStartDay: granted.days.lowerBound))
      }
      return due
    }
    do {
      due.grant = try PeriodGrant(plan, period, nowMicros: nowMicros)
    } catch {
      due.notices.append(.expired(planId: plan.id, startDay: startDay))
    }
    return due
  }
}

extension UserSettings {
  /// What the server grants the user of.
  package var automaticSubscription: Subscription? {
    guard !isSuspended, let subscription, subscription.isAutomatic else { return nil }
    return subscription
  }
}
