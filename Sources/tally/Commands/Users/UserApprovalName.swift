// The approval of a user, as people write it.

internal import ArgumentParser
internal import TallyMessages

enum UserApprovalName: String, CaseIterable, ExpressibleByArgument {
  case pending
  case approved
  case rejected

  var approval: TallystickV1.UserApproval {
    switch self {
    case .pending: .pending
    case .approved: .approved
    case .rejected: .rejected
    }
  }
}
