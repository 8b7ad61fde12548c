import Testing
@Suite("TTRPC") struct Placeholder { @Test("builds") func builds() {} }
