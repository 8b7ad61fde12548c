// The decode budget: enough for every legal message, and never more; and no memory for it.
import CTallyFaultyMemory
import CTallyProtobufC
import TallyLocking
import Testing

@testable import TallyMessages

@Suite("Budget") struct BudgetTests {
  /// The longest that a message may be on the wire by default.
  static let maximumMessageBytes = 4 << 20
  static let maximumItems = 8_192

  @Test("at every budget a message is whole or refused")
  func everyBudget() throws {
    // The longest short vector of each message, or the shortest long one: none is left out.
    let vectors = try Vectors.read().map { ($0.name, $0.bytes) }
    let longest = Dictionary(vectors) { left, right in
      let (short, long) = left.count < right.count ? (left, right) : (right, left)
      return long.count < 500 ? long : short
    }
    #expect(Set(longest.keys) == Set(messageTypes.map { $0.fullName }))
    for (name, bytes) in longest {
      let type = try Vectors.type(name)
      let whole = try type.decode(bytes)
      var budget = 0
      while true {
        do {
          let message = try type.decodeWithin(bytes, budget)
          #expect(message.encode() == whole.encode(), "\(name) within \(budget)")
          break
        } catch {
          #expect(error == .budgetExceeded(limitBytes: budget), "\(name) within \(budget)")
        }
        budget += 16
      }
    }
  }

