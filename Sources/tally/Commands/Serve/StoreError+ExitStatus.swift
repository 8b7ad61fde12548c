// How the program ends when the store refuses or fails, and which option may help.

internal import TallyCore

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
  /// What to do about a refused start, where an option of `tally serve` helps.
  var advice: String? {
    switch code {
    case .alreadyRunning: "stop it, or name another directory with --database"
    case .directory: "--database names another directory"
    case .fileSystem: "--any-file-system allows it nevertheless"
    case .newerSchema: "serve it with the program that upgraded it, or a newer one"
    case .clockBehindLedger: "set the clock, or start with --clock-behind-ledger"
    case .otherSchema, .changedMigration, .notDurable, .corrupt, .logDamaged, .filesLost, .replaced, .closed,
      .diskFull, .inputOutput, .outcomeUnknown, .lockedOut:
      nil
    }
  }
}
