// Arithmetic that ends at the bounds of its type instead of ending the process: for numbers that come from
// outside (a clock, a file, the environment, a message) and need no error of their own.

extension FixedWidthInteger {
  @inlinable
  public func addingSaturating(_ other: Self) -> Self {
    let (sum, overflow) = addingReportingOverflow(other)
    if !overflow { return sum }
    return other < 0 ? .min : .max
  }

  @inlinable
  public func subtractingSaturating(_ other: Self) -> Self {
    let (difference, overflow) = subtractingReportingOverflow(other)
    if !overflow { return difference }
    // Of unsigned numbers only the lower bound can be passed.
    return Self.isSigned && other < 0 ? .max : .min
  }

  @inlinable
  public func multipliedSaturating(by other: Self) -> Self {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    if !overflow { return product }
    return (self < 0) != (other < 0) ? .min : .max
  }
}
