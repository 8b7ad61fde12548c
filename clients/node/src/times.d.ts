/** The microseconds since the epoch of a time. TypeError for anything but a bigint or a valid Date. */
export declare function toMicros(time: bigint | Date): bigint

/** The Date of a bigint of microseconds; what is below a millisecond is cut off, towards the past. */
export declare function toDate(micros: bigint): Date
