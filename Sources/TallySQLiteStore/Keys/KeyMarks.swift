// Up to where the index has the keys of the ledger, and where it is written next.
//
// A hand goes round the range of hashes. What it passes is written to the index.
//
// Invariants:
// 1. A segment's mark is a sequence: every row up to it whose hash lies in the segment is in the index. It is
//    what the ledger's last row was when the hand entered the segment, noted when the hand leaves it, since
//    by then all that waited has been written.
// 2. Rows behind the lowest mark are read again at a start; those that are in the index already are written
//    once more, which changes nothing.
//
// A value; the key index owns it.

struct KeyMarks {
  static let segmentCount = 8
  static let segmentBuckets = KeyBuffer.bucketCount / segmentCount

  /// By segment.
  private(set) var sequences: [Int64]
  /// The bucket that is written next.
  private var hand: Int
  /// The ledger's last row when the hand entered its segment.
  private var enteredAt: Int64

  /// - Parameters:
  ///   - sequences: as they are stored, by segment.
  ///   - lastSequence: of the ledger: a mark beyond it is none, since it would cover rows that are to come.
  init(_ sequences: [Int: Int64] = [:], lastSequence: Int64 = Int64.max) {
    let sequences = (0..<Self.segmentCount).map { segment in
      let stored = sequences[segment] ?? 0
      return stored > lastSequence ? 0 : stored
    }
    // The segment that has waited longest is first.
    let first = sequences.indices.min { sequences[$0] < sequences[$1] } ?? 0
    self.sequences = sequences
    hand = first * Self.segmentBuckets
    enteredAt = sequences[first]
  }

  /// The row up to which all keys are in the index.
  var lowest: Int64 { sequences.min() ?? 0 }

  static func segment(of hash: UInt32) -> Int { KeyBuffer.bucket(of: hash) / segmentBuckets }

  /// Whether a pair is in the index for certain.
  func covers(_ pair: KeyPair) -> Bool { pair.sequence <= sequences[Self.segment(of: pair.hash)] }

  /// Moves the hand.
  /// - Parameters:
  ///   - count: of buckets, at most all.
  ///   - lastSequence: of the rows whose pairs wait in the buffer; none of a transaction that is open.
  /// - Returns: the buckets to write, and the segments whose marks are another now.
  mutating func advance(by count: Int, lastSequence: Int64) -> (buckets: [Range<Int>], segments: [Int]) {
    var left = min(count, KeyBuffer.bucketCount)
    var buckets: [Range<Int>] = []
    var segments: [Int] = []
    while left > 0 {
      let segment = hand / Self.segmentBuckets
      let end = min(hand + left, (segment + 1) * Self.segmentBuckets)
      buckets.append(hand..<end)
      left -= end - hand
      hand = end
      guard end == (segment + 1) * Self.segmentBuckets else { break }
      sequences[segment] = enteredAt
      segments.append(segment)
      enteredAt = lastSequence
      hand %= KeyBuffer.bucketCount
    }
    return (buckets, segments)
  }

  /// The keys of all rows up to one are in the index.
  mutating func pass(_ sequence: Int64) {
    sequences = sequences.map { _ in sequence }
    enteredAt = sequence
  }

  /// All rows up to one are in the index, or wait in the buffer.
  mutating func enter(_ sequence: Int64) { enteredAt = sequence }
}
