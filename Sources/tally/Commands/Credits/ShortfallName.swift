// What follows when a purchase's credit is partly spent, as people write it.

internal import ArgumentParser
internal import TallyMessages

enum ShortfallName: String, CaseIterable, ExpressibleByArgument {
  case reject
  case partial
  case owe

  var onShortfall: TallystickV1.OnShortfall {
    switch self {
    case .reject: .reject
    case .partial: .partial
    case .owe: .owe
    }
  }
}
