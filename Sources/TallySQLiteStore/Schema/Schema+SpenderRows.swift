// What is stored of a spender's rows of the ledger: a part of the eighth migration.

extension Schema {
  static let spenderRowIndexes: [String] = []

  static let spenderRows = """
    """
}
