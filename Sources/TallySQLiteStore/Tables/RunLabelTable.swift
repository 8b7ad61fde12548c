// Labels of runs: a model and a type, by number.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class RunLabelTable {
  /// How many labels the writer keeps in memory.
  static let maximumCached = 4_096

  private let find: Statement
  private let byIds: Statement
  private let insert: Statement
  private let last: Statement
  /// Committed labels only.
  private var cached: [RunLabel: Int64] = [:]

  init(_ connection: Connection) throws(SQLiteError) {
    find = try connection.prepare("SELECT id FROM run_label WHERE model = ?1 AND type = ?2")
    byIds = try connection.prepare(
      "SELECT id, model, type FROM run_label WHERE id IN (SELECT value FROM json_each(?1))")
    insert = try connection.prepare("INSERT INTO run_label(id, model, type) VALUES (?1, ?2, ?3)")
    last = try connection.prepare("SELECT coalesce(max(id), 0) FROM run_label")
  }

  /// The number of a committed label; nil when there is none.
  func id(_ label: RunLabel) throws(SQLiteError) -> Int64? {
    if let id = cached[label] { return id }
    find.bind(label.model.text)
    find.bind(label.type.text)
    guard let id = try find.firstInt() else { return nil }
    if cached.count >= Self.maximumCached { cached.removeAll(keepingCapacity: true) }
    cached[label] = id
    return id
  }

  /// In one statement; those that are not there are left out.
  func labels(ids: [Int64]) throws(SQLiteError) -> [Int64: RunLabel] {
    byIds.bind(JSONText.array(ids))
    let found = try byIds.all { (row) in
      (row.int(), RunLabel(model: ExactText(row.text()), type: ExactText(row.text())))
    }
    return Dictionary(found, uniquingKeysWith: { first, _ in first })
  }

  /// The highest id in use, or zero.
  func lastId() throws(SQLiteError) -> Int64 { try last.firstInt() ?? 0 }

  func make(_ label: RunLabel, id: Int64) throws(SQLiteError) {
    insert.bind(id)
    insert.bind(label.model.text)
    insert.bind(label.type.text)
    try insert.run()
  }

  /// Forgets everything, after the database was emptied.
  func clear() { cached = [:] }
}
