// Carries out the steps of a scenario through the client.
//
// 1. A step of a kind, or with a word, that the format does not know fails.
// 2. Every background call has been awaited, and every stream has been closed, when a scenario is over.

import { TallyError } from '../../src/index.js'
import { CodecError, Transaction, WatchTransactionsRequest } from '../../src/messages.js'
import { look, PATIENCE_MS } from '../patience.js'
import { BLOCK_WORDS, ENDS, leaveBlock } from './blocks.js'
import { Clients, errorToJson } from './calls.js'
import { expect, fits, Mismatch, ScenarioError } from './file.js'

const CALL_WORDS = ['client', 'as', 'metadata', 'timeoutMillis']

export class Runner {
  #clients
  #daemon
  /** By name: the call's end, and what cancels it. */
  #background = new Map()
  #streams = new Map()
  #kinds

  constructor(daemon, options) {
    this.#daemon = daemon
    this.#clients = new Clients(daemon.socket, options)
    this.#kinds = {
      call: [
        this.#call,
        ['request', 'requests', 'reply', 'error', 'eventually', 'background', ...CALL_WORDS],
      ],
      await: [this.#await, []],
      cancel: [this.#cancel, []],
      parallel: [this.#parallel, ['copies', 'outcomes']],
      repeat: [this.#repeat, ['steps']],
      open: [this.#open, ['method', 'request', ...CALL_WORDS]],
      watch: [this.#watch, ['request', 'client', 'as']],
      send: [this.#send, ['messages', 'finish']],
      read: [this.#read, ['messages', 'rest', 'end', 'error']],
      close: [this.#close, []],
      block: [this.#block, BLOCK_WORDS],
      server: [this.#server, ['status']],
    }
  }

  async run(steps, names) {
    try {
      await this.#steps(steps, names)
      if (this.#background.size > 0) {
        throw new ScenarioError(`nobody awaits ${[...this.#background.keys()].join(', ')}`)
      }
    } finally {
      for (const { ended, controller } of this.#background.values()) {
        ended.catch(() => undefined)
        controller.abort()
      }
      for (const { stream } of this.#streams.values()) await stream.close()
      await this.#clients.close()
    }
  }

  async #steps(steps, names) {
    for (const [index, step] of steps.entries()) {
      try {
        await this.#step(step, names)
      } catch (problem) {
        const kind = Object.keys(step)[0]
        const head = `step ${index + 1}, ${kind} ${JSON.stringify(step[kind]).slice(0, 60)}`
        throw new Mismatch(`${head}: ${problem.message}`, { cause: problem })
      }
    }
  }

  async #step(step, names) {
    const kinds = Object.keys(this.#kinds).filter((kind) => kind in step)
    if (kinds.length !== 1) throw new ScenarioError(`a step has one kind, not ${kinds.length}`)
    const [carryOut, words] = this.#kinds[kinds[0]]
    const unknown = Object.keys(step).filter((word) => word !== kinds[0] && !words.includes(word))
    if (unknown.length > 0) throw new ScenarioError(`not understood: ${unknown.join(', ')}`)
    await carryOut.call(this, step, names)
  }

  // Calls.

  async #call(step, names) {
    if ('background' in step) {
      const controller = new AbortController()
      const ended = this.#expected(step, names, controller.signal)
      // Whoever awaits it hears of it.
      ended.catch(() => undefined)
      this.#background.set(names.fill(step.background), { ended, controller })
    } else if (step.eventually === true) {
      await this.#eventually(step, names)
    } else {
      await this.#expected(step, names)
    }
  }

  async #eventually(step, names) {
    const deadline = performance.now() + PATIENCE_MS
    for (;;) {
      try {
        return await this.#expected(step, names)
      } catch (problem) {
        if (!(problem instanceof Mismatch) || performance.now() > deadline) throw problem
      }
      await look()
    }
  }

  async #expected(step, names, signal) {
    const outcome = await this.#outcome(step, names, signal)
    expect(expectedOutcome(step, names), outcome, names, step.call)
  }

  /** What a call came to: `{ reply }` or `{ error }`. */
  async #outcome(step, names, signal) {
    const request = names.fill(step.requests ?? step.request ?? {})
    try {
      return { reply: await this.#clients.call(step.call, request, callWords(step, names), signal) }
    } catch (error) {
      return failure(error)
    }
  }

  async #await(step, names) {
    const name = names.fill(step.await)
    const { ended } = this.#background.get(name)
    this.#background.delete(name)
    await ended
  }

  async #cancel(step, names) {
    this.#background.get(names.fill(step.cancel)).controller.abort()
  }

  // Many steps.

  async #parallel(step, names) {
    const copies = Array.from({ length: step.copies ?? 1 }, (_, index) => names.counting('n', index + 1))
    const branches = copies.flatMap((counted) => step.parallel.map((branch) => [branch, counted]))
    if (step.outcomes === undefined) {
      await all(branches.map(([branch, counted]) => this.#steps([branch].flat(), counted)))
    } else {
      const outcomes = await all(branches.map(([one, counted]) => this.#outcome(one, counted)))
      tally(step.outcomes, outcomes, names)
    }
  }

  async #repeat(step, names) {
    for (let turn = 1; turn <= step.repeat; turn++) await this.#steps(step.steps, names.counting('n', turn))
  }

  // Streams.

  async #open(step, names) {
    const method = this.#clients.method(step.method, callWords(step, names))
    if (method.kind !== 'serverStream' && method.kind !== 'bidirectional') {
      throw new ScenarioError(`${step.method} has no stream of replies`)
    }
    const stream = method.call(method.request.fromJson(names.fill(step.request ?? {})))
    this.#streams.set(names.fill(step.open), { stream, method })
  }

  async #watch(step, names) {
    const { client, as = '' } = callWords(step, names)
    const own = this.#clients.client(client)
    const request = WatchTransactionsRequest.fromJson(names.fill(step.request ?? {}))
    const stream = await (as === '' ? own : own.actingAs(as)).watch(request).begin()
    this.#streams.set(names.fill(step.watch), { stream, method: { response: Transaction } })
  }

  async #send(step, names) {
    const { stream, method } = this.#streams.get(names.fill(step.send))
    for (const message of names.fill(step.messages ?? [])) await stream.send(method.request.fromJson(message))
    if (step.finish === true) await stream.finish()
  }

  async #read(step, names) {
    const { stream, method } = this.#streams.get(names.fill(step.read))
    for (const [index, wanted] of names.fill(step.messages ?? []).entries()) {
      const { value, done } = await stream.next()
      if (done) throw new Mismatch(`the stream ended before message ${index + 1}`)
      expect(wanted, method.response.toJson(value), names, `message ${index + 1}`)
    }
    if ('error' in step || step.end === true || step.rest === true) {
      expect(expectedOutcome(step, names), await end(stream, step.rest === true), names, 'the end')
    }
  }

  async #close(step, names) {
    const name = names.fill(step.close)
    const { stream } = this.#streams.get(name)
    this.#streams.delete(name)
    await stream.close()
  }

  // Blocks.

  async #block(step, names) {
    if (ENDS.filter((word) => word in step).length > 1) throw new ScenarioError('a block has one end')
    const raised = 'raise' in step ? new Error(names.fill(step.raise)) : undefined
    const inside = async (begun) => {
      expect(names.fill(step.begun ?? {}), begun, names, 'begun')
      await this.#steps(step.steps ?? [], names)
    }
    let outcome
    try {
      outcome = { reply: await leaveBlock(this.#clients, names.fill(blockWords(step)), inside, raised) }
    } catch (error) {
      outcome = raised !== undefined && error === raised ? { raised: true } : failure(error)
    }
    expect(raised ? { raised: true } : expectedOutcome(step, names), outcome, names, 'the block')
  }

  // The daemon.

  async #server(step, names) {
    const what = step.server
    if (what === 'ended') expect(step.status, await this.#daemon.ended(), names, "the daemon's exit status")
    else if (what === 'kill' || what === 'stop' || what === 'start') await this.#daemon[what]()
    else throw new ScenarioError(`a server cannot ${what}`)
  }
}

/** What a block is made and settled by: not what is carried out inside, whose names are not known yet. */
function blockWords({ begun, steps, reply, error, ...words }) {
  return words
}

function callWords(step, names) {
  const given = CALL_WORDS.filter((word) => word in step)
  return names.fill(Object.fromEntries(given.map((word) => [word, step[word]])))
}

function expectedOutcome(step, names) {
  if (step.error !== undefined) return { error: { maybeApplied: false, ...names.fill(step.error) } }
  return { error: null, reply: names.fill(step.reply ?? {}) }
}

function failure(error) {
  if (error instanceof TallyError) return { error: errorToJson(error) }
  // The language's own for an argument that cannot be sent.
  if (error instanceof TypeError || error instanceof RangeError || error instanceof CodecError) {
    return { error: { code: 'INVALID_ARGUMENT', reason: '', message: error.message, maybeApplied: false } }
  }
  throw error
}

/** How a stream ended; a message that comes before its end is passed over or is what it ended with. */
async function end(stream, passesOver) {
  try {
    for (;;) {
      const { done } = await stream.next()
      if (done) return { reply: {} }
      if (!passesOver) return { error: { message: 'another message came' } }
    }
  } catch (error) {
    return failure(error)
  }
}

/** All results; when all have ended, the first failure is thrown. */
async function all(parts) {
  const results = await Promise.allSettled(parts)
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

/** Each outcome fits one of those expected, and of each there are as many as it says. */
function tally(expected, outcomes, names) {
  const wanted = expected.map((item) => expectedOutcome(item, names))
  const counts = expected.map(() => 0)
  for (const outcome of outcomes) {
    const fitting = [...wanted.keys()].filter((index) => fits(wanted[index], outcome))
    if (fitting.length !== 1) {
      throw new Mismatch(`an outcome fits ${fitting.length} of those expected: ${JSON.stringify(outcome)}`)
    }
    counts[fitting[0]] += 1
  }
  if (!expected.every((item, index) => item.count === counts[index])) {
    throw new Mismatch(`the outcomes came ${counts.join(', ')} times`)
  }
}
