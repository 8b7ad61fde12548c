// Callers that keep many accounts busy with every kind of mutation.
//
// Invariants:
// 1. What a caller does follows from the seed, the round, its number and the replies.
//
// Owner: the run.

import TallyClient
import TallyMessages
import TallyTestSupport

struct Workload: Sendable {
  /// Of a hundred calls, how many do what; the rest are batches. Half of those of holds and of runs end one,
  /// most of those of pages save one.
  struct Weights: Sendable {
    var consume: Int
    var purchase: Int
    var promo: Int
    var hold: Int
    var run: Int
    var page: Int
    var settings: Int
    /// Money goes back, holds are drawn over, plans are granted.
    var back: Int

    static let even = Weights(
      consume: 22, purchase: 10, promo: 6, hold: 18, run: 14, page: 7, settings: 2, back: 16)
    static let scarce = Weights(
      consume: 40, purchase: 2, promo: 2, hold: 30, run: 20, page: 0, settings: 0, back: 0)

    static let runs = Weights(
      consume: 0, purchase: 0, promo: 0, hold: 0, run: 100, page: 0, settings: 0, back: 0)
    static let pages = Weights(
      consume: 0, purchase: 0, promo: 0, hold: 0, run: 0, page: 100, settings: 0, back: 0)
    static let settings = Weights(
      consume: 0, purchase: 0, promo: 0, hold: 0, run: 0, page: 0, settings: 100, back: 0)
    static let back = Weights(
      consume: 10, purchase: 5, promo: 5, hold: 10, run: 0, page: 0, settings: 0, back: 70)
  }

  var seed: UInt64
  var weights = Weights.even
  var callerCount = 64
  var connectionCount = 8
  /// Accounts that a tenth of the calls go to.
  var hotAccountCount = 16
  /// Accounts that have settings, runs and pages, the hot ones among them.
  static let busyAccountCount = 1_024
  /// The largest amount of one call; a balance is a few of these.
  var maximumAmountMicros: Int64 = 1_000_000

  /// Gives every account its first credit, and the busy ones their settings.
  func fund(_ oracle: Oracle, _ daemon: Daemon) async {
    let clients = (0..<connectionCount).map { _ in daemon.client() }
    await Self.putPlans(oracle, clients[0])
    await withTaskGroup(of: Void.self) { group in
      for caller in 0..<callerCount {
        group.addTask {
          for account in stride(from: caller, to: oracle.accountCount, by: callerCount) {
            for action in account < Self.busyAccountCount ? [Action.putSettings, .purchase] : [.purchase] {
              let call = Call(
                number: oracle.number(), action: action, account: account,
                amountMicros: action == .purchase ? maximumAmountMicros : 0)
              guard await oracle.make(call, clients[caller % connectionCount]) else { return }
            }
          }
        }
      }
    }
    for client in clients { client.close() }
  }

  /// Calls without a pause until the server is gone, or `isOver`, or patience is at its end.
  func run(
    _ oracle: Oracle, _ daemon: Daemon, round: Int, until isOver: @escaping @Sendable () -> Bool = { false }
  ) async {
    let clients = (0..<connectionCount).map { _ in daemon.client() }
    let end = ContinuousClock.now + Patience.duration
    await withTaskGroup(of: Void.self) { group in
      for caller in 0..<callerCount {
        group.addTask {
          var random = SeededRandom(seed: seed, stream: UInt64(round * callerCount + caller))
          while !isOver(), .now < end,
            await oracle.make(call(oracle, &random), clients[caller % connectionCount])
          {}
        }
      }
    }
    for client in clients { client.close() }
  }

  private func call(_ oracle: Oracle, _ random: inout SeededRandom) -> Call {
    let number = oracle.number()
    let account = account(oracle, &random)
    let amount = Int64.random(in: 1...maximumAmountMicros, using: &random)
    var draw = Int.random(in: 0..<100, using: &random)
    /// Whether the draw falls to the next share.
    func falls(_ share: Int) -> Bool {
      draw -= share
      return draw < 0
    }
    let simple: Action? =
      falls(weights.consume)
      ? .consume : falls(weights.purchase) ? .purchase : falls(weights.promo) ? .promo : nil
    if let simple { return Call(number: number, action: simple, account: account, amountMicros: amount) }
    if falls(weights.run) { return runCall(number, oracle, &random) }
    if falls(weights.page) { return pageCall(number, oracle, &random) }
    if falls(weights.settings) {
      let account = self.account(oracle, among: Self.busyAccountCount, &random)
      return Call(number: number, action: .putSettings, account: account, amountMicros: 0)
    }
    if falls(weights.back) { return backCall(number, oracle, &random) }
    if falls(weights.hold) {
      guard random.next() % 2 == 0, let hold = oracle.takeHold(using: &random) else {
        return Call(number: number, action: .reserve, account: account, amountMicros: amount)
      }
      let captured = Int64.random(in: 1...hold.amountMicros, using: &random)
      return Call(
        number: number, action: random.next() % 3 == 0 ? .release : .capture, account: hold.account,
        amountMicros: captured, hold: hold)
    }
    let parts = (0..<Int.random(in: 2...16, using: &random)).map { _ in
      Part(
        account: self.account(oracle, &random),
        amountMicros: Int64.random(in: 1...maximumAmountMicros / 8, using: &random))
    }
    return Call(number: number, batch: parts)
  }

  func account(
    _ oracle: Oracle, among accountCount: Int = .max, _ random: inout SeededRandom
  ) -> Int {
    let isHot = random.next() % 10 == 0
    let count = min(isHot ? hotAccountCount : accountCount, oracle.accountCount)
    return Int.random(in: 0..<count, using: &random)
  }

  // MARK: runs and pages

  private func runCall(_ number: Int, _ oracle: Oracle, _ random: inout SeededRandom) -> Call {
    let account = account(oracle, among: Self.busyAccountCount, &random)
    let draw = random.next() % 8
    if draw == 0 {
      let parts = (0..<Int.random(in: 1...16, using: &random)).map { _ in
        Part(
          account: self.account(oracle, among: Self.busyAccountCount, &random),
          amountMicros: Int64.random(in: 0...maximumAmountMicros, using: &random))
      }
      return Call(number: number, recording: parts)
    }
    if draw == 1, let failed = oracle.takeFailedRun() {
      let estimate = Int64.random(in: 0...maximumAmountMicros / 2, using: &random)
      return Call(number: number, retrying: failed, estimateMicros: estimate)
    }
    guard draw > 3, let run = oracle.takeRun(using: &random) else {
      // One in eight holds nothing.
      let estimate =
        number % 8 == 0 ? 0 : Int64.random(in: 1...maximumAmountMicros / 2, using: &random)
      return Call(number: number, action: .beginRun, account: account, amountMicros: estimate)
    }
    let held = run.estimateMicros
    let cost: Int64 =
      switch random.next() % 4 {
      case 0: held
      case 1: Int64.random(in: 0...held, using: &random)
      case 2: held + Int64.random(in: 0...maximumAmountMicros, using: &random)
      // Seldom there.
      default: held + 4 * maximumAmountMicros
      }
    return Call(number: number, finishing: run, costMicros: cost)
  }

  private func pageCall(_ number: Int, _ oracle: Oracle, _ random: inout SeededRandom) -> Call {
    // Half of the saves are of a few pages, so that callers are in each other's way.
    if random.next() % 4 > 0, let base = oracle.page(using: &random) {
      return Call(number: number, saving: base)
    }
    let account = account(oracle, among: Self.busyAccountCount, &random)
    return Call(number: number, action: .createPage, account: account, amountMicros: 0)
  }
}
