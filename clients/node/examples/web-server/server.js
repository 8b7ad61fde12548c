/**
 * A web server that sells generations against prepaid credit.
 *
 * `POST /generate` with `{ userId, prompt }` begins a run, calls the model, and finishes the run with what it
 * took. `Idempotency-Key` names the run, so that a repeated request is charged once.
 * `GET /stats/<user>` is the user's dashboard.
 *
 * 1. The estimate is held before the model is called: two requests at once cannot spend the same credit.
 * 2. A run ends whatever happens: finished, failed when the model does, cancelled when the browser goes away.
 */

import http from 'node:http'

import {
  formatDollars,
  InsufficientCredits,
  InvalidField,
  newKey,
  QuotaExceeded,
  RateLimited,
  RunConflict,
  Unavailable,
} from 'tallystick'
import { GetStatsResponse } from 'tallystick/messages'

const MODEL = 'reverser-1'
/** What a token costs, and the most that a generation may cost. */
const MICROS_PER_TOKEN = 100n
const ESTIMATE_MICROS = 50_000n
/** The most that is read of a request's body. */
const LONGEST_BODY_BYTES = 64 << 10
const STATS_DAYS = 7
/** What nginx logs when the client has closed the request; nobody is there to receive it. */
const CLIENT_CLOSED_REQUEST = 499

/** The model did not do its work. */
class ModelFailed extends Error {}

/** The request cannot be understood. */
class BadRequest extends Error {}

/**
 * @param {{ tally: import('tallystick').Client, modelUrl: string, log?: (line: string) => void }} options
 * @returns {http.Server}
 */
export function createServer({ tally, modelUrl, log = () => undefined }) {
  return http.createServer(async (request, response) => {
    const { status, headers, body } = await answer(tally, modelUrl, request, response)
    log(`${request.method} ${request.url} ${status}`)
    if (response.destroyed) return
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  })
}

async function answer(tally, modelUrl, request, response) {
  try {
    const { pathname } = new URL(request.url, 'http://localhost')
    if (request.method === 'POST' && pathname === '/generate') {
      return { status: 200, body: await generate(tally, modelUrl, request, response) }
    }
    const user = /^\/stats\/([^/]+)$/.exec(pathname)
    if (request.method === 'GET' && user !== null) {
      return { status: 200, body: await stats(tally, decodeURIComponent(user[1])) }
    }
    return { status: 404, body: { error: 'NOT_FOUND' } }
  } catch (error) {
    if (response.destroyed) return { status: CLIENT_CLOSED_REQUEST, body: {} }
    return refusal(error)
  }
}

async function generate(tally, modelUrl, request, response) {
  const { userId, prompt } = await readJson(request)
  if (typeof userId !== 'string' || typeof prompt !== 'string') {
    throw new BadRequest('userId and prompt are texts')
  }
  const gone = new AbortController()
  response.once('close', () => gone.abort(new Error('the browser has gone')))
  const run = {
    userId,
    runId: request.headers['idempotency-key'] ?? newKey(),
    model: MODEL,
    type: 'text',
    estimateMicros: ESTIMATE_MICROS,
  }
  // What acts for a user can touch that user's rows only. Where `await using` is syntax:
  //   await using begun = await tally.actingAs(userId).run(run)
  return await tally.actingAs(userId).withRun(run, async (begun) => {
    let reply
    try {
      reply = await callModel(modelUrl, prompt, gone.signal)
    } catch (error) {
      if (gone.signal.aborted) await begun.cancel()
      throw error
    }
    const inputTokens = BigInt(reply.inputTokens)
    const outputTokens = BigInt(reply.outputTokens)
    const costMicros = (inputTokens + outputTokens) * MICROS_PER_TOKEN
    const ended = await begun.finish({ inputTokens, outputTokens, costMicros })
    return {
      runId: begun.runId,
      text: reply.text,
      cost: formatDollars(costMicros),
      left: formatDollars(ended.balance.availableMicros),
    }
  })
}

async function callModel(modelUrl, prompt, signal) {
  const reply = await fetch(modelUrl, { method: 'POST', body: JSON.stringify({ prompt }), signal })
  if (!reply.ok) throw new ModelFailed(`the model answered ${reply.status}`)
  return await reply.json()
}

async function stats(tally, userId) {
  return GetStatsResponse.toJson(await tally.actingAs(userId).usage.getStats({ userId, days: STATS_DAYS }))
}

/** What an error is in HTTP. */
function refusal(error) {
  if (error instanceof InsufficientCredits) {
    const required = formatDollars(error.requiredMicros)
    const available = formatDollars(error.availableMicros)
    return { status: 402, body: { error: error.reason, required, available } }
  }
  if (error instanceof RateLimited) return later(429, error, Number(error.retryAfterMillis) / 1000)
  if (error instanceof QuotaExceeded) {
    return later(429, error, Number(error.resetsAtMicros) / 1e6 - Date.now() / 1000)
  }
  if (error instanceof RunConflict) return { status: 409, body: { error: error.reason } }
  if (error instanceof Unavailable) return later(503, error, 1)
  if (error instanceof InvalidField) return { status: 400, body: { error: error.reason, field: error.field } }
  if (error instanceof BadRequest) return { status: 400, body: { error: error.message } }
  if (error instanceof ModelFailed) return { status: 502, body: { error: error.message } }
  console.error(error)
  return { status: 500, body: { error: 'INTERNAL' } }
}

function later(status, error, seconds) {
  const headers = { 'retry-after': String(Math.max(1, Math.ceil(seconds))) }
  return { status, headers, body: { error: error.reason || 'UNAVAILABLE' } }
}

async function readJson(request) {
  let body = ''
  for await (const piece of request.setEncoding('utf8')) {
    body += piece
    if (body.length > LONGEST_BODY_BYTES) throw new BadRequest('the body is too long')
  }
  try {
    return JSON.parse(body) ?? {}
  } catch {
    throw new BadRequest('the body is no JSON')
  }
}
