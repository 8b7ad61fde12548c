// A scenario's `block`: a run or a hold that ends with its block, by the client's own block form.
import * as messages from '../../src/messages.js'
import { ScenarioError } from './file.js'

const SETTLES = ['finish', 'capture', 'release']
export const ENDS = ['raise', 'reply', 'error']
export const BLOCK_WORDS = ['client', 'request', 'begun', 'steps', ...SETTLES, ...ENDS]

const KINDS = {
  run: {
    open: (client, request, work) => client.withRun(request, work),
    request: messages.BeginRunRequest,
    response: messages.BeginRunResponse,
    settles: {
      finish: async (run, result) =>
        messages.FinishRunResponse.toJson(await run.finish(given(messages.FinishRunRequest, result))),
    },
  },
  hold: {
    open: (client, request, work) => client.withHold(request, work),
    request: messages.ReserveRequest,
    response: messages.ReserveResponse,
    settles: {
      capture: async (hold, result) => {
        const { amountMicros, ...more } = given(messages.CaptureRequest, result)
        return messages.CaptureResponse.toJson(await hold.capture(amountMicros, more))
      },
      release: async (hold) => messages.ReleaseResponse.toJson(await hold.release()),
    },
  },
}

/**
 * Opens a block and leaves it: resolves to the reply of what settled it, rejects with what left it.
 *
 * `words` are the step's, `inside` takes the reply to the block's beginning, `raised` is what is thrown last.
 */
export async function leaveBlock(clients, words, inside, raised) {
  const kind = KINDS[words.block]
  if (kind === undefined) throw new ScenarioError(`there is no block of a ${words.block}`)
  const named = SETTLES.filter((word) => word in words)
  if (named.length > 1 || named.some((word) => !(word in kind.settles))) {
    throw new ScenarioError(`the block of a ${words.block} has no ${named.join(' and ')}`)
  }
  const request = given(kind.request, words.request ?? {})
  return await kind.open(clients.client(words.client), request, async (begun) => {
    await inside(kind.response.toJson(begun.begun))
    let reply
    for (const word of named) reply = await kind.settles[word](begun, words[word])
    if (raised !== undefined) throw raised
    return reply
  })
}

/** The members that a message in proto3 JSON names, and not those that decoding would add. */
function given(codec, value) {
  const message = codec.fromJson(value)
  return Object.fromEntries(Object.keys(value).map((name) => [name, message[name]]))
}
