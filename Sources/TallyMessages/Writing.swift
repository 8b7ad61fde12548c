// Fields of protoc-c's structs from Swift values; the generated conversions call these functions.
//
// Invariants:
// 1. Everything that a C field points to lies in the arena; nothing points into a Swift value.
// 2. Entries of a map are written in the order of their keys' bytes.
internal import CTallyProtobufC

extension UnsafeMutablePointer where Pointee == TallyArena {
  /// Room for `count` values, not initialised.
  func allocate<T>(_ type: T.Type, _ count: Int) -> UnsafeMutablePointer<T> {
    guard let block = unsafe tally_arena_allocate(self, count * MemoryLayout<T>.stride) else {
      outOfMemory()
    }
    return unsafe block.bindMemory(to: type, capacity: count)
  }

  /// A message of protoc-c with every field at its default.
  func message<C>(
    _ type: C.Type, _ initialize: (UnsafeMutablePointer<C>?) -> Void
  ) -> UnsafeMutablePointer<C> {
    let c = unsafe allocate(type, 1)
    unsafe initialize(c)
    return unsafe c
  }

  func text(_ value: String) -> ProtobufCBinaryData {
    // Native strings give access to their bytes without a copy and without reference counting.
    if let data = unsafe value.utf8.withContiguousStorageIfAvailable({ unsafe copy($0) }) {
      return unsafe data
    }
    var value = value
    return value.withUTF8 { unsafe copy($0) }
  }

  func bytes(_ value: [UInt8]) -> ProtobufCBinaryData {
    unsafe value.withUnsafeBufferPointer { unsafe copy($0) }
  }

  private func copy(_ source: UnsafeBufferPointer<UInt8>) -> ProtobufCBinaryData {
    guard let start = source.baseAddress, source.count > 0 else {
      return unsafe ProtobufCBinaryData(len: 0, data: nil)
    }
    let target = unsafe allocate(UInt8.self, source.count)
    unsafe target.initialize(from: start, count: source.count)
    return unsafe ProtobufCBinaryData(len: source.count, data: target)
  }

  /// protoc-c's count and array of repeated values; `make` makes each of them.
  private func repeated<Element, T>(
    _ values: [Element], _ make: (Element) -> T
  ) -> (Int, UnsafeMutablePointer<T>?) {
    if values.isEmpty { return (0, nil) }
    let array = unsafe allocate(T.self, values.count)
    for (index, value) in values.enumerated() {
      unsafe (array + index).initialize(to: make(value))
    }
    return unsafe (values.count, array)
  }

  /// A singular submessage. scripts/generator makes it a repeated one for protoc-c.
  func single<M: CBacked>(_ value: M?) -> (Int, CRepeated<M.C>) {
    guard let value else { return (0, nil) }
    let array = unsafe allocate(UnsafeMutablePointer<M.C>?.self, 1)
    unsafe array.initialize(to: value.write(in: self))
    return unsafe (1, array)
  }

  func messages<M: CBacked>(_ values: [M]) -> (Int, CRepeated<M.C>) {
    unsafe repeated(values) { unsafe $0.write(in: self) }
  }

  func texts(_ values: [String]) -> (Int, UnsafeMutablePointer<ProtobufCBinaryData>?) {
    unsafe repeated(values) { unsafe text($0) }
  }

  func byteArrays(_ values: [[UInt8]]) -> (Int, UnsafeMutablePointer<ProtobufCBinaryData>?) {
    unsafe repeated(values) { unsafe bytes($0) }
  }

  func numbers<N: FixedWidthInteger>(_ values: [N]) -> (Int, UnsafeMutablePointer<N>?) {
    unsafe repeated(values) { $0 }
  }

  func booleans(_ values: [Bool]) -> (Int, UnsafeMutablePointer<UInt64>?) {
    unsafe repeated(values) { $0 ? 1 : 0 }
  }

  func enums<E: RawRepresentable<Int32>>(_ values: [E]) -> (Int, UnsafeMutablePointer<Int32>?) {
    unsafe repeated(values) { $0.rawValue }
  }

  /// A map from text to text; `fill` sets the key and the value of one entry.
  func map<C>(
    _ values: [String: String], _ initialize: (UnsafeMutablePointer<C>?) -> Void,
    _ fill: (UnsafeMutablePointer<C>, ProtobufCBinaryData, ProtobufCBinaryData) -> Void
  ) -> (Int, CRepeated<C>) {
    if values.isEmpty { return (0, nil) }
    let sorted = values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    return unsafe repeated(sorted) { (key, value) -> UnsafeMutablePointer<C>? in
      let c = unsafe message(C.self, initialize)
      unsafe fill(c, text(key), text(value))
      return unsafe c
    }
  }
}
