// How long a store lets its log become, in frames: pages of 4 KiB with their headers.

public struct CheckpointLimits: Sendable {
  /// After so many an idle writer copies the log.
  public var idleFrames = 1_000
  /// After so many it does so in any case.
  public var busyFrames = 8_000
  /// 64 MiB: from here on the log is to start over.
  public var restartFrames = 16_384

  public static let standard = CheckpointLimits()

  public init() {}

  public init(idleFrames: Int, busyFrames: Int, restartFrames: Int) {
    self.idleFrames = idleFrames
    self.busyFrames = busyFrames
    self.restartFrames = restartFrames
  }
}
