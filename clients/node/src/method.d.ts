/// <reference path="disposable.d.ts" />
import type { MessageCodec } from './codec.js'

/** What a call may be given besides its request. */
export interface CallOptions {
  /** How long the call may take. The client's when absent; a stream has none unless it is given one. */
  timeoutMs?: number | undefined
  /** Cancels the call when it is aborted. */
  signal?: AbortSignal | undefined
  /** Sent with the call, in addition to the client's. */
  metadata?: { readonly [name: string]: string } | undefined
}

/** A server's stream of messages. Ending its loop early cancels the call. */
export interface ServerStream<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  /** The next message. Rejects with what the call failed with, where it failed. */
  next(): Promise<IteratorResult<T, undefined>>
  /** Cancels the call; what was not read is dropped. */
  return(): Promise<IteratorResult<T, undefined>>
  /** As `return`. */
  close(): Promise<void>
}

/** A call whose both sides are streams. */
export interface Duplex<Request, T> extends ServerStream<T> {
  /** Sends a message; resolves when there is room for another. Await it: what waits here has a limit. */
  send(request: Request): Promise<void>
  /** Says that no more is sent. */
  finish(): Promise<void>
}

/** A method of a service, as the stubs give it to their caller. */
export interface Method<Request = any, Response = any> {
  /** The full name of the service: `tallystick.v1.CreditService`. */
  readonly service: string
  /** As in the .proto: `Consume`. */
  readonly name: string
  readonly kind: 'unary' | 'serverStream' | 'clientStream' | 'bidirectional'
  readonly request: MessageCodec<any, Request>
  readonly response: MessageCodec<Response, any>
  /** Whether a call that may have been applied may be sent again. */
  readonly repeatable: boolean | ((request: Request) => boolean)
  /** The field of the request's idempotency key, or of the messages that have one each. */
  readonly key: string | undefined
}

/** What the stubs call through. */
export interface Caller {
  unary<Q, R>(method: Method<Q, R>, request: Q, options?: CallOptions): Promise<R>
  serverStream<Q, R>(method: Method<Q, R>, request: Q, options?: CallOptions): ServerStream<R>
  clientStream<Q, R>(
    method: Method<Q, R>,
    requests: Iterable<Q> | AsyncIterable<Q>,
    options?: CallOptions,
  ): Promise<R>
  bidirectional<Q, R>(method: Method<Q, R>, options?: CallOptions): Duplex<Q, R>
}
