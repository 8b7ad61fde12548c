// The suite of the domain.

import Testing

@Suite("Core") struct Placeholder { @Test("builds") func builds() {} }
