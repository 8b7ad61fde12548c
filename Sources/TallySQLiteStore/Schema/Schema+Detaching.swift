// What is stored of media that is being taken out of pages: a part of the eighth migration.

extension Schema {
  static let detachingIndexes: [String] = []

  static let detaching = """
    """
}
