// What proto/vectors/scenarios says, but for its steps: the file, its values and its expectations.
//
// The format is specified in that folder's README. What it does not know is an error, never passed over.
import fs from 'node:fs'

const FILE = new URL('../../../../proto/vectors/scenarios/scenarios.json', import.meta.url)

/** What makes a text no Unicode. */
const HALF_OF_A_PAIR = '\ud800'
const REFERENCE = /\$\{(\w+)\}|\{([ni])\}/g

/** The scenario's text is not as the format wants it. */
export class ScenarioError extends Error {}

/** What came is not what the scenario expects. */
export class Mismatch extends Error {}

/** The document: `scenarios`, and `matches`, examples of what an expectation fits. */
export function readDocument() {
  const document = JSON.parse(fs.readFileSync(FILE, 'utf8'))
  if (document.format !== 1) throw new ScenarioError(`format ${document.format} is not known`)
  return document
}

/** What a text may refer to: values that were saved, and the counters of the turns around it. */
export class Names {
  constructor(saved = new Map(), counters = {}) {
    this.saved = saved
    this.counters = counters
  }

  counting(counter, turn) {
    return new Names(this.saved, { ...this.counters, [counter]: turn })
  }

  /** The value with every reference and `$times` in it carried out. */
  fill(value) {
    if (typeof value === 'string') return this.#refer(value)
    if (Array.isArray(value)) return value.flatMap((item) => this.#elements(item))
    if (value === null || typeof value !== 'object') return value
    if ('$times' in value) return this.#elements(value).join('')
    if ('$badText' in value) return this.fill(value.$badText) + HALF_OF_A_PAIR
    const members = Object.entries(value).map(([name, item]) => [this.#refer(name), this.fill(item)])
    return Object.fromEntries(members)
  }

  #refer(text) {
    return text.replace(REFERENCE, (reference, name, counter) => {
      const value = name === undefined ? this.counters[counter] : this.saved.get(name)
      if (value === undefined) throw new ScenarioError(`${reference} stands for nothing here`)
      return String(value)
    })
  }

  #elements(item) {
    if (item === null || typeof item !== 'object' || !('$times' in item)) return [this.fill(item)]
    const [count, repeated] = item.$times
    return Array.from({ length: count }, (_, index) => this.counting('i', index + 1).fill(repeated))
  }
}

/** Throws Mismatch unless `actual` is as `expected`, which is filled; saves what is to be saved. */
export function expect(expected, actual, names, what) {
  const found = new Map()
  const problem = problemOf(expected, actual, what, found)
  if (problem !== undefined) throw new Mismatch(problem)
  for (const [name, value] of found) names.saved.set(name, value)
}

export function fits(expected, actual) {
  return problemOf(expected, actual, '', new Map()) === undefined
}

/** Why `actual` is not as expected; undefined when it is. Values to be saved go to `found`. */
function problemOf(expected, actual, path, found) {
  if (Array.isArray(expected)) return problemOfList(expected, actual, path, found)
  if (expected !== null && typeof expected === 'object') {
    if (Object.keys(expected).some((name) => name.startsWith('$'))) {
      return problemOfOperators(expected, actual, path, found)
    }
    return problemOfMembers(expected, actual, path, found)
  }
  return isSame(expected, actual ?? null) ? undefined : `${path} is ${short(actual)}, not ${short(expected)}`
}

function isSame(expected, actual) {
  if (expected === null || expected === true) return actual === expected
  if (expected === false) return actual === false || actual === null
  // proto3 JSON leaves out what has its default.
  if (actual === null) return expected === 0 || expected === '0' || expected === ''
  // int64 is a text in proto3 JSON, int32 a number.
  return (typeof actual === 'string' || typeof actual === 'number') && String(expected) === String(actual)
}

function problemOfMembers(expected, actual, path, found) {
  const members = Object.entries(expected)
  const isObject = actual !== null && typeof actual === 'object' && !Array.isArray(actual)
  if (!isObject && (members.length > 0 || (actual ?? null) !== null)) {
    return `${path} is ${short(actual)}, no object`
  }
  for (const [name, value] of members) {
    const problem = problemOf(value, actual[name], `${path}.${name}`, found)
    if (problem !== undefined) return problem
  }
  return undefined
}

function problemOfList(expected, actual, path, found) {
  const list = actual ?? []
  if (!Array.isArray(list) || list.length !== expected.length) {
    return `${path} has ${list.length} elements, not ${expected.length}: ${short(list)}`
  }
  for (const [index, wanted] of expected.entries()) {
    const problem = problemOf(wanted, list[index], `${path}[${index}]`, found)
    if (problem !== undefined) return problem
  }
  return undefined
}

function problemOfOperators(expected, actual, path, found) {
  for (const [operator, operand] of Object.entries(expected)) {
    const holds = OPERATORS[operator]
    if (holds === undefined) throw new ScenarioError(`there is no operator ${operator}`)
    if (!holds(operand, actual ?? null, found)) {
      return `${path} is ${short(actual)}, but ${operator} says ${short(operand)}`
    }
  }
  return undefined
}

/** Each takes its operand, the value, and where to save. */
const OPERATORS = {
  $any: () => true,
  $save: (name, actual, found) => {
    if (actual === null || actual === '' || typeof actual === 'object') return false
    found.set(name, String(actual))
    return true
  },
  $pattern: (pattern, actual) => typeof actual === 'string' && new RegExp(pattern, 'u').test(actual),
  $min: (least, actual) => BigInt(actual ?? 0) >= BigInt(least),
  $max: (most, actual) => BigInt(actual ?? 0) <= BigInt(most),
  $count: (count, actual) => (actual ?? []).length === count,
  $has: (wanted, actual, found) =>
    wanted.every((one) => (actual ?? []).some((item) => fitsSaving(one, item, found))),
  $not: (unwanted, actual) => !fits(unwanted, actual),
}

function fitsSaving(wanted, item, found) {
  const saved = new Map()
  if (problemOf(wanted, item, '', saved) !== undefined) return false
  for (const [name, value] of saved) found.set(name, value)
  return true
}

function short(value) {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= 2_000 ? text : `${text.slice(0, 2_000)}... (${text.length} characters)`
}
