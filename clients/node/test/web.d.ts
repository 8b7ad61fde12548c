// What Node has of the web's own types, as far as src uses it.

declare class TextDecoder {
  constructor(encoding: string, options: { fatal: boolean; ignoreBOM: boolean })
  decode(bytes: Uint8Array): string
}

interface AbortSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(event: 'abort', callback: () => void, options: { once: boolean }): void
  removeEventListener(event: 'abort', callback: () => void): void
}

declare const performance: { now(): number }

declare class URL {
  constructor(text: string, base?: string)
  readonly href: string
}
