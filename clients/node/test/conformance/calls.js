// Calls by a method's name and proto3 JSON, through the client's own services: what a user of the client
// would call, `client.credits.consume({ userId })`.
import { Client, Code } from '../../src/index.js'
import { Conformance } from '../../src/generated/services/conformance.js'
import { PATIENCE_MS } from '../patience.js'
import { TestControl } from '../../src/generated/services/test_control.js'

const CODE_NAMES = Object.fromEntries(Object.entries(Code).map(([name, code]) => [code, name]))

/** How each service is had of a client. */
const SERVICES = {
  CreditService: (client) => client.credits,
  UsageService: (client) => client.usage,
  PageService: (client) => client.pages,
  AdminService: (client) => client.admin,
  Control: (client) => client.control,
  Conformance: (client) => new Conformance(client.caller),
  TestControl: (client) => new TestControl(client.caller),
}

/** The clients of a scenario, by name; each is made when it is named first. */
export class Clients {
  #socket
  #options
  #made = new Map()

  /** `options`: of each name, its `timeoutMillis`, `retryMillis` and `defaults`. */
  constructor(socket, options = {}) {
    this.#socket = socket
    this.#options = options
  }

  /**
   * What a call goes through: `kind` of the method, its `codecs`, and `call(request, options)`.
   *
   * `words` are those of a step: `client`, `as`, `metadata`, `timeoutMillis`.
   */
  method(name, words = {}, signal = undefined) {
    const { client: clientName = 'main', as = '', metadata = {}, timeoutMillis } = words
    const [serviceName, methodName] = name.split('/')
    const own = this.client(clientName)
    const client = as === '' ? own : own.actingAs(as)
    const service = SERVICES[serviceName](client)
    const functionName = methodName[0].toLowerCase() + methodName.slice(1)
    const method = service.constructor.methods[functionName]
    const options = { metadata, timeoutMs: timeoutMillis, signal }
    const call =
      method.kind === 'bidirectional'
        ? () => service[functionName](options)
        : (request) => service[functionName](request, options)
    return { kind: method.kind, request: method.request, response: method.response, call }
  }

  /** A unary call, or one with a stream of requests: proto3 JSON in and out. */
  async call(name, request, words, signal) {
    const method = this.method(name, words, signal)
    const message =
      method.kind === 'clientStream'
        ? request.map((one) => method.request.fromJson(one))
        : method.request.fromJson(request)
    return method.response.toJson(await method.call(message))
  }

  async close() {
    await Promise.all([...this.#made.values()].map((client) => client.close()))
  }

  /** The client of this name. */
  client(name = 'main') {
    if (!this.#made.has(name)) {
      const { defaults = false, ...named } = this.#options[name] ?? {}
      const patient = defaults ? {} : { timeoutMillis: PATIENCE_MS, retryMillis: PATIENCE_MS }
      const { timeoutMillis, retryMillis } = { ...patient, ...named }
      const options = { socket: this.#socket, timeoutMs: timeoutMillis, retryMs: retryMillis }
      this.#made.set(name, new Client(options))
    }
    return this.#made.get(name)
  }
}

/** What a scenario can expect of a failure. */
export function errorToJson(error) {
  return {
    code: CODE_NAMES[error.code],
    reason: error.reason,
    message: error.message,
    details: { ...error.details },
    maybeApplied: error.maybeApplied,
  }
}
