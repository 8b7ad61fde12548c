// How a run ends.

internal import ArgumentParser
internal import TallyMessages

/// How a run ends.
enum RunEnd: String, CaseIterable, ExpressibleByArgument {
  case succeeded
  case failed
  case cancelled

  var status: TallystickV1.RunStatus {
    switch self {
    case .succeeded: .succeeded
    case .failed: .failed
    case .cancelled: .cancelled
    }
  }
}
