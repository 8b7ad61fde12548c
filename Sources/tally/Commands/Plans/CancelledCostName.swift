// What a plan charges for a run that was cancelled, as people write it.

internal import ArgumentParser
internal import TallyMessages

enum CancelledCostName: String, CaseIterable, ExpressibleByArgument {
  case reported
  case nothing

  var cancelledCost: TallystickV1.CancelledCost {
    switch self {
    case .reported: .reported
    case .nothing: .nothing
    }
  }
}
