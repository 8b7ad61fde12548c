// The form of every file that is written by hand.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const MOST_LINES = 500
const MOST_COLUMNS = 110
const MOST_FUNCTION_LINES = 70
/** Opens a function, a method or a test by name, or a function that is given a name. */
const FUNCTION =
  /^( *)(export |static |async |get |set )*(function\b|test\(|\*?#?[\w$]+\(.*\) \{$|const \w+ = .*=> \{$)/
const STATEMENT = /^ *(if|for|while|switch|catch) ?\(/
const ELSEWHERE = new Set(['generated'])
const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The files below a folder, with their lines. */
function* files(folder) {
  for (const entry of fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true })) {
    const name = path.join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!ELSEWHERE.has(entry.name)) yield* files(name)
    } else if (/\.(js|ts)$/.test(entry.name)) {
      yield { name, lines: fs.readFileSync(path.join(ROOT, name), 'utf8').split('\n') }
    }
  }
}

const all = ['src', 'test', 'examples'].flatMap((folder) => [...files(folder)])

test('files and lines are of a length that is read at once', () => {
  assert.ok(all.length > 40)
  for (const { name, lines } of all) {
    assert.ok(lines.length <= MOST_LINES, `${name} has ${lines.length} lines`)
    lines.forEach((line, index) => {
      assert.ok([...line].length <= MOST_COLUMNS, `${name}:${index + 1} has ${[...line].length} columns`)
      assert.ok(!/\s$/.test(line), `${name}:${index + 1} ends in space`)
    })
  }
})

test('functions are of a length that is read at once', () => {
  let found = 0
  for (const { name, lines } of all) {
    lines.forEach((line, index) => {
      const indent = FUNCTION.exec(line)?.[1]
      if (indent === undefined || !line.endsWith('{') || STATEMENT.test(line)) return
      found += 1
      const length = 1 + lines.slice(index).findIndex((later) => later.startsWith(`${indent}}`))
      assert.ok(length <= MOST_FUNCTION_LINES, `${name}:${index + 1} opens a function of ${length} lines`)
    })
  }
  assert.ok(found > 400, `${found} functions`)
})

test('every file opens with what it is for, unless it only hands names on', () => {
  for (const { name, lines } of all) {
    if (/\.d\.ts$/.test(name)) continue
    assert.ok(/^(\/\*\*|\/\/ )/.test(lines[0]), name)
  }
})

test('no statement ends in a semicolon', () => {
  for (const { name, lines } of all) {
    lines.forEach((line, index) => assert.ok(!/;$/.test(line), `${name}:${index + 1}`))
  }
})
