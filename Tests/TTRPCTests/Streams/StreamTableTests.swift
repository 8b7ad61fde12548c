// The stream table: which ids live, and what frames mean for them.

import Testing

@testable import TTRPC

@Suite("Stream table")
struct StreamTableTests {
  func data(_ id: UInt32, _ flags: UInt8 = 0, length: Int = 0) -> FrameHeader {
    FrameHeader(length: length, streamId: id, type: FrameType.data, flags: flags)
  }

  /// What an action does, as text.
  func name(_ action: StreamTable<String>.DataAction) -> String {
    switch action {
    case .drop: "drop"
    case .refuse: "refuse"
    case .deliver(let handle, let isMessage, let isEnd):
      handle + (isMessage ? " message" : "") + (isEnd ? " end" : "")
    }
  }

  @Test("even ids, live ids, a full table and draining are told apart, in this order")
  func admission() {
    var table = StreamTable<String>(maximumInFlight: 2)
    #expect(table.admit(2) == .evenId)
    #expect(table.admit(0) == .evenId)
    #expect(table.admit(1) == .accept)
    table.open(1, isOpen: false, "a")
    #expect(table.admit(1) == .duplicate)
    table.open(9, isOpen: false, "b")
    #expect(table.admit(3) == .tooManyInFlight)
    table.isDraining = true
    #expect(table.admit(3) == .draining)
    #expect(table.admit(9) == .duplicate)
    #expect(table.admit(4) == .evenId)
  }

  @Test("ids come in any order, wrap around, and come again after their end")
  func ids() {
    var table = StreamTable<String>(maximumInFlight: 8)
    for id in [7, 3, 5, UInt32.max, 1] as [UInt32] {
      #expect(table.admit(id) == .accept)
      table.open(id, isOpen: false, "x")
    }
    table.finish(7)
    #expect(table.admit(7) == .accept)
    table.finish(7)
    #expect(table.count == 4)
  }

  @Test("data is delivered until the client's end, then dropped")
  func delivery() {
    var table = StreamTable<String>(maximumInFlight: 8)
    table.open(1, isOpen: true, "s")
    #expect(name(table.data(data(1, 0, length: 4))) == "s message")
    #expect(name(table.data(data(1))) == "s message")
    #expect(name(table.data(data(1, FrameFlags.noData))) == "s")
    #expect(name(table.data(data(1, FrameFlags.remoteClosed | FrameFlags.noData))) == "s end")
    #expect(name(table.data(data(1, 0, length: 4))) == "drop")
  }

  @Test("a closing frame with a payload is a message and the end")
  func closingPayload() {
    var table = StreamTable<String>(maximumInFlight: 8)
    table.open(1, isOpen: true, "s")
    let flags = FrameFlags.remoteClosed | FrameFlags.noData
    #expect(name(table.data(data(1, flags, length: 3))) == "s message end")
  }

  @Test("data on a unary stream is dropped, on an unknown one refused")
  func strays() {
    var table = StreamTable<String>(maximumInFlight: 8)
    table.open(1, isOpen: false, "u")
    #expect(name(table.data(data(1))) == "drop")
    #expect(name(table.data(data(3))) == "refuse")
    #expect(name(table.data(data(2))) == "refuse")
    table.finish(1)
    #expect(name(table.data(data(1))) == "refuse")
  }

  @Test("data for a stream that the server ended early is dropped, for the last ones at least")
  func endedEarly() {
    let limit = StreamTable<String>.endedCount
    var table = StreamTable<String>(maximumInFlight: 1000)
    let ids = (0...limit).map { UInt32(2 * $0 + 1) }
    for id in ids { table.open(id, isOpen: true, "s") }
    for id in ids { table.finish(id) }
    #expect(name(table.data(data(ids[0]))) == "refuse")
    for id in ids.dropFirst() { #expect(name(table.data(data(id))) == "drop") }
    // An id that is used again is the new stream's.
    table.open(ids[5], isOpen: true, "t")
    #expect(name(table.data(data(ids[5]))) == "t message")
  }
}
