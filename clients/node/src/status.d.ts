/** gRPC's status codes. */
export declare const Code: {
  readonly OK: 0
  readonly CANCELLED: 1
  readonly UNKNOWN: 2
  readonly INVALID_ARGUMENT: 3
  readonly DEADLINE_EXCEEDED: 4
  readonly NOT_FOUND: 5
  readonly ALREADY_EXISTS: 6
  readonly PERMISSION_DENIED: 7
  readonly RESOURCE_EXHAUSTED: 8
  readonly FAILED_PRECONDITION: 9
  readonly ABORTED: 10
  readonly OUT_OF_RANGE: 11
  readonly UNIMPLEMENTED: 12
  readonly INTERNAL: 13
  readonly UNAVAILABLE: 14
  readonly DATA_LOSS: 15
  readonly UNAUTHENTICATED: 16
}
export type Code = (typeof Code)[keyof typeof Code]

/**
 * A call failed. Branch on the class or on `reason`, never on the message's text.
 *
 * An error means that nothing was applied, unless `maybeApplied` is true: then only the same call with the
 * same idempotency key tells.
 */
export declare class TallyError extends Error {
  constructor(
    code: Code,
    message: string,
    reason?: string,
    details?: Readonly<Record<string, string>>,
    options?: { cause?: unknown },
  )
  /** The gRPC status code. */
  readonly code: Code
  /** The name of a reason in errors.proto, such as `INSUFFICIENT_CREDITS`; empty when there is none. */
  readonly reason: string
  /** What a client needs to act, by name. */
  readonly details: Readonly<Record<string, string>>
  /** Whether the call may have been applied all the same. */
  maybeApplied: boolean
  readonly name: string
  toString(): string
  /** A detail that the reason promises. TypeError when the server sent none. */
  protected _text(detail: string): string
  protected _number(detail: string): bigint
}
