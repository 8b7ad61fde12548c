// The states of a connection's two directions, and of a wait for room.

import Testing

@testable import TTRPC

@Suite("States of an outbox")
struct OutboxStateTests {
  private static let all: [SendingState] = [.open, .corked, .broken(.outboundFull), .closed]

  @Test("frames are taken while it is open or corked", arguments: all)
  func usable(state: SendingState) {
    #expect(state.isUsable == (state == .open || state == .corked))
  }

  @Test("a round corks what is open and opens what is corked, nothing else", arguments: all)
  func round(state: SendingState) {
    var state = state
    let before = state
    state.cork()
    #expect(state == (before.isUsable ? .corked : before))
    state.uncork()
    #expect(state == (before.isUsable ? .open : before))
  }

  @Test("it is given up once, for the first reason, and not after it was closed", arguments: all)
  func givingUp(state: SendingState) {
    var state = state
    let wasUsable = state.isUsable
    let before = state
    let isGivenUp = state.giveUp(.dropped)
    #expect(isGivenUp == wasUsable)
    #expect(state == (wasUsable ? .broken(.dropped) : before))
    let isGivenUpAgain = state.giveUp(.outboundFailed)
    #expect(!isGivenUpAgain)
    #expect(state.giveUpReason == (before == .closed ? nil : wasUsable ? .dropped : .outboundFull))
  }

  @Test("it is closed once, for good", arguments: all)
  func closing(state: SendingState) {
    var state = state
    let wasClosed = state == .closed
    let isClosed = state.close()
    #expect(isClosed == !wasClosed)
    let isClosedAgain = state.close()
    #expect(!isClosedAgain)
    state.cork()
    #expect(state == .closed)
    #expect(state.giveUpReason == nil)
  }

  @Test("reading is held and goes on until it has ended")
  func reading() {
    var state = ReadingState.reading
    state.goOn()
    #expect(state == .reading)
    state.hold()
    #expect(state == .held)
    state.goOn()
    #expect(state == .reading)
    state.end()
    state.hold()
    state.goOn()
    #expect(state == .ended)
  }

  @Test("a wait for room ends with the first end, before it has begun or after")
  func waiting() async {
    var early = RoomWaiter.State.notBegun
    let first = early.end(.late)
    #expect(first == nil)
    let second = early.end(.room)
    #expect(second == nil)
    let end = await withCheckedContinuation { continuation in
      if let end = early.begin(continuation) { continuation.resume(returning: end) }
    }
    #expect(end == .late)
    let late = await withCheckedContinuation { continuation in
      var state = RoomWaiter.State.notBegun
      let known = state.begin(continuation)
      #expect(known == nil)
      state.end(.callEnded)?.resume(returning: .callEnded)
      let again = state.end(.room)
      #expect(again == nil)
    }
    #expect(late == .callEnded)
  }
}
