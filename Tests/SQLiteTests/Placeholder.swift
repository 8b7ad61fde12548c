import Testing
@Suite("SQLite") struct Placeholder { @Test("builds") func builds() {} }
