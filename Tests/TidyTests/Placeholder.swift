import Testing
@Suite("Tidy") struct Placeholder { @Test("builds") func builds() {} }
