// The declarations, as Debian's TypeScript reads them: they are sound by themselves, and types.ts, which uses
// them, has an error exactly where it says so.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const OPTIONS = '--strict --exactOptionalPropertyTypes --noEmit --target es2020 --module es2020'.split(' ')
const LIBRARIES = '--moduleResolution node --lib es2020,dom'.split(' ')

/** @param {string[]} files */
function compile(files) {
  const { stdout, error } = spawnSync('tsc', [...OPTIONS, ...LIBRARIES, ...files], { encoding: 'utf8' })
  assert.equal(error, undefined)
  return stdout
}

/** @param {string} folder */
function declarations(folder) {
  const root = fileURLToPath(new URL(folder, import.meta.url))
  const found = readdirSync(root, { recursive: true }).map((path) => `${root}${path}`)
  return found.filter((path) => path.endsWith('.d.ts'))
}

test('the declarations are sound', () => {
  const files = [...declarations('../src/'), ...declarations('generated/')]
  assert.ok(files.length > 20)
  assert.equal(compile(files), '')
})

test('messages and calls have the types that their users expect', () => {
  const files = ['types.ts', 'client-types.ts'].map((name) => fileURLToPath(new URL(name, import.meta.url)))
  assert.equal(compile(files), '')
})

test('the sources agree with their declarations', () => {
  const project = fileURLToPath(new URL('tsconfig.json', import.meta.url))
  const { stdout, error } = spawnSync('tsc', ['--project', project], { encoding: 'utf8' })
  assert.equal(error, undefined)
  assert.equal(stdout, '')
})
