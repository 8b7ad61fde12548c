// The heap of timers.

import TallyLocking
import Testing

@testable import TTRPC

@Suite("Timers")
struct TimersTests {
  @Test("what is due comes in order of time, and once")
  func order() {
    let timers = Timers()
    let fired = Lock<[Int]>([])
    for at in [50, 10, 40, 20, 30] {
      _ = timers.schedule(at: UInt64(at)) { fired.withLock { $0.append(at) } }
    }
    #expect(timers.next == 10)
    for action in timers.due(30) { action() }
    #expect(fired.withLock { $0 } == [10, 20, 30])
    for action in timers.due(30) { action() }
    #expect(timers.count == 2)
    for action in timers.due(100) { action() }
    #expect(fired.withLock { $0 } == [10, 20, 30, 40, 50])
    #expect(timers.next == UInt64.max)
  }

  @Test("a new first timer says so")
  func first() {
    let timers = Timers()
    #expect(timers.schedule(at: 10) {}.isFirst)
    #expect(!timers.schedule(at: 20) {}.isFirst)
    #expect(timers.schedule(at: 5) {}.isFirst)
  }

  @Test("random schedules and cancellations agree with a sorted list")
  func model() {
    let timers = Timers()
    var model: [(at: UInt64, timer: Timer)] = []
    for step in 0..<5000 {
      if step % 3 != 0 || model.isEmpty {
        let at = UInt64.random(in: 0...1000)
        model.append((at, timers.schedule(at: at) {}.timer))
      } else {
        let index = Int.random(in: 0..<model.count)
        timers.cancel(model[index].timer)
        // A second time changes nothing.
        timers.cancel(model[index].timer)
        model.remove(at: index)
      }
      #expect(timers.next == model.map(\.at).min() ?? UInt64.max)
      #expect(timers.count == model.count)
    }
    #expect(timers.due(500).count == model.filter { $0.at <= 500 }.count)
  }
}
