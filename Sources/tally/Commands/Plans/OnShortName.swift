// What follows when there is less credit than was used, as people write it.

internal import ArgumentParser
internal import TallyMessages

enum OnShortName: String, CaseIterable, ExpressibleByArgument {
  case forgive
  case collect
  case block

  var onShort: TallystickV1.OnShort {
    switch self {
    case .forgive: .forgive
    case .collect: .collect
    case .block: .block
    }
  }
}
