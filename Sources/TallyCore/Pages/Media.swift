// An image that sections may show.

/// Numbers are the wire's and the disk's; never reused.
public enum MediaSource: Int32, Sendable, CaseIterable {
  case upload = 1
  case generated = 2
}

public struct Media: Sendable {
  public var mediaId: String
  public var userId: String
  public var url: String
  public var width: Int32
  public var height: Int32
  public var byteCount: Int64
  public var mimeType: String
  public var source: MediaSource
  /// The run that generated it; empty for none.
  public var runId: String
  public var createdAtMicros: Int64 = 0
  public var deletedAtMicros: Int64?

  public init(
    mediaId: String, userId: String, url: String, width: Int32 = 0, height: Int32 = 0, byteCount: Int64 = 0,
    mimeType: String = "", source: MediaSource, runId: String = ""
  ) {
    self.mediaId = mediaId
    self.userId = userId
    self.url = url
    self.width = width
    self.height = height
    self.byteCount = byteCount
    self.mimeType = mimeType
    self.source = source
    self.runId = runId
  }

  /// Whether both register the same image, whenever they did.
  func isSame(as other: Media) -> Bool {
    mediaId.isExactly(other.mediaId) && userId.isExactly(other.userId) && url.isExactly(other.url)
      && width == other.width && height == other.height && byteCount == other.byteCount
      && mimeType.isExactly(other.mimeType) && source == other.source && runId.isExactly(other.runId)
  }

  /// Not less than its encoding in a reply.
  package var replyByteCount: Int {
    96 + mediaId.utf8.count + userId.utf8.count + url.utf8.count + mimeType.utf8.count + runId.utf8.count
  }
}

extension Media: Equatable {
  public static func == (left: Self, right: Self) -> Bool {
    left.isSame(as: right) && left.createdAtMicros == right.createdAtMicros
      && left.deletedAtMicros == right.deletedAtMicros
  }
}
