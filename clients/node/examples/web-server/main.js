/**
 * Serves the example on a port, with a model of its own: node examples/web-server/main.js [port]
 *
 *     curl -d '{"userId":"u1","prompt":"hello world"}' localhost:3000/generate
 *     curl localhost:3000/stats/u1
 */

import { Client } from 'tallystick'

import { createModel } from './model.js'
import { createServer } from './server.js'

const port = Number(process.argv[2] ?? 3000)
const tally = new Client()
const model = createModel().listen(0, '127.0.0.1', () => {
  const modelUrl = `http://127.0.0.1:${model.address().port}/`
  const server = createServer({ tally, modelUrl, log: console.log })
  server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
})
