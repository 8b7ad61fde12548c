// `Symbol.asyncDispose` for compilers whose library does not have it yet, as @types/node declares it.

interface SymbolConstructor {
  readonly asyncDispose: unique symbol
}

interface AsyncDisposable {
  [Symbol.asyncDispose](): PromiseLike<void>
}
