// Swift values from the fields of protoc-c's structs; the generated conversions call these functions.
//
// Invariants:
// 1. All text is checked here, and only here: it is UTF-8 without NUL.
// 2. A pointer of protobuf-c is read only within its count; with a count of zero it may be nil.
internal import CTallyProtobufC

/// protoc-c's repeated submessages.
typealias CRepeated<C> = UnsafeMutablePointer<UnsafeMutablePointer<C>?>?

func readText(_ data: ProtobufCBinaryData, _ field: String) throws(DecodeError) -> String {
  guard unsafe data.len > 0, let start = unsafe data.data else { return "" }
  let bytes = unsafe UnsafeBufferPointer(start: start, count: data.len)
  switch unsafe Text.check(bytes) {
  case .containsNUL: throw .containsNUL(field: field)
  case .notUTF8: throw .invalidUTF8(field: field)
  case nil: return unsafe String(decoding: bytes, as: UTF8.self)
  }
}

func readBytes(_ data: ProtobufCBinaryData) -> [UInt8] {
  unsafe [UInt8](UnsafeBufferPointer(start: data.data, count: data.len))
}

func readMessage<M: CBacked>(_ c: UnsafePointer<M.C>, _ field: String) throws(DecodeError) -> M {
  do {
    return try unsafe M(reading: c)
  } catch {
    throw error.within(field)
  }
}

/// A singular submessage. scripts/generator makes it a repeated one for protoc-c.
func readSingle<M: CBacked>(
  _ count: Int, _ values: CRepeated<M.C>, _ field: String
) throws(DecodeError) -> M? {
  guard count > 0, let c = unsafe values?.pointee else { return nil }
  if count > 1 { throw .duplicateField(field: field) }
  return try unsafe readMessage(c, field)
}

func readMessages<M: CBacked>(
  _ count: Int, _ values: CRepeated<M.C>, _ field: String
) throws(DecodeError) -> [M] {
  guard count > 0, let values = unsafe values else { return [] }
  var result: [M] = []
  result.reserveCapacity(count)
  for index in 0..<count {
    guard let c = unsafe values[index] else { continue }
    do {
      result.append(try unsafe M(reading: c))
    } catch {
      throw error.within("\(field)[\(index)]")
    }
  }
  return result
}

func readTexts(
  _ count: Int, _ values: UnsafeMutablePointer<ProtobufCBinaryData>?, _ field: String
) throws(DecodeError) -> [String] {
  guard count > 0, let values = unsafe values else { return [] }
  var result: [String] = []
  result.reserveCapacity(count)
  for index in 0..<count {
    do {
      result.append(try unsafe readText(values[index], ""))
    } catch {
      throw error.at(field, index)
    }
  }
  return result
}

func readByteArrays(
  _ count: Int, _ values: UnsafeMutablePointer<ProtobufCBinaryData>?
) -> [[UInt8]] {
  unsafe UnsafeBufferPointer(start: values, count: count).map { unsafe readBytes($0) }
}

func readNumbers<Number: FixedWidthInteger>(
  _ count: Int, _ values: UnsafeMutablePointer<Number>?
) -> [Number] {
  unsafe [Number](UnsafeBufferPointer(start: values, count: count))
}

/// Repeated booleans, which scripts/generator makes unsigned numbers for protoc-c.
func readBooleans(_ count: Int, _ values: UnsafeMutablePointer<UInt64>?) -> [Bool] {
  unsafe UnsafeBufferPointer(start: values, count: count).map { $0 != 0 }
}

func readEnums<E: RawRepresentable<Int32>>(
  _ count: Int, _ values: UnsafeMutablePointer<Int32>?
) -> [E] {
  unsafe UnsafeBufferPointer(start: values, count: count).compactMap { E(rawValue: $0) }
}

/// A map from text to text; `entry` returns the key and the value of one entry. Of equal keys the last one
/// counts, as in every proto3 library.
func readMap<C>(
  _ count: Int, _ values: CRepeated<C>, _ field: String,
  _ entry: (UnsafeMutablePointer<C>) -> (ProtobufCBinaryData, ProtobufCBinaryData)
) throws(DecodeError) -> [String: String] {
  guard count > 0, let values = unsafe values else { return [:] }
  var result: [String: String] = [:]
  result.reserveCapacity(count)
  for index in 0..<count {
    guard let c = unsafe values[index] else { continue }
    let (key, value) = unsafe entry(c)
    let pair: (key: String, value: String)
    do {
      pair = (try unsafe readText(key, "key"), try unsafe readText(value, "value"))
    } catch {
      throw error.within(field)
    }
    // Swift's dictionaries take keys for equal that differ only in their Unicode normal form.
    if let known = result.index(forKey: pair.key), !result[known].key.utf8.elementsEqual(pair.key.utf8) {
      throw .duplicateField(field: field)
    }
    result[pair.key] = pair.value
  }
  return result
}

extension DecodeError {
  /// The same error with the index of the element of a repeated text field.
  fileprivate func at(_ field: String, _ index: Int) -> DecodeError {
    switch self {
    case .malformed, .budgetExceeded, .outOfMemory, .duplicateField: self
    case .invalidUTF8: .invalidUTF8(field: "\(field)[\(index)]")
    case .containsNUL: .containsNUL(field: "\(field)[\(index)]")
    }
  }
}
