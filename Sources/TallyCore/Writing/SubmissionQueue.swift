// What waits for the writer: bounded, and fair among its sharers, who are users for the most part.
//
// Invariants:
// 1. At most `maximumItems` and `maximumBytes` wait or are in the batch that was taken last, of which some
//    may be put back. What does not fit is refused before anything of it runs.
//    Who has something waiting may add to it while that is less than a third of what is free: a quarter of
//    the queue for one alone, less for each of several. (Dynamic thresholds: Choudhury and Hahne, 1998.) The
//    last 64th is for those who have nothing waiting: thirty who flood one after the other would take it too.
// 2. A batch is at most `batchItems` and `batchBytes`, but never empty while something waits.
// 3. One sharer's submissions are taken in the order in which they came. When more waits than one batch
//    takes, sharers take turns. What a batch could not decide keeps its turn.
//
// A value; the inbox's lock guards it.

internal import DequeModule

struct SubmissionQueue {
  static let maximumItems = 4_096
  static let maximumBytes = 32 << 20
  /// One sharer has at most this part of what the others leave.
  static let freePart = 3
  /// Of the queue this part is for those who have nothing waiting.
  static let sparedPart = 64
  static let batchItems = 256
  static let batchBytes = 1 << 20

  private struct Lane {
    var works: Deque<Work> = []
    var byteCount = 0
  }

  /// In order of arrival, while one batch takes it all: nobody can have a quarter of the queue then.
  private var few: [Work] = []
  /// By sharer, once there is more.
  private var lanes: [ExactText: Lane] = [:]
  private var turns: Deque<ExactText> = []
  private(set) var count = 0
  private(set) var byteCount = 0
  /// In the batch that was taken last.
  private var taken = (count: 0, byteCount: 0)

  init() {}

  var isEmpty: Bool { count == 0 }

  /// Whether another submission of average size would be turned away whoever sends it.
  var isFull: Bool { freeItems <= 0 || freeBytes <= 0 }

  private var freeItems: Int { Self.maximumItems - count - taken.count }
  private var freeBytes: Int { Self.maximumBytes - byteCount - taken.byteCount }

  /// Whether so many wait that they are counted by sharer.
  var isShared: Bool { !lanes.isEmpty }

  /// Whether a small submission of this sharer would fit.
  func hasRoom(for sharer: String) -> Bool { !isFull && hasShare(ExactText(sharer), byteCount: 1) }

  /// - Returns: false when it does not fit.
  package mutating func add(_ work: Work) -> Bool {
    let bytes = work.byteCount
    guard freeItems > 0, bytes <= freeBytes else { return false }
    if lanes.isEmpty && count < Self.batchItems && byteCount + bytes <= Self.batchBytes {
      few.append(work)
    } else {
      for earlier in few { enter(earlier) }
      few.removeAll(keepingCapacity: true)
      guard hasShare(ExactText(work.sharer), byteCount: bytes) else { return false }
      enter(work)
    }
    count += 1
    byteCount += bytes
    return true
  }

  private func hasShare(_ sharer: ExactText, byteCount bytes: Int) -> Bool {
    guard let lane = lanes[sharer] else { return true }
    let bytesLeft = freeBytes - bytes
    return lane.works.count * Self.freePart < freeItems
      && (lane.byteCount + bytes) * Self.freePart <= bytesLeft
      && freeItems > Self.maximumItems / Self.sparedPart && bytesLeft >= Self.maximumBytes / Self.sparedPart
  }

  private mutating func enter(_ work: Work) {
    let sharer = ExactText(work.sharer)
    if lanes[sharer] == nil { turns.append(sharer) }
    lanes[sharer, default: Lane()].works.append(work)
    lanes[sharer, default: Lane()].byteCount += work.byteCount
  }

  /// Takes back what was taken and not decided: before what its sharers sent later. Its sharers' turns are
  /// next, in the order in which they would have been: who has little waiting is not passed over again and
  /// again for one whose every submission fills a batch.
  mutating func putBack(_ works: [Work]) {
    for earlier in few { enter(earlier) }
    few.removeAll(keepingCapacity: true)
    var next: [ExactText] = []
    var known: Set<ExactText> = []
    for work in works {
      let sharer = ExactText(work.sharer)
      if known.insert(sharer).inserted { next.append(sharer) }
      if lanes[sharer] == nil { lanes[sharer] = Lane() }
    }
    taken = (0, 0)
    turns.removeAll { known.contains($0) }
    turns.prepend(contentsOf: next)
    for work in works.reversed() {
      let sharer = ExactText(work.sharer)
      lanes[sharer, default: Lane()].works.prepend(work)
      lanes[sharer, default: Lane()].byteCount += work.byteCount
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
      taken = (count, byteCount)
      (count, byteCount) = (0, 0)
      return batch
    }
    var batch: [Work] = []
    var bytes = 0
    while batch.count < Self.batchItems, let sharer = turns.first, let next = lanes[sharer]?.works.first {
      guard batch.isEmpty || bytes + next.byteCount <= Self.batchBytes else { break }
      turns.removeFirst()
      lanes[sharer]?.works.removeFirst()
      lanes[sharer]?.byteCount -= next.byteCount
      if lanes[sharer]?.works.isEmpty == true { lanes[sharer] = nil } else { turns.append(sharer) }
      bytes += next.byteCount
      batch.append(next)
    }
    taken = (batch.count, bytes)
    count -= batch.count
    byteCount -= bytes
    return batch
  }
}
