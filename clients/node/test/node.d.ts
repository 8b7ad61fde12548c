// The little of Node's own types that checking src needs: Debian has no package of them.

interface Buffer extends Uint8Array {
  readUInt32BE(at: number): number
  readUInt16BE(at: number): number
  writeUInt32BE(value: number, at?: number): number
  copy(target: Uint8Array, targetStart?: number, from?: number, to?: number): number
  subarray(from?: number, to?: number): Buffer
  toString(encoding?: string, from?: number, to?: number): string
}

declare const Buffer: {
  alloc(size: number): Buffer
  allocUnsafe(size: number): Buffer
  byteLength(text: string): number
  concat(parts: readonly Uint8Array[]): Buffer
  from(source: string | Uint8Array | readonly number[], encoding?: string): Buffer
  from(source: ArrayBufferLike, at: number, length: number): Buffer
  isBuffer(value: unknown): value is Buffer
}

declare const process: {
  env: Record<string, string | undefined>
  cwd(): string
  emitWarning(message: string, options: { type: string; code: string }): void
  nextTick<T>(callback: (value: T) => void, value: T): void
  once(event: string, callback: () => void): void
}

declare namespace NodeJS {
  interface Timeout {
    unref(): void
  }
}

declare function setTimeout(callback: () => void, milliseconds: number): NodeJS.Timeout
declare function clearTimeout(timer: NodeJS.Timeout | undefined): void
declare function setImmediate(callback: (value?: unknown) => void): void
interface ImportMeta {
  url: string
}

declare module 'node:child_process'
declare module 'node:crypto'
declare module 'node:fs'
declare module 'node:fs/promises'
declare module 'node:os'
declare module 'node:path'
declare module 'node:test'
declare module 'node:url'
declare module 'node:net' {
  export interface Socket {
    readonly writableLength: number
    readonly writableNeedDrain: boolean
    readonly closed: boolean
    ref(): void
    unref(): void
    destroy(): void
    setTimeout(milliseconds: number): void
    write(bytes: Uint8Array): boolean
    on(event: string, callback: (error: Error) => void): this
    once(event: string, callback: (error: Error) => void): this
    removeAllListeners(event: string): this
  }
  const net: {
    createConnection(options: {
      path: string
      onread: { buffer: Uint8Array; callback: (size: number) => boolean }
    }): Socket
  }
  export default net
}

interface ErrorConstructor {
  captureStackTrace(target: object, until?: Function): void
}
