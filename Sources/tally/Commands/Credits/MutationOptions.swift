// The idempotency key of a call that moves credit.

internal import ArgumentParser
internal import TallyClient

/// What a mutation takes beside its own arguments.
struct MutationOptions: ParsableArguments {
  @Option(help: "The idempotency key. (default: a new one)")
  var key: String?

  /// An empty key comes from a script's unset variable. To take it as "none given" would make a new key with
  /// each retry, and charge twice.
  func validate() throws {
    if key?.isEmpty == true { throw ValidationError("--key must not be empty; leave it out for a new key") }
  }

  /// The given key, or a new one.
  var idempotencyKey: String { key ?? IdempotencyKey.next() }
}
