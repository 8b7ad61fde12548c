// What a server ends with, and whether starting it again is of use.

import TallyCore
internal import TallySQLiteStore
import Testing

@testable import tally

@Suite("Exit statuses")
struct ExitStatusTests {
  @Test("a failure that may pass does not end with the status of damage, which says that a restart is no use")
  func ofTheStore() {
    func status(_ code: StoreError.Code) -> tally.ExitStatus { StoreError(code, "").exitStatus }
    for code in [StoreError.Code.inputOutput, .diskFull] { #expect(status(code) == .system) }
    for code in [StoreError.Code.corrupt, .logDamaged, .notDurable] { #expect(status(code) == .damaged) }
    for code in [StoreError.Code.outcomeUnknown, .lockedOut] { #expect(status(code) == .outcomeUnknown) }
    #expect(status(.alreadyRunning) == .busy)
  }
}
