// Names of a table's columns, declared once: the order in which its rows are selected, read and bound.

public struct ColumnList: Sendable, CustomStringConvertible {
  private let names: [String]

  private init(names: [String]) { self.names = names }

  public init(_ names: String...) { self.names = names }

  public var count: Int { names.count }

  /// `id, amount`
  public var description: String { names.joined(separator: ", ") }

  /// `h.id, h.amount`
  public func of(_ table: String) -> String { names.map { "\(table).\($0)" }.joined(separator: ", ") }

  /// `?1, ?2`: a parameter for each.
  public var parameters: String { (1...names.count).map { "?\($0)" }.joined(separator: ", ") }

  /// `id = ?2, amount = ?3`
  /// - Parameter first: the number of the first parameter.
  public func assigned(from first: Int) -> String {
    names.enumerated().map { "\($1) = ?\(first + $0)" }.joined(separator: ", ")
  }

  /// `id = excluded.id, amount = excluded.amount`: what an upsert changes in a row that is there.
  public var replaced: String { names.map { "\($0) = excluded.\($0)" }.joined(separator: ", ") }

  public func without(_ left: String...) -> ColumnList {
    ColumnList(names: names.filter { !left.contains($0) })
  }

  public static func + (left: Self, right: Self) -> Self { Self(names: left.names + right.names) }
}
