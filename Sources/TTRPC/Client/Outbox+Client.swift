// What a client sends: requests, whose ids rise in the order of their frames, and messages of streams.
//
// Invariants:
// 1. An id is taken under the lock under which its frame is queued: a server may refuse a request whose id is
//    below an earlier one's, as the one in Go does.
// 2. Locks are taken in the order outbox, table of calls.
//
// Owner: the outbox's lock, see Outbox.swift.

/// What became of a frame that a client wants to send.
enum ClientSend: Equatable {
  case sent
  /// It was asked to wait for room, and there is none.
  case full
  /// Nothing of it will ever be sent.
  case gone
}

extension Outbox {
  /// A request, with the id that `begin` gives it, which runs with the lock held; nil says that the
  /// connection is closed.
  func request(
    flags: UInt8, _ envelope: [UInt8], ifRoom: Bool, _ begin: () -> UInt32?
  ) -> ClientSend {
    lock.withLock {
      guard isUsable else { return .gone }
      if ifRoom && isPaused { return .full }
      guard let id = begin() else { return .gone }
      append(type: FrameType.request, streamId: id, flags: flags, envelope)
      afterAppend(true)
      return .sent
    }
  }

  /// A message of a stream.
  func message(_ streamId: UInt32, _ payload: [UInt8]) -> ClientSend {
    lock.withLock {
      guard isUsable else { return .gone }
      if isPaused { return .full }
      append(type: FrameType.data, streamId: streamId, flags: 0, payload)
      afterAppend(true)
      return .sent
    }
  }
}
