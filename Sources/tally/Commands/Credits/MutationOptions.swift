// The idempotency key of a call that moves credit.

internal import ArgumentParser
internal import TallyClient

/// What a mutation takes beside its own arguments.
struct MutationOptions: ParsableArguments {
  @Option(help: "The idempotency key; a new one is made when it is left out.")
  var key: String?

  /// A script whose variable is not set would else get a new key with each try.
  func validate() throws {
    if key?.isEmpty == true { throw ValidationError("--key must not be empty; leave it out for a new key") }
  }

  /// The given key, or a new one.
  var idempotencyKey: String { key ?? IdempotencyKey.next() }
}
