// How the program ends when the store refuses or fails.

internal import Logging
internal import TallyCore
internal import TallyServer

extension StoreError {
  var exitStatus: ExitStatus {
    switch code {
    case .alreadyRunning: .busy
    case .directory, .fileSystem: .cannotCreate
    case .newerSchema, .otherSchema, .changedMigration, .clockBehindLedger: .configuration
    case .notDurable, .corrupt, .logDamaged, .filesLost, .replaced, .closed: .damaged
    case .diskFull, .inputOutput: .system
    case .outcomeUnknown, .lockedOut: .outcomeUnknown
    }
  }
}
