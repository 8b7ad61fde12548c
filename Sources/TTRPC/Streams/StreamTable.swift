// The streams of one server connection: which ids live, and what a frame means for them.
//
//     Request ----> admit ----> open(kind) ----> finish      unary: Data is dropped
//                     |           |    ^
//                     v           v    | Data                streams: delivered until RC
//                  refusal      data --+
//
// Invariants:
// 1. An id lives from `open` to `finish`; it may be used again after that, in any order.
// 2. Data for a stream that the server ended while the client could still send is dropped; the last
//    `endedCount` of those are remembered. Data for any other id that does not live is refused.
// 3. Nothing here depends on time, sockets or handlers.
//
// Owner: the connection's queue.

struct StreamTable<Handle> {
  /// How many streams that ended early are remembered.
  static var endedCount: Int { 64 }

  enum Admission: Equatable {
    case accept
    case evenId
    /// The id lives: an error reply would end the live call, so the connection closes.
    case duplicate
    case draining
    case tooManyInFlight
  }

  enum DataAction {
    case drop
    /// No stream has this id.
    case refuse
    /// For the stream: a message, the end of the client's half, or both in this order.
    case deliver(Handle, isMessage: Bool, isEnd: Bool)
  }

  private struct Entry {
    var handle: Handle
    var takesData: Bool
  }

  let maximumInFlight: Int
  var isDraining = false
  private var entries = IdTable<Entry>()
  private var ended: [UInt32] = []
  private var endedNext = 0

  init(maximumInFlight: Int) {
    self.maximumInFlight = maximumInFlight
  }

  var count: Int { entries.count }
  var handles: [Handle] { entries.values.map(\.handle) }
  /// The streams on which the client could send more.
  var openHandles: [Handle] { entries.values.filter(\.takesData).map(\.handle) }

  func handle(of id: UInt32) -> Handle? { entries[UInt64(id)]?.handle }

  /// Whether a Request frame may begin a call, before its envelope is looked at. Inlined, since the whole
  /// table would be copied for the call otherwise.
  @inline(__always) func admit(_ id: UInt32) -> Admission {
    if id & 1 == 0 { return .evenId }
    if entries[UInt64(id)] != nil { return .duplicate }
    if isDraining { return .draining }
    if entries.count >= maximumInFlight { return .tooManyInFlight }
    return .accept
  }

  /// Starts a stream. `isOpen`: the client may send more on it.
  mutating func open(_ id: UInt32, isOpen: Bool, _ handle: Handle) {
    entries.set(UInt64(id), Entry(handle: handle, takesData: isOpen))
    if !ended.isEmpty { ended.removeAll { $0 == id } }
  }

  /// What a Data frame means.
  mutating func data(_ header: FrameHeader) -> DataAction {
    guard let entry = entries[UInt64(header.streamId)] else {
      return ended.contains(header.streamId) ? .drop : .refuse
    }
    guard entry.takesData else { return .drop }
    let isEnd = header.has(FrameFlags.remoteClosed)
    if isEnd {
      entries.set(UInt64(header.streamId), Entry(handle: entry.handle, takesData: false))
    }
    // A payload beside ND is taken for what it is: a message.
    let isMessage = !header.has(FrameFlags.noData) || header.length > 0
    return .deliver(entry.handle, isMessage: isMessage, isEnd: isEnd)
  }

  /// Ends a stream; nothing happens for an id that does not live.
  mutating func finish(_ id: UInt32) {
    guard let entry = entries.remove(UInt64(id)), entry.takesData else { return }
    if ended.count < Self.endedCount {
      ended.append(id)
    } else {
      ended[endedNext % Self.endedCount] = id
      endedNext = (endedNext + 1) % Self.endedCount
    }
  }
}
