// Whether a user may spend, as people write it.

internal import ArgumentParser
internal import TallyMessages

enum UserStateName: String, CaseIterable, ExpressibleByArgument {
  case active
  case suspended

  var state: TallystickV1.UserState { self == .active ? .active : .suspended }
}
