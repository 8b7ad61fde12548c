// The states of a server's connection: how it comes to its end, and what it reads until then.

import Testing

@testable import TTRPC

@Suite("State of a connection")
struct ConnectionStateTests {
  private typealias State = ConnectionState<Int>

  @Test("one that serves stays, idle or not")
  func serving() {
    let state = State()
    #expect(state.isOpen && state.reads && !state.isEnding)
    #expect(state.closeReason(isIdle: true) == nil)
  }

  @Test("one that drains reads on, and closes when it is idle")
  func draining() {
    var state = State()
    state.drain()
    #expect(state.reads && state.isEnding)
    #expect(state.closeReason(isIdle: false) == nil)
    #expect(state.closeReason(isIdle: true) == .shutdown)
  }

  @Test("one whose peer sends no more is not read, and closes when it is idle")
  func ended() {
    var state = State()
    state.endIntake()
    #expect(!state.reads && state.isEnding && state.isOpen)
    #expect(state.closeReason(isIdle: false) == nil)
    #expect(state.closeReason(isIdle: true) == .peerClosed)
    // It may be told to drain as well: then that is why.
    state.drain()
    #expect(state.closeReason(isIdle: true) == .shutdown)
    // Nothing is held that is not read.
    state.hold(1)
    let hold = state.endHold()
    #expect(state.isEnded && hold == nil)
  }

  @Test("one that has failed closes at once, for the first reason", arguments: [false, true])
  func failed(isDraining: Bool) {
    var state = State()
    if isDraining { state.drain() }
    state.fail(.duplicateStream)
    state.fail(.idle)
    state.drain()
    #expect(!state.reads && state.hasFailed && state.isEnding)
    #expect(state.closeReason(isIdle: false) == .duplicateStream)
  }

  @Test("it is closed once, for good")
  func closed() {
    var state = State()
    let isClosed = state.close()
    #expect(isClosed)
    let isClosedAgain = state.close()
    #expect(!isClosedAgain)
    state.drain()
    state.fail(.idle)
    #expect(!state.isOpen && !state.reads && !state.hasFailed)
    #expect(state.closeReason(isIdle: true) == nil)
  }

  @Test("a hold is kept with what ends it, and ends once")
  func held() {
    var state = State()
    let none = state.endHold()
    #expect(none == nil)
    state.hold(1)
    state.hold(2)
    #expect(state.isHeld && !state.reads && !state.isEnding)
    let first = state.endHold()
    #expect(first == 1)
    #expect(state.reads)
    let second = state.endHold()
    #expect(second == nil)
    // What is held when the connection closes is handed out as well.
    state.hold(3)
    let isClosed = state.close()
    #expect(isClosed)
    let last = state.endHold()
    #expect(last == 3)
  }
}
