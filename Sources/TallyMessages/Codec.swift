// From bytes to a value and back, by way of protobuf-c's structs in the thread's arena.
//
// Invariants:
// 1. C memory lives from `begin` to `end` of one call and never leaves it: what comes out is a value.
// 2. A begin has its end on every path, and nothing between the two decodes or encodes.
//
// Owner: the calling thread, by way of its arena.
internal import CTallyProtobufC

/// The arena of the thread, for one message.
typealias Arena = UnsafeMutablePointer<TallyArena>

/// A message with a struct of protoc-c behind it. Generated.
protocol CBacked: Message {
  /// protoc-c's struct.
  associatedtype C
  /// Reads a message with a budget of its own, in bytes.
  static func decode(_ bytes: [UInt8], budgetBytes: Int) throws(DecodeError) -> Self
  /// Takes the value over. Throws with the path of the field from this message on.
  init(reading c: UnsafePointer<C>) throws(DecodeError)
  /// The value as protoc-c's struct, all of it in the arena.
  func write(in arena: Arena) -> UnsafeMutablePointer<C>
}

/// protoc-c's `unpack` of one message.
typealias Unpack<C> = (
  UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?
) -> UnsafeMutablePointer<C>?

func decodeMessage<M: CBacked>(
  _ bytes: [UInt8], _ budgetBytes: Int, _ unpack: Unpack<M.C>
) throws(DecodeError) -> M {
  guard let arena = unsafe tally_arena_begin(budgetBytes) else {
    throw .budgetExceeded(limitBytes: 0)
  }
  defer { unsafe tally_arena_end(arena) }
  let unpacked = unsafe bytes.withUnsafeBufferPointer { buffer in
    unsafe unpack(&arena.pointee.allocator, buffer.count, buffer.baseAddress)
  }
  // Asked first: a refused block is the reason whatever the decoder made of it.
  if unsafe arena.pointee.exhausted { throw .budgetExceeded(limitBytes: budgetBytes) }
  guard let c = unsafe unpacked else { throw .malformed }
  return try unsafe M(reading: c)
}

func encodeMessage<M: CBacked>(_ message: M) -> [UInt8] {
  guard let arena = unsafe tally_arena_begin(Int.max) else { outOfMemory() }
  defer { unsafe tally_arena_end(arena) }
  let c = unsafe message.write(in: arena)
  let base = unsafe UnsafeMutableRawPointer(c).assumingMemoryBound(to: ProtobufCMessage.self)
  let size = unsafe protobuf_c_message_get_packed_size(base)
  if size == 0 { return [] }
  // Cleared first: the standard library's uninitialised arrays cost more than that.
  var bytes = [UInt8](repeating: 0, count: size)
  unsafe bytes.withUnsafeMutableBufferPointer { buffer in
    _ = unsafe protobuf_c_message_pack(base, buffer.baseAddress)
  }
  return bytes
}

/// The end of the process, as for any allocation of Swift's own that the system refuses.
func outOfMemory() -> Never { preconditionFailure("out of memory") }
