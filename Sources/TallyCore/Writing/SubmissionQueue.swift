// What waits for the writer: bounded, and fair among users.
//
// Invariants:
// 1. At most `maximumItems` and `maximumBytes` wait, at most a quarter of each from one user. What does not
//    fit is refused before anything of it runs.
// 2. A batch is at most `batchItems` and `batchBytes`, but never empty while something waits.
// 3. One user's submissions are taken in the order in which they came. When more waits than one batch
//    takes, users take turns.
//
// A value; the inbox's lock guards it.

internal import DequeModule

struct SubmissionQueue {
  static let maximumItems = 4_096
  static let maximumBytes = 32 << 20
  /// One user has at most this part of the queue. Submissions of many users are nobody's.
  static let maximumShare = 4
  static let batchItems = 256
  static let batchBytes = 1 << 20

  private struct Lane {
    var works: Deque<Work> = []
    var byteCount = 0
  }

  /// In order of arrival, while one batch takes it all: no user can have a quarter of the queue then.
  private var few: [Work] = []
  /// By user, once there is more.
  private var lanes: [ExactText: Lane] = [:]
  private var turns: Deque<ExactText> = []
  private(set) var count = 0
  private(set) var byteCount = 0

  init() {}

  var isEmpty: Bool { count == 0 }

  /// Whether another submission of average size would be turned away whoever sends it.
  var isFull: Bool { count >= Self.maximumItems || byteCount >= Self.maximumBytes }

  /// - Returns: false when it does not fit.
  package mutating func add(_ work: Work) -> Bool {
    let bytes = work.byteCount
    guard count < Self.maximumItems, byteCount + bytes <= Self.maximumBytes else { return false }
    if lanes.isEmpty && count < Self.batchItems && byteCount + bytes <= Self.batchBytes {
      few.append(work)
    } else {
      for earlier in few { enter(earlier) }
      few.removeAll(keepingCapacity: true)
      guard hasShare(work) else { return false }
      enter(work)
    }
    count += 1
    byteCount += bytes
    return true
  }

  private func hasShare(_ work: Work) -> Bool {
    let userId = ExactText(work.userId)
    guard !userId.text.isEmpty, let lane = lanes[userId] else { return true }
    return lane.works.count < Self.maximumItems / Self.maximumShare
      && lane.byteCount + work.byteCount <= Self.maximumBytes / Self.maximumShare
  }

  private mutating func enter(_ work: Work) {
    let userId = ExactText(work.userId)
    if lanes[userId] == nil { turns.append(userId) }
    lanes[userId, default: Lane()].works.append(work)
    lanes[userId, default: Lane()].byteCount += work.byteCount
  }

  /// Takes back what was taken and not decided: before what its users sent later, behind other users.
  mutating func putBack(_ works: [Work]) {
    for earlier in few { enter(earlier) }
    few.removeAll(keepingCapacity: true)
    for work in works {
      let userId = ExactText(work.userId)
      guard lanes[userId] == nil else { continue }
      lanes[userId] = Lane()
      turns.append(userId)
    }
    for work in works.reversed() {
      let userId = ExactText(work.userId)
      lanes[userId, default: Lane()].works.prepend(work)
      lanes[userId, default: Lane()].byteCount += work.byteCount
      count += 1
      byteCount += work.byteCount
    }
  }

  /// Takes the next batch out.
  mutating func take() -> [Work] {
    if lanes.isEmpty {
      let batch = few
      few = []
      few.reserveCapacity(batch.count)
      count = 0
      byteCount = 0
      return batch
    }
    var batch: [Work] = []
    var bytes = 0
    while batch.count < Self.batchItems, let userId = turns.first, let next = lanes[userId]?.works.first {
      guard batch.isEmpty || bytes + next.byteCount <= Self.batchBytes else { break }
      turns.removeFirst()
      lanes[userId]?.works.removeFirst()
      lanes[userId]?.byteCount -= next.byteCount
      if lanes[userId]?.works.isEmpty == true { lanes[userId] = nil } else { turns.append(userId) }
      bytes += next.byteCount
      batch.append(next)
    }
    count -= batch.count
    byteCount -= bytes
    return batch
  }
}
