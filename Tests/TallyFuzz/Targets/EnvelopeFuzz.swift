// The envelopes of requests and responses: what is read is written to mean the same again.
//
// Input: the bytes of a frame's payload, which are read as either.

@testable import TTRPC

enum EnvelopeFuzz {
  static func run(_ bytes: [UInt8]) throws {
    try request(bytes)
    try response(bytes)
  }

  private static func request(_ bytes: [UInt8]) throws {
    guard let read = try? RequestEnvelope(bytes.span) else { return }
    guard let service = String(validating: bytes[read.service], as: UTF8.self),
      let method = String(validating: bytes[read.method], as: UTF8.self)
    else { return }
    let payload = Array(bytes[read.payload])
    let written = RequestEnvelope.encode(
      service: service, method: method, payload: payload, timeoutNanoseconds: read.timeoutNanoseconds,
      metadata: read.metadata)
    let again = try RequestEnvelope(written.span)
    try require(
      written[again.service].elementsEqual(service.utf8) && written[again.method].elementsEqual(method.utf8)
        && Array(written[again.payload]) == payload && again.metadata == read.metadata
        && again.timeoutNanoseconds == read.timeoutNanoseconds, "a request keeps its parts")
  }

  private static func response(_ bytes: [UInt8]) throws {
    guard let read = try? ResponseEnvelope(bytes.span), let status = read.status else { return }
    let again = try ResponseEnvelope(ResponseEnvelope.encode(status).span)
    try require(again.status == status, "a failure keeps its parts")
  }
}
