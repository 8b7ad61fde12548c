// The role of a user, as people write it.

internal import ArgumentParser
internal import TallyMessages

enum UserRoleName: String, CaseIterable, ExpressibleByArgument {
  case user
  case admin

  var role: TallystickV1.UserRole { self == .user ? .user : .admin }
}
