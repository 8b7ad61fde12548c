// What the index of keys is made of: the buffer, the marks of the hand, and the filter, each against what it
// stands for.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Index of keys, its parts")
struct KeyStructureTests {
  @Test("what waits is found by its hash, and taken out in the order of the hashes")
  func buffer() {
    var random = SeededGenerator(seed: 1)
    var buffer = KeyBuffer()
    var expected: [KeyPair] = []
    for round in 0..<200 {
      for _ in 0..<20 {
        // Few hashes, so that several rows share one.
        let hash = UInt32.random(in: 0..<64, using: &random) &* 67_108_863
        let pair = KeyPair(hash: hash, sequence: Int64(expected.count + round * 1_000))
        buffer.add(pair)
        expected.append(pair)
      }
      let start = Int.random(in: 0..<KeyBuffer.bucketCount, using: &random)
      let buckets = start..<min(start + 2_048, KeyBuffer.bucketCount)
      let taken = expected.filter { buckets.contains(KeyBuffer.bucket(of: $0.hash)) }
      #expect(buffer.pairs(in: buckets) == taken.sorted())
      buffer.remove(buckets)
      expected.removeAll { buckets.contains(KeyBuffer.bucket(of: $0.hash)) }
      #expect(buffer.count == expected.count)
      for hash in Set(expected.map(\.hash)) {
        let sequences = expected.filter { $0.hash == hash }.map(\.sequence)
        #expect(Set(buffer.sequences(of: hash)) == Set(sequences))
      }
    }
    #expect(buffer.pairs(in: 0..<KeyBuffer.bucketCount) == expected.sorted())
  }

  @Test("a mark covers only what is in the index, after each move of the hand")
  func marks() {
    var random = SeededGenerator(seed: 2)
    var (marks, buffer) = (KeyMarks(), KeyBuffer())
    var written: Set<Int64> = []
    var committed: [KeyPair] = []
    for _ in 0..<3_000 {
      let last = committed.last?.sequence ?? 0
      let count = Int.random(in: 0..<600, using: &random)
      let (buckets, _) = marks.advance(by: count, lastSequence: last)
      #expect(buckets.reduce(0) { $0 + $1.count } == count)
      for range in buckets {
        written.formUnion(buffer.pairs(in: range).map(\.sequence))
        buffer.remove(range)
      }
      for number in 0..<Int64.random(in: 0..<4, using: &random) {
        let pair = KeyPair(hash: .random(in: 0...UInt32.max, using: &random), sequence: last + 1 + number)
        committed.append(pair)
        buffer.add(pair)
      }
    }
    for pair in committed where marks.covers(pair) { #expect(written.contains(pair.sequence)) }
    #expect(marks.lowest > 0, "the hand has gone round")
    #expect(committed.contains { !marks.covers($0) })
  }

  @Test("taken up again the hand goes to the segment that has waited longest")
  func taken() {
    var marks = KeyMarks([0: 50, 1: 40, 2: 30, 3: 20, 4: 90, 5: 80, 6: 70, 7: 60])
    #expect(marks.lowest == 20)
    marks.enter(100)
    let (buckets, segments) = marks.advance(by: KeyMarks.segmentBuckets, lastSequence: 100)
    #expect(buckets == [3 * KeyMarks.segmentBuckets..<4 * KeyMarks.segmentBuckets])
    #expect(segments == [3])
    #expect(marks.sequences[3] == 100)
  }

  @Test("the filter denies nothing that was added, and nearly all that was not")
  func filter() {
    var random = SeededGenerator(seed: 3)
    var filter = KeyFilter(capacity: 20_000)
    let added = Set((0..<20_000).map { _ in UInt32.random(in: 0...UInt32.max, using: &random) })
    for hash in added { filter.add(hash) }
    #expect(added.allSatisfy(filter.mayContain))
    let others = (0..<20_000).map { _ in UInt32.random(in: 0...UInt32.max, using: &random) }
    let mistaken = others.filter { !added.contains($0) && filter.mayContain($0) }.count
    #expect(mistaken < 600, "\(mistaken) of 20,000")
  }

  @Test("the filter has its limit")
  func largest() {
    #expect(!KeyFilter(capacity: 1_000_000).isLargest)
    #expect(KeyFilter(capacity: 1_000_000_000).isLargest)
    #expect(KeyFilter(capacity: 1_000_000_000).capacity == 1_000_000_000)
    #expect(KeyFilter(capacity: 0).capacity >= KeyFilter.minimumBytes * 8 / KeyFilter.bitsPerKey)
  }
}
