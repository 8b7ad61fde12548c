import Testing
@Suite("Messages") struct Placeholder { @Test("builds") func builds() {} }
