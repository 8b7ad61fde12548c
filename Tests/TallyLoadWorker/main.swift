// Makes load on a server from a process of its own, many callers at once, and takes down what it saw.
//
// Usage: TallyLoadWorker SOCKET OUTPUT NAME USERS SEED CALLERS OPERATIONS WALL
//
// `NAME` is `USERS/ROUND/WORKER`: workers with the same before the first slash share their users, of whom
// there are as many as the next argument says. `OPERATIONS` are made by all callers together; what they saw
// is written to `OUTPUT` in the end, and `OUTPUT.last` is there once the server may be killed. With 0 they go
// on until the server is gone, with other users after a while, and nothing is taken down. `WALL` is the
// server's clock in microseconds, 0 for the machine's. Writes what was answered how often, to standard
// output.
//
// Owner: the main task; callers are tasks of their own.

internal import Glibc
internal import TallyClient
internal import TallyLoad
internal import TallyLocking

/// Calls that all callers may still make.
private final class Allowance: Sendable {
  private let left: Lock<Int>
  private let lastCount: Int

  /// - Parameter count: when a fifth of it is left, the server may be killed.
  init(_ count: Int) { (left, lastCount) = (Lock(count), count / 5) }

  /// - Returns: whether the server may be killed; nil when there are none left.
  func take(_ count: Int) -> Bool? {
    left.withLock {
      if $0 <= 0 { return nil }
      $0 -= count
      return $0 < lastCount
    }
  }
}

private struct Worker {
  /// How many operations are made for the same users when there is no end to them.
  private static let operationsOfACast = 4_000

  let socket: String
  let output: String
  let name: String
  let round: Int
  let userCount: Int
  let seed: UInt64
  let callers: Int
  let wallMicros: Int64

  func run(_ cast: Cast, stretch: Int, operations: Int, keepsRecords: Bool) async -> [Recorder] {
    let (ground, allowance) = (Ground(), Allowance(operations))
    let waiting = Lock(callers)
    let clients = (0..<4).map { _ in
      TallyClient(socket: socket, defaults: CallOptions(timeout: .seconds(600), retry: .never))
    }
    defer { for client in clients { client.close() } }
    return await withTaskGroup(of: Recorder.self) { group in
      for number in 0..<callers {
        let caller = "\(name).\(stretch).\(number)"
        var mix = Mix(
          name: caller, cast: cast, round: round, ground: ground, wallMicros: wallMicros,
          random: SeededRandom(seed: seed, stream: UInt64(stretch * callers + number)))
        var recorder = Recorder(name: caller, client: clients[number % 4], keepsRecords: keepsRecords)
        group.addTask {
          while true {
            let call = mix.next()
            guard let isLast = allowance.take(call.operations), await recorder.make(call) else { break }
            if !isLast || mix.isLast || !keepsRecords { continue }
            mix.isLast = true
            if waiting.withLock({
              $0 -= 1; return $0 == 0
            }) {
              write([], to: "\(output).last")
            }
          }
          return recorder
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }

  /// Until the server is gone.
  func runOn() async -> [String: Int] {
    var counts: [String: Int] = [:]
    for stretch in 0... {
      let cast = Cast(name: "\(names[0]).\(stretch)", userCount: userCount)
      let client = TallyClient(socket: socket, defaults: CallOptions(timeout: .seconds(600), retry: .never))
      var first = Recorder(name: name, client: client, keepsRecords: false)
      defer { client.close() }
      for call in (stretch == 0 ? Cast.plans : []) + cast.setup where await !first.make(call) {
        return counts
      }
      let recorders = await run(
        cast, stretch: stretch, operations: Self.operationsOfACast, keepsRecords: false)
      for recorder in recorders { counts.merge(recorder.counts, uniquingKeysWith: +) }
    }
    return counts
  }
}

private func write(_ bytes: [UInt8], to path: String) {
  let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  var rest = bytes[...]
  while file >= 0, !rest.isEmpty {
    let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
    if count <= 0 { exit(74) }
    rest = rest.dropFirst(count)
  }
  if file < 0 { exit(74) }
}

private let arguments = CommandLine.arguments
guard arguments.count == 9, let userCount = Int(arguments[4]), let seed = UInt64(arguments[5]),
  let callers = Int(arguments[6]), let operations = Int(arguments[7]), let wallMicros = Int64(arguments[8])
else { exit(64) }
private let names = arguments[3].split(separator: "/").map(String.init)
guard names.count == 3 else { exit(64) }
private let worker = Worker(
  socket: arguments[1], output: arguments[2], name: arguments[3], round: Int(names[1]) ?? 0,
  userCount: userCount, seed: seed, callers: callers,
  wallMicros: wallMicros > 0 ? wallMicros : Int64(time(nil)) * 1_000_000)
private var counts: [String: Int] = [:]
if operations == 0 {
  counts = await worker.runOn()
} else {
  let recorders = await worker.run(
    Cast(name: names[0], userCount: userCount), stretch: 0, operations: operations, keepsRecords: true)
  var bytes: [UInt8] = []
  for recorder in recorders {
    counts.merge(recorder.counts, uniquingKeysWith: +)
    for record in recorder.records { record.append(to: &bytes) }
  }
  write(bytes, to: arguments[2])
}
print(counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
