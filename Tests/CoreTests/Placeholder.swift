import Testing

@Suite("Core") struct Placeholder { @Test("builds") func builds() {} }
