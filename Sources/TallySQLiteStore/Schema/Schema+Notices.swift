// What is stored of alerts of caps and of credit that expires: a part of the eighth migration.

extension Schema {
  static let noticeIndexes: [String] = []

  static let notices = """
    """
}
