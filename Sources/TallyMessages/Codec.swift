// Decoding and encoding by protobuf-c's structs, which lie in the thread's arena meanwhile.
//
// Invariants:
// 1. C memory is used only between the arena's `begin` and `end`; what is returned is a Swift value.
// 2. Every `begin` has its `end` on every path, and nothing in between decodes or encodes another message.
//
// Owner: the calling thread, which has an arena of its own.
internal import CTallyProtobufC

/// The thread's arena while one message is decoded or encoded.
typealias Arena = UnsafeMutablePointer<TallyArena>

/// A message with a struct of protoc-c behind it. Generated.
protocol CBacked: Message {
  /// protoc-c's struct.
  associatedtype C
  /// Reads a message with a budget of its own, in bytes.
  static func decode(_ bytes: [UInt8], budgetBytes: Int) throws(DecodeError) -> Self
  /// Copies the value out of the C struct. Errors have the field's path from this message on.
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
  guard let arena = unsafe tally_arena_begin(budgetBytes) else { throw .outOfMemory }
  defer { unsafe tally_arena_end(arena) }
  let unpacked = unsafe bytes.withUnsafeBufferPointer { buffer in
    unsafe unpack(&arena.pointee.allocator, buffer.count, buffer.baseAddress)
  }
  // Checked first, since a decoder that was refused memory may report any error.
  if unsafe arena.pointee.starved { throw .outOfMemory }
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
  // Zeros are written first: that costs less than the standard library's uninitialised arrays.
  var bytes = [UInt8](repeating: 0, count: size)
  unsafe bytes.withUnsafeMutableBufferPointer { buffer in
    _ = unsafe protobuf_c_message_pack(base, buffer.baseAddress)
  }
  return bytes
}

/// Ends the process, as Swift itself does when the system refuses it memory.
func outOfMemory() -> Never { preconditionFailure("out of memory") }
