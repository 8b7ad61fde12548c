// A method that cancels calls by their token, as ttrpc has no frame for it.
//
//     Request  { string token=1; }      Response { int32 cancelled=1; }
//
// Invariants:
// 1. A token reaches only calls made by the same uid.

/// Cancels the calls that carry a token in the metadata `ServerOptions.cancelTokenKey`. Clients are told of
/// the method by `CancelMethod`.
public struct CancelService: Sendable {
  /// Longest token that is looked up.
  public static let tokenByteCount = 255

  private let cancel: @Sendable (_ token: String, _ uid: UInt32) -> Int

  /// - Parameter cancel: usually `Server.cancel(token:uid:)`, of the server that has this service.
  public init(cancel: @escaping @Sendable (_ token: String, _ uid: UInt32) -> Int) {
    self.cancel = cancel
  }

  /// What answers the method, by whatever name it is registered.
  public var handler: MethodHandler {
    .unary { [cancel] context, payload, responder in
      do throws(Status) {
        let count = cancel(try Self.token(payload), context.peer.uid)
        responder.succeed(Self.reply(Int32(clamping: count)))
      } catch { responder.fail(error) }
    }
  }

  /// The request for a token, as clients send it.
  public static func request(_ token: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(field: 1, token)
    return bytes
  }

  static func token(_ payload: [UInt8]) throws(Status) -> String {
    do throws(MalformedEnvelope) {
      let bytes = payload.span
      var token = ""
      var cursor = WireCursor(at: 0, end: bytes.count)
      while !cursor.isAtEnd {
        let (field, type) = try cursor.tag(bytes)
        if field == 1 {
          try WireCursor.expect(type, WireType.bytes, "token")
          token = try text(bytes, try cursor.lengthDelimited(bytes), "token")
        } else {
          try cursor.skip(type, bytes)
        }
      }
      guard !token.isEmpty, token.utf8.count <= tokenByteCount else {
        throw MalformedEnvelope("token has 1 to \(tokenByteCount) bytes")
      }
      return token
    } catch {
      throw Status(.invalidArgument, error.reason)
    }
  }

  static func reply(_ count: Int32) -> [UInt8] {
    if count <= 0 { return [] }
    var bytes: [UInt8] = [UInt8(1 << 3 | WireType.varint)]
    bytes.append(addingCapacity: varintByteCount(UInt64(count))) { $0.appendVarint(UInt64(count)) }
    return bytes
  }
}
