/** What a message is encoded and decoded with: `T` as it is decoded, `Init` as it is given. */
export interface MessageCodec<T, Init> {
  /** The full name, with the package. */
  readonly typeName: string
  /**
   * The message's bytes. TypeError for values of a wrong type and for names that are no field's, RangeError
   * for values out of range; both name the message and the field.
   */
  encode(message: Init): Uint8Array
  /** The message of the bytes, with every default filled in. CodecError when they are not one. */
  decode(bytes: Uint8Array): T
  /** A message with every default filled in. Throws as `encode` does. */
  create(init?: Init): T
  /**
   * The message as proto3 JSON: fields in lower camel case, integers of 64 bits as text, bytes as base64,
   * enums by name; what has its default is left out. Throws as `encode` does.
   */
  toJson(message: Init): { [field: string]: JsonValue }
  /** The message of a proto3 JSON value; unknown names are refused. CodecError when it is not one. */
  fromJson(json: unknown): T
}

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }

/** Bytes or JSON that are not the message. Its text names the message and the field. */
export declare class CodecError extends Error {
  readonly name: 'CodecError'
}

/**
 * Where a decoded message keeps the fields that its type does not know, as the bytes they came in; they are
 * encoded again.
 */
export declare const UNKNOWN: unique symbol
