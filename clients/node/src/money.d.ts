/**
 * The micro-dollars of an amount in dollars: `dollars('0.25')` is `250_000n`.
 *
 * TypeError for a number; RangeError for what is no decimal number, has more than six decimals, or leaves
 * int64.
 */
export declare function dollars(amount: string | bigint): bigint

/** The dollars of an amount, exactly, with at least two decimals: `formatDollars(250_000n)` is `'0.25'`. */
export declare function formatDollars(micros: bigint): string
