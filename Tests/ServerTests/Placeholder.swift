import Testing
@Suite("Server") struct Placeholder { @Test("builds") func builds() {} }
