// Callers that keep many accounts busy with every kind of mutation.
//
// Invariants:
// 1. What a caller does follows from the seed, the round, its number and the replies.
//
// Owner: the run.

import TallyClient

struct Workload: Sendable {
  /// Of a hundred calls, how many do what; the rest are batches. Half of the last settle a hold.
  struct Weights: Sendable {
    var consume: Int
    var purchase: Int
    var promo: Int
    var hold: Int

    static let even = Weights(consume: 40, purchase: 12, promo: 8, hold: 30)
    static let scarce = Weights(consume: 48, purchase: 2, promo: 2, hold: 40)
  }

  var seed: UInt64
  var weights = Weights.even
  var callerCount = 64
  var connectionCount = 8
  /// Accounts that a tenth of the calls go to.
  var hotAccountCount = 16
  /// The largest amount of one call; a balance is a few of these.
  var maximumAmountMicros: Int64 = 1_000_000

  /// Gives every account its first credit.
  func fund(_ oracle: Oracle, _ daemon: Daemon) async {
    let clients = (0..<connectionCount).map { _ in daemon.client() }
    await withTaskGroup(of: Void.self) { group in
      for caller in 0..<callerCount {
        group.addTask {
          for account in stride(from: caller, to: oracle.accountCount, by: callerCount) {
            let call = Call(
              number: oracle.number(), action: .purchase, account: account,
              amountMicros: maximumAmountMicros)
            guard await oracle.make(call, clients[caller % connectionCount]) else { return }
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
    let end = ContinuousClock.now + patience
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

  private func account(_ oracle: Oracle, _ random: inout SeededRandom) -> Int {
    let count = random.next() % 10 == 0 ? hotAccountCount : oracle.accountCount
    return Int.random(in: 0..<count, using: &random)
  }
}
