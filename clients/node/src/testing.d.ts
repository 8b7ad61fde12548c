/** A real daemon for tests, and its hooks for `node:test`. */
/// <reference path="disposable.d.ts" />
import type { Client, ClientOptions } from './client.js'
import type { InjectedFailure } from './generated/testing.js'

/** The daemon could not be found or started. */
export declare class HarnessError extends Error {}

/** `TALLY_BINARY`; else `tally` on PATH; else what the repository above here, or above this file, built. */
export declare function findBinary(): string

export interface ServerOptions {
  /** The path of `tally`; found by `findBinary` when absent. */
  binary?: string
  /** Further flags of `tally serve`. */
  args?: readonly string[]
  /** Keeps its files while it is killed or restarted, until it is stopped. */
  keep?: boolean
}

/** Starts a daemon; resolves once it accepts calls. It ends with this process, however that ends. */
export declare function startServer(options?: ServerOptions): Promise<Server>

export declare class Server implements AsyncDisposable {
  private constructor()
  /** The path of its socket. */
  readonly socket: string
  readonly pid: number
  readonly version: string
  readonly clock: Clock
  readonly fixtures: Fixtures
  readonly snapshots: Snapshots
  readonly failures: Failures
  /** A client of its own, which `stop` closes. */
  client(options?: Omit<ClientOptions, 'socket'>): Client
  /** Empties the database, sets the clock free and clears the failures. Snapshots stay. */
  reset(): Promise<void>
  /** What the daemon has written to its log. */
  log(): string
  /** Ends the daemon at once, as a crash would; only one that is kept leaves its files. */
  kill(): Promise<void>
  /** Kills the daemon, if it runs, and starts it again on the same socket and files. Only with `keep`. */
  restart(): Promise<void>
  /** Ends the daemon in good order and removes its files; returns its exit status, null after a kill. */
  stop(): Promise<number | null>
  [Symbol.asyncDispose](): Promise<void>
}

/** A span of whole units. */
export interface Span {
  days?: number
  hours?: number
  minutes?: number
  seconds?: number
  millis?: number
}

/** The daemon's clock, which runs with the machine's until it is set or advanced. */
export declare class Clock {
  private constructor()
  /** Microseconds since the epoch. */
  now(): Promise<bigint>
  /** Stops the clock at a time, never before the ledger's last; returns the new time. */
  set(time: bigint | Date): Promise<bigint>
  /** Moves the clock on, as `advance({ days: 31 })`; returns the new time. */
  advance(span: Span): Promise<bigint>
}

/** Puts into the daemon what a file or an object lists; see `LoadFixtures` in testing.proto. */
export declare class Fixtures {
  private constructor()
  /** Returns how many items were applied. The same again replays. */
  load(source: string | URL | object): Promise<number>
}

/** Copies of the daemon's database and clock, in its memory, by name. */
export declare class Snapshots {
  private constructor()
  /** Keeps what is there now, instead of an earlier copy of that name. */
  save(name: string): Promise<void>
  /** Puts everything back to what it was then, and clears the failures. */
  restore(name: string): Promise<void>
}

export interface Which {
  /** How many pass before the first that fails. */
  skip?: number
  /** How many fail; one when absent. */
  count?: number
}

export interface WhichCalls extends Which {
  /** `CreditService/Consume`; every method when absent. */
  method?: string
}

export interface Refusal {
  /** A gRPC status code. */
  code?: number
  /** A name such as `RATE_LIMITED`. */
  reason?: string
  message?: string
  details?: Readonly<Record<string, string>>
}

/** What shall fail; each returns the failure's id. Of several that wait, the earliest that fits happens. */
export declare class Failures {
  private constructor()
  /** Calls are answered with this error before they are looked at; UNAVAILABLE without a code or reason. */
  refuse(failure?: WhichCalls & Refusal): Promise<bigint>
  /** Calls wait for whole milliseconds before they go on. */
  delay(delayMs: number, which?: WhichCalls): Promise<bigint>
  /** The connection is closed instead of running the call. */
  dropBefore(which?: WhichCalls): Promise<bigint>
  /** The call is run and committed, and the connection closed instead of answering it. */
  dropAfter(which?: WhichCalls): Promise<bigint>
  /** New connections are closed as soon as they are made. */
  refuseConnection(which?: Which): Promise<bigint>
  /** Commits find the disk full. */
  storeFull(which?: Which): Promise<bigint>
  /** Commits take whole milliseconds longer. */
  storeDelay(delayMs: number, which?: Which): Promise<bigint>
  /** A commit's sync fails: its outcome is unknown, and the daemon ends. */
  storeUnknown(which?: Which): Promise<bigint>
  /** The failures that wait, and how often each has happened. */
  list(): Promise<InjectedFailure[]>
  /** Lets no more fail; returns how many were waiting still. */
  clear(): Promise<number>
}

/** What a test has in its hands, while the tests run. */
export interface Tally {
  readonly client: Client
  readonly clock: Clock
  readonly fixtures: Fixtures
  readonly snapshots: Snapshots
  readonly failures: Failures
  readonly server: Server
}

/**
 * Registers hooks of `node:test`, for the whole file or for the suite in which it is called: a daemon, empty
 * for each test. Suites of one file share it unless they ask for options of their own. What it returns may be
 * used at once: calls wait until the daemon accepts them.
 */
export declare function useTally(
  options?: ServerOptions & { clientOptions?: Omit<ClientOptions, 'socket'> },
): Tally
