// A request that is read from a file, as proto3 JSON.

internal import TallyMessages
internal import TallyProtoJSON

/// A request that stands in a file as proto3 JSON.
enum RequestFile {
  static let maximumByteCount = CallCommand.maximumRequestByteCount

  /// - Parameter path: `-` is standard input.
  static func read<Request: Message>(_ path: String, as type: Request.Type) throws -> Request {
    let name = path == "-" ? "standard input" : path
    let text =
      path == "-"
      ? try System.standardInput(limit: maximumByteCount)
      : try System.text(ofFile: path, limit: maximumByteCount)
    guard let text else { throw Failure(.noInput, "there is no file \(path)") }
    do {
      let encoder = MessageEncoder(pool: try DescriptorPool.embedded())
      return try Request.decode(try encoder.encode(try JSON.parse(text), as: Request.fullName))
    } catch let error as JSONError {
      throw Failure(.malformedInput, "\(name) is not valid JSON at byte \(error.offset): \(error.message)")
    } catch let error as MismatchError {
      let place = error.path.isEmpty ? name : "\(name), \(error.path)"
      throw Failure(.malformedInput, "\(place): \(error.message)")
    } catch let error as DecodeError {
      throw Failure(.malformedInput, "\(name) is not a \(Request.fullName): \(error)")
    }
  }
}
