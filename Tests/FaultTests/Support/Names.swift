// What the fault tests share with the programs that make load for them.

internal import TallyLoad

typealias SeededRandom = TallyLoad.SeededRandom
