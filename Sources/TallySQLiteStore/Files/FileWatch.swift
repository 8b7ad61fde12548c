// Notices when the files of a database that is served are no longer those at their paths: the directory was
// removed or renamed, a file unlinked or replaced. What is written to them then is gone with the process.
//
// Invariants:
// 1. Paths are looked at, never opened: closing a descriptor of the database would drop SQLite's locks.
// 2. Only a path that leads nowhere or elsewhere is a loss; one that cannot be looked at just now is not.
// 3. A loss is told once, and is for good: what somebody did to the files meanwhile is not known.
//
// Owner: a queue of its own.

internal import Dispatch
internal import Glibc
internal import TallyCore
internal import TallyLocking

final class FileWatch: Sendable {
  /// How often the paths are looked at, in milliseconds: a loss is noticed within a second.
  static let intervalMillis = 250

  private struct Identity: Equatable {
    var device: dev_t
    var inode: ino_t
  }

  private enum Look: Equatable {
    case file(Identity)
    case nothing
    case unknown
  }

  private let files: [(path: String, identity: Identity)]
  private let found = Lock<String?>(nil)
  private let timer = Lock<(any DispatchSourceTimer)?>(nil)

  /// Remembers which files are at the paths now; those that are not there are not watched.
  init(paths: [String]) {
    files = paths.compactMap { path in
      guard case .file(let identity) = Self.look(path) else { return nil }
      return (path, identity)
    }
  }

  deinit { stop() }

  /// - Parameter onLoss: called once, with the path and what became of it.
  func start(onLoss: @escaping @Sendable (String) -> Void) {
    let source = DispatchSource.makeTimerSource(
      queue: DispatchQueue(label: "tallystick.files", qos: .userInitiated))
    let interval = DispatchTimeInterval.milliseconds(Self.intervalMillis)
    source.schedule(deadline: .now() + interval, repeating: interval, leeway: .milliseconds(50))
    source.setEventHandler { [weak self] in
      guard let self, let loss else { return }
      stop()
      onLoss(loss)
    }
    source.resume()
    timer.withLock { $0 = source }
  }

  func stop() {
    let source = timer.withLock { timer in
      defer { timer = nil }
      return timer
    }
    source?.cancel()
  }

  /// The first path that was seen to lead nowhere or elsewhere; nil while all are as they were.
  var loss: String? {
    if let found = found.withLock({ $0 }) { return found }
    let loss = look()
    if let loss { found.withLock { $0 = $0 ?? loss } }
    return loss
  }

  private func look() -> String? {
    for (path, identity) in files {
      switch Self.look(path) {
      case .unknown: continue
      case .nothing: return "\(path) was removed"
      case .file(let found): if found != identity { return "\(path) was replaced" }
      }
    }
    return nil
  }

  private static func look(_ path: String) -> Look {
    var facts = stat()
    if unsafe lstat(path, &facts) == 0 {
      return .file(Identity(device: facts.st_dev, inode: facts.st_ino))
    }
    return errno == ENOENT || errno == ENOTDIR ? .nothing : .unknown
  }
}
