// Which attempt of a run a command names.

internal import ArgumentParser

enum AttemptOption {
  static func number(_ attempt: Int32) throws -> Int32 {
    if attempt < 1 { throw ValidationError("--attempt must be 1 or more, not \(attempt)") }
    return attempt
  }
}
