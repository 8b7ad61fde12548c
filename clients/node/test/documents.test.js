// What the README and the examples print is what happens; and the package installs as its users expect.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { findBinary, useTally } from '../src/testing.js'
import { socketDirectory } from './fake.js'

const tally = useTally()
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const README = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8')
const EXAMPLES = [...README.matchAll(/^```js\n(.*?)^```$/gms)].map(([, text]) => text)
const [FIRST, RUNS, USING, BACK, TEST] = EXAMPLES

/** Runs a program to its end, and returns what it printed. */
function run(program, args, options = {}) {
  const { NODE_TEST_CONTEXT, ...environment } = process.env
  const env = { ...environment, TALLY_SOCKET: tally.server.socket, TALLY_BINARY: findBinary() }
  const done = spawnSync(program, args, { env, encoding: 'utf8', ...options })
  assert.equal(done.status, 0, `${NODE_TEST_CONTEXT ?? ''} ${done.error ?? ''} ${done.stdout} ${done.stderr}`)
  return done.stdout
}

/** Runs an example of the README, as a file of this package's directory would be. */
function runExample(text, node = process.execPath) {
  return run(node, ['--input-type=module', '--eval', text], { cwd: ROOT })
}

test('the README has the examples that are tested here', () => {
  assert.equal(EXAMPLES.length, 5)
})

test("the README's first example runs as printed", () => {
  assert.equal(runExample(FIRST), 'left: 0.75\n')
})

test("the README's run is charged", () => {
  assert.equal(runExample(RUNS), 'hello 12000n\n')
})

test("the README's purchase is reversed and reinstated", () => {
  assert.equal(runExample(BACK), 'left: 0.70 owed: 0.00\nleft: 0.00 owed: 0.30\nleft: 0.70 owed: 0.00\n')
})

// The newest Node, which scripts/test-node finds; or this one, when it is new enough.
const [major] = process.versions.node.split('.')
const newest = process.env.TALLY_NEWEST_NODE ?? (Number(major) >= 24 ? process.execPath : undefined)
if (newest !== undefined) {
  test("the README's `await using` ends what was left", () => {
    assert.equal(runExample(USING, newest), 'left: 750000n\n')
  })
}

test('the example charges, and buys when there is nothing', () => {
  const program = [path.join(ROOT, 'examples', 'charge.js'), 'u1']
  const first = run(process.execPath, program)
  assert.equal(first, 'only 0.00 dollars left: buying one\nu1 has 0.75 dollars left\n')
  assert.equal(run(process.execPath, program), 'u1 has 0.50 dollars left\n')
})

/** Runs npm, without a network: the machine's, or the one that scripts/test-node has found. */
function npm(args, cwd) {
  const quiet = ['--silent', '--offline', '--no-audit', '--no-fund', '--cache', path.join(cwd, '.npm')]
  const { TALLY_NPM } = process.env
  if (TALLY_NPM === undefined) return run('npm', [...args, ...quiet], { cwd })
  return run(newest, [TALLY_NPM, ...args, ...quiet], { cwd })
}

test('the tarball installs without a network, and its first example and its tests run', (t) => {
  const project = socketDirectory(t)
  const tarball = npm(['pack', ROOT], project).trim()
  const app = path.join(project, 'app')
  fs.mkdirSync(app)
  fs.writeFileSync(path.join(app, 'package.json'), '{ "private": true }')
  npm(['install', path.join(project, tarball)], app)
  const installed = path.join(app, 'node_modules', 'tallystick')
  const files = fs.readdirSync(installed).sort()
  assert.deepEqual(files, ['API.md', 'README.md', 'package.json', 'src'])
  fs.writeFileSync(path.join(app, 'first.mjs'), FIRST)
  assert.equal(run(process.execPath, ['first.mjs'], { cwd: app }), 'left: 0.75\n')
  fs.writeFileSync(path.join(app, 'charge.test.mjs'), TEST)
  const output = run(process.execPath, ['--test'], { cwd: app })
  assert.match(output, /pass 2/)
  assert.match(output, /fail 0/)
})

test('the directory installs as well', (t) => {
  const app = socketDirectory(t)
  fs.writeFileSync(path.join(app, 'package.json'), '{ "private": true }')
  npm(['install', ROOT], app)
  fs.writeFileSync(path.join(app, 'first.mjs'), FIRST)
  assert.equal(run(process.execPath, ['first.mjs'], { cwd: app }), 'left: 0.75\n')
})
