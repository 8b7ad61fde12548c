// The shortest part of something that still fails.

enum Shrinker {
  /// The shortest part of a failing sequence that it finds, by taking away ever smaller stretches.
  /// - Parameter fails: whether a sequence still fails.
  /// - Parameter maximumAttempts: some of them take seconds.
  static func shrink<Element>(
    _ steps: [Element], maximumAttempts: Int = 300, fails: ([Element]) -> Bool
  ) -> [Element] {
    var steps = steps
    var stretch = max(1, steps.count / 2)
    var attempts = 0
    while true {
      var start = 0
      var hasShrunk = false
      while start < steps.count {
        var shorter = steps
        shorter.removeSubrange(start..<min(start + stretch, steps.count))
        attempts += 1
        if attempts > maximumAttempts { return steps }
        if fails(shorter) {
          steps = shorter
          hasShrunk = true
        } else {
          start += stretch
        }
      }
      if stretch == 1 && !hasShrunk { return steps }
      if stretch > 1 { stretch /= 2 }
    }
  }
}
