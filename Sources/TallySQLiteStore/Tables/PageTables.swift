// All statements of pages and media: those that read, and those that write.
//
// Owner: their connection's.

internal import TallyCore
internal import TallySQLite

final class PageReaders {
  let pages: PageReader
  let sections: SectionReader
  let versions: VersionReader
  let media: MediaReader

  init(_ connection: Connection) throws(SQLiteError) {
    pages = try PageReader(connection)
    sections = try SectionReader(connection)
    versions = try VersionReader(connection)
    media = try MediaReader(connection)
  }
}

final class PageSavers {
  let pages: PageSaver
  let sections: SectionSaver
  let versions: VersionSaver
  let media: MediaSaver

  init(_ connection: Connection) throws(SQLiteError) {
    pages = try PageSaver(connection)
    sections = try SectionSaver(connection)
    versions = try VersionSaver(connection)
    media = try MediaSaver(connection)
  }
}
