/**
 * Every way a call can fail, as a class.
 *
 * `TallyError` is the base. A failure with a reason of errors.proto has that reason's class, such as
 * `InsufficientCredits`; the few without one have a class of their code, below.
 */
import { Code, TallyError } from './status.js'

export * from './generated/errors.js'
export { Code, TallyError }

/** The server cannot answer now. Nothing was applied, unless `maybeApplied`. */
export declare class Unavailable extends TallyError {}

/** There is no connection, or it ended before the answer. The client has tried again already. */
export declare class ConnectionLost extends Unavailable {
  constructor(message: string, options: { maybeApplied: boolean; cause?: unknown })
}

/** The call's time is over. `maybeApplied` is true when it was the client that stopped waiting. */
export declare class DeadlineExceeded extends TallyError {}

/** The call was cancelled: by its AbortSignal, whose reason is the `cause`, or by somebody with its token. */
export declare class Cancelled extends TallyError {
  readonly cause?: unknown
}

/** The server has no such method: it is older than this client, or does not serve it here. */
export declare class Unimplemented extends TallyError {}

/** A stream's messages were not taken as fast as they came, and the client's buffer is full. */
export declare class StreamOverflow extends TallyError {}

/** The client was closed before the call was made. */
export declare class ClientClosed extends Error {
  constructor()
}

/** The error for a status; `details` are pairs of type URL and encoded message. */
export declare function fromStatus(
  code: number,
  message: string,
  details?: Iterable<readonly [typeUrl: string, value: Uint8Array]>,
): TallyError

/** The error for a reason; also for one item's `ItemError` in a batch. */
export declare function fromInfo(
  code: number,
  message: string,
  info: { reason: string; metadata: Readonly<Record<string, string>> },
): TallyError
