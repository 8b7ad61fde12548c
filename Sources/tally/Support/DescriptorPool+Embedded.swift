// The descriptors that are built into the program, and messages as JSON by these descriptors.

internal import TallyMessages
internal import TallyProtoJSON

/// A message as proto3 JSON, by the descriptors that the program carries.
func json<Value: Message>(_ message: Value) throws -> JSON {
  let pool = try DescriptorPool.embedded()
  return try MessageDecoder(pool: pool, writesDefaults: true).decode(message.encode(), as: Value.fullName)
}

extension DescriptorPool {
  /// The descriptors that are built into the program.
  static func embedded() throws(WireError) -> DescriptorPool {
    var pool = DescriptorPool()
    for file in EmbeddedDescriptors.fileDescriptors { try pool.add(file: file.serialized) }
    return pool
  }
}
