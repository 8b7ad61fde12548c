/**
 * A model that needs no key: it says the prompt backwards. A word is a token; a prompt of `fail` fails, and
 * one that begins with `slow` takes until its caller has gone.
 */

import http from 'node:http'

/** @returns {http.Server} a server whose `POST /` takes `{ prompt }` */
export function createModel() {
  return http.createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    const { prompt } = JSON.parse(body)
    if (prompt.startsWith('slow')) return
    const words = prompt.split(/\s+/)
    response.statusCode = prompt === 'fail' ? 500 : 200
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        text: words.reverse().join(' '),
        inputTokens: words.length,
        outputTokens: words.length,
      }),
    )
  })
}
