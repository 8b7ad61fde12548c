// What `verify` reports: one check at a time, with the rows that break it.

/// A check's progress, or its end.
public struct VerifyProgress: Sendable, Equatable {
  /// From 1, as `VerifyCheck` numbers them.
  public var check: Int
  public var title: String
  /// Set on the check's last report.
  public var isDone: Bool
  public var examined: Int64
  /// How many there are to examine, as far as that is known; else zero.
  public var total: Int64
  /// Rows from before a law of this check: they need not keep it.
  public var exempt: Int64
  public var violations: Int64
  /// The first violations, naming the rows; at most `Verifier.maximumFindings`.
  public var findings: [String]
  public var elapsedMicros: Int64

  package init(
    check: Int, title: String, isDone: Bool, examined: Int64, total: Int64, exempt: Int64 = 0,
    violations: Int64,
    findings: [String], elapsedMicros: Int64
  ) {
    self.check = check
    self.title = title
    self.isDone = isDone
    self.examined = examined
    self.total = total
    self.exempt = exempt
    self.violations = violations
    self.findings = findings
    self.elapsedMicros = elapsedMicros
  }
}

/// The numbers that the protocol gives to what the store keeps; zero values left out.
public struct VerifyEnums: Sendable, Equatable {
  public var transactionTypes: [Int32]
  public var holdStates: [Int32]
  public var runStatuses: [Int32]
  public var mediaSources: [Int32]
  public var userRoles: [Int32]
  public var userApprovals: [Int32]
  public var eventKinds: [Int32]
  public var pageUpdateKinds: [Int32]
  public var intentStates: [Int32]

  public init(
    transactionTypes: [Int32], holdStates: [Int32], runStatuses: [Int32], mediaSources: [Int32],
    userRoles: [Int32], userApprovals: [Int32], eventKinds: [Int32], pageUpdateKinds: [Int32],
    intentStates: [Int32]
  ) {
    self.transactionTypes = transactionTypes
    self.holdStates = holdStates
    self.runStatuses = runStatuses
    self.mediaSources = mediaSources
    self.userRoles = userRoles
    self.userApprovals = userApprovals
    self.eventKinds = eventKinds
    self.pageUpdateKinds = pageUpdateKinds
    self.intentStates = intentStates
  }
}
