// Which autosaves of a page are kept: all of the last hour, one an hour for a day, one a day for 30 days.
//
// Invariants:
// 1. When an autosave goes depends on its own time and on that of the one after it, and on nothing else:
//    hours and days are those of UTC, counted from the epoch, and of each the newest is kept. So it does not
//    matter how often, or how late, a page is thinned.
// 2. A page's current version stays, and so does whatever is no autosave: one that is published or scheduled
//    is none from then on.

/// A version that an autosave has made.
package struct Autosave: Equatable {
  package var version: Int64
  package var atMicros: Int64

  package init(version: Int64, atMicros: Int64) {
    self.version = version
    self.atMicros = atMicros
  }
}

package enum AutosaveThinning {
  private static let microsPerHour: Int64 = 3_600_000_000
  private static let microsPerDay = 24 * microsPerHour
  private static let dailyMicros = 30 * microsPerDay

  struct Plan: Equatable {
    /// Versions that go now, the oldest first.
    var removed: [Int64] = []
    /// When something more may go; nil for never, as long as no version is made.
    var nextMicros: Int64?
  }

  /// The first moment at which an autosave is not kept any more.
  /// - Parameter nextMicros: the time of the autosave after it; nil when there is none.
  static func endMicros(of atMicros: Int64, nextMicros: Int64?) -> Int64 {
    func isShared(_ length: Int64) -> Bool {
      nextMicros.map { floorDivide($0, length) == floorDivide(atMicros, length) } ?? false
    }
    let keptMicros =
      isShared(microsPerHour) ? microsPerHour : isShared(microsPerDay) ? microsPerDay : dailyMicros
    return atMicros.addingSaturating(keptMicros).addingSaturating(1)
  }

  /// Before it nothing becomes of an autosave, whatever comes after it.
  static func earliestEndMicros(of atMicros: Int64) -> Int64 {
    atMicros.addingSaturating(microsPerHour).addingSaturating(1)
  }

  /// - Parameters:
  ///   - autosaves: of one page, oldest first.
  ///   - isWhole: whether they are all there are; else the last one's end is not known.
  ///   - limit: of versions that go.
  static func plan(
    _ autosaves: [Autosave], isWhole: Bool, current: Int64, nowMicros: Int64, limit: Int
  ) -> Plan {
    var plan = Plan()
    func note(_ micros: Int64) { plan.nextMicros = min(plan.nextMicros ?? Int64.max, micros) }
    for (index, autosave) in autosaves.enumerated() {
      let next = index + 1 < autosaves.count ? autosaves[index + 1].atMicros : nil
      if next == nil && !isWhole {
        note(earliestEndMicros(of: autosave.atMicros))
        break
      }
      let endMicros = endMicros(of: autosave.atMicros, nextMicros: next)
      if endMicros > nowMicros {
        note(endMicros)
      } else if autosave.version != current {
        if plan.removed.count == limit {
          note(nowMicros)
          break
        }
        plan.removed.append(autosave.version)
      }
    }
    return plan
  }
}