  @Test("a message is read at exactly its need and refused at one unit less")
  func limit() throws {
    var request = TallystickV1.ConsumeRequest()
    request.userId = "user-1"
    let bytes = request.encode()
    // The struct of protoc-c, and one unit for the text.
    let need = 128 + 16
    #expect(try TallystickV1.ConsumeRequest.decode(bytes, budgetBytes: need) == request)
    #expect(
      decodeError { () throws(DecodeError) in
        try TallystickV1.ConsumeRequest.decode(bytes, budgetBytes: need - 16)
      } == .budgetExceeded(limitBytes: need - 16))
  }

  @Test("a batch of 8,192 full items passes within 4 MiB")
  func fullBatch() throws {
    var batch = TallystickV1.BatchConsumeRequest()
    for index in 0..<Self.maximumItems {
      var item = TallystickV1.ConsumeRequest()
      item.userId = "user-\(index)"
      item.amountMicros = Int64(index) + 1
      item.idempotencyKey = "0192f0c1-7c3a-7def-8abc-\(100_000_000_000 + index)"
      item.runId = "run-\(index)"
      item.description = "Generated images, and a little more"
      for entry in 0..<16 { item.metadata["metadata-\(entry)"] = "val-\(entry)" }
      batch.items.append(item)
    }
    let bytes = batch.encode()
    #expect(bytes.count > Self.maximumMessageBytes / 5 * 4)
    #expect(bytes.count <= Self.maximumMessageBytes)
    #expect(try TallystickV1.BatchConsumeRequest.decode(bytes) == batch)
  }

  @Test("a batch of 8,192 items that hold as little as may be passes")
  func smallBatch() throws {
    var item = TallystickV1.ConsumeRequest()
    item.userId = "u"
    item.amountMicros = 1
    item.idempotencyKey = "k"
    item.metadata = ["m": "v"]
    var batch = TallystickV1.BatchConsumeRequest()
    batch.items = Array(repeating: item, count: Self.maximumItems)
    #expect(try TallystickV1.BatchConsumeRequest.decode(batch.encode()) == batch)
  }

  @Test("the largest replies pass in a client")
  func largeReply() throws {
    var lot = TallystickV1.LotAllocation()
    lot.lotId = 1
    lot.amountMicros = 1
    var transaction = TallystickV1.Transaction()
    transaction.sequence = 1
    transaction.transactionId = "t1"
    transaction.userId = "u"
    transaction.type = .apiUsage
    transaction.amountMicros = -4
    transaction.lots = Array(repeating: lot, count: 4)
    transaction.createdAtMicros = 1_700_000_000_000_000
    transaction.effectiveAtMicros = 1_700_000_000_000_000
    transaction.idempotencyKey = "k"
    var balance = TallystickV1.Balance()
    balance.userId = "u"
    var applied = TallystickV1.ConsumeResponse()
    applied.transaction = transaction
    applied.balance = balance
    var result = TallystickV1.ConsumeResult()
    result.result = .applied(applied)
    var response = TallystickV1.BatchConsumeResponse()
    response.results = Array(repeating: result, count: Self.maximumItems)
    #expect(try TallystickV1.BatchConsumeResponse.decode(response.encode()) == response)
  }

  @Test("an arena shrinks after a large message")
  func shrinks() throws {
    let large = [UInt8](repeating: 1, count: 3 << 20)
    var request = TallystickTestingV1.EchoRequest()
    request.body = large
    #expect(try TallystickTestingV1.EchoRequest.decode(request.encode()).body == large)
    guard let arena = unsafe tally_arena_begin(1 << 20) else { throw Vectors.Missing(what: "memory") }
    defer { unsafe tally_arena_end(arena) }
    #expect(unsafe arena.pointee.end - arena.pointee.next == 64 << 10)
  }

  @Test("an arena that is in use is not given out again")
  func nesting() throws {
    guard let arena = unsafe tally_arena_begin(1 << 10) else { throw Vectors.Missing(what: "memory") }
    #expect(unsafe tally_arena_begin(1 << 10) == nil)
    #expect(
      decodeError { () throws(DecodeError) in try TallystickV1.ConsumeRequest.decode([]) }
        == .outOfMemory)
    unsafe tally_arena_end(arena)
    #expect(try TallystickV1.ConsumeRequest.decode([]) == TallystickV1.ConsumeRequest())
  }

  /// Whether memory is asked for by an arena: for itself, or for a chunk of small blocks. Nothing else on a
  /// thread that decodes takes these sizes.
  private static let isOfArena: @convention(c) (Int, Int32) -> Int32 = { size, isCleared in
    if isCleared != 0 { return unsafe size == MemoryLayout<TallyArena>.size ? 1 : 0 }
    return size > 1 << 16 && (size - 16).nonzeroBitCount == 1 ? 1 : 0
  }

  /// Decodes on a new thread, while the next but so many of its arena's allocations fails, and once more.
  private static func decode(
    _ bytes: [UInt8], failing skip: Int32
  ) async -> (hasFailed: Bool, error: DecodeError?, last: DecodeError?) {
    await withCheckedContinuation { continuation in
      let code = startThread {
        faulty_memory_fail_system(isOfArena, skip, 1)
        let error = decodeError { () throws(DecodeError) in try TallystickV1.BatchConsumeRequest.decode(bytes)
        }
        faulty_memory_end_system()
        let hasFailed = faulty_memory_system_failures() > 0
        let last = decodeError { () throws(DecodeError) in try TallystickV1.BatchConsumeRequest.decode(bytes)
        }
        continuation.resume(returning: (hasFailed, error, last))
      }
      if code != 0 { continuation.resume(returning: (false, .malformed, nil)) }
    }
  }

  @Test(
    "whichever allocation of an arena fails, the message is refused for that, and the next one is whole",
    .enabled(if: faulty_memory_watches_system() != 0, "a sanitizer has an allocator of its own"))
  func starved() async {
    var batch = TallystickV1.BatchConsumeRequest()
    batch.items = Array(repeating: TallystickV1.ConsumeRequest(), count: Self.maximumItems)
    let bytes = batch.encode()
    var failures: Int32 = 0
    while true {
      let found = await Self.decode(bytes, failing: failures)
      #expect(found.last == nil, "\(failures)")
      guard found.hasFailed else {
        #expect(found.error == nil)
        break
      }
      #expect(found.error == .outOfMemory, "\(failures)")
      failures += 1
    }
    // Itself, its first chunk, and larger ones.
    #expect(failures > 4)
  }

  @Test("blocks are aligned, apart from each other, and within the budget")
  func blocks() throws {
    guard let arena = unsafe tally_arena_begin(1 << 20) else { throw Vectors.Missing(what: "memory") }
    defer { unsafe tally_arena_end(arena) }
    var chance = Chance(seed: 3)
    var spent = 0
    var ranges: [Range<Int>] = []
    while true {
      let size = Int.random(in: 0...20_000, using: &chance)
      guard let block = unsafe tally_arena_allocate(arena, size) else {
        #expect(spent + size > 1 << 20)
        break
      }
      let start = Int(bitPattern: block)
      #expect(start % 16 == 0)
      spent += (size + 15) / 16 * 16
      ranges.append(start..<start + size)
    }
    #expect(spent <= 1 << 20)
    #expect(unsafe arena.pointee.exhausted)
    #expect(unsafe tally_arena_allocate(arena, 1) == nil)
    ranges.sort { $0.lowerBound < $1.lowerBound }
    for (range, next) in zip(ranges, ranges.dropFirst()) {
      #expect(range.upperBound <= next.lowerBound)
    }
  }
}

extension Message {
  /// `decode` with a budget of its own, for a type that is known only at run time.
  static func decodeWithin(_ bytes: [UInt8], _ budgetBytes: Int) throws(DecodeError) -> any Message {
    guard let type = self as? any CBacked.Type else { throw .malformed }
    return try type.decode(bytes, budgetBytes: budgetBytes)
  }
}
