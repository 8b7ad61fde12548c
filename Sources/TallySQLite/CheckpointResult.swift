// What a checkpoint is asked for, and what it did.

/// How thorough a checkpoint is.
public enum CheckpointMode: Sendable, Equatable {
  case passive, restart, truncate
}

/// What a checkpoint left: frames in the log, and how many of them are in the database file.
public struct CheckpointResult: Sendable, Equatable {
  public var logFrames: Int
  public var checkpointedFrames: Int
  /// A snapshot or another program's checkpoint kept it from finishing.
  public var isBusy: Bool
}
