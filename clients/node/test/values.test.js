// Amounts, times and the base of all errors.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { dollars, formatDollars } from '../src/money.js'
import { Code, TallyError } from '../src/status.js'
import { toDate, toMicros } from '../src/times.js'

test('dollars are exact', () => {
  const cases = [
    ['0.25', 250_000n],
    ['1', 1_000_000n],
    ['+1.50', 1_500_000n],
    ['-0.000001', -1n],
    ['0.1000000000', 100_000n],
    ['9223372036854.775807', 2n ** 63n - 1n],
    ['-9223372036854.775808', -(2n ** 63n)],
    [3n, 3_000_000n],
  ]
  for (const [amount, micros] of cases) assert.equal(dollars(amount), micros, String(amount))
})

test('what is no exact amount of dollars is refused', () => {
  assert.throws(() => dollars(0.25), { name: 'TypeError', message: /not a number/ })
  assert.throws(() => dollars(null), TypeError)
  for (const text of ['', '.5', '1.', '1e3', ' 1', '1 ', '0x1', '1,5', 'NaN', '1_000', '٣']) {
    assert.throws(() => dollars(text), { name: 'RangeError', message: /not an amount/ }, text)
  }
  assert.throws(() => dollars('0.0000001'), { name: 'RangeError', message: /six decimals/ })
  for (const large of ['9223372036854.775808', '-9223372036854.775809', 10n ** 13n]) {
    assert.throws(() => dollars(large), { name: 'RangeError', message: /out of range/ })
  }
})

test('an amount of dollars is what every client and the program make of it', () => {
  const file = new URL('../../../proto/vectors/amounts.txt', import.meta.url)
  const lines = readFileSync(file, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.ok(lines.length > 30)
  for (const line of lines) {
    const cut = line.lastIndexOf(' ')
    const [text, result] = [JSON.parse(line.slice(0, cut)), line.slice(cut + 1)]
    if (result === 'refused') assert.throws(() => dollars(text), RangeError, line)
    else assert.equal(dollars(text), BigInt(result), line)
  }
})

test('amounts are written as dollars and read back', () => {
  const cases = [
    [250_000n, '0.25'],
    [0n, '0.00'],
    [-1n, '-0.000001'],
    [1_000_000n, '1.00'],
    [1_234_560n, '1.23456'],
    [2n ** 63n - 1n, '9223372036854.775807'],
  ]
  for (const [micros, text] of cases) {
    assert.equal(formatDollars(micros), text)
    assert.equal(dollars(text), micros)
  }
  assert.throws(() => formatDollars(1), TypeError)
})

test('times are microseconds or Dates', () => {
  const date = new Date('2026-11-24T12:00:00.123Z')
  assert.equal(toMicros(date), 1_795_521_600_123_000n)
  assert.equal(toMicros(5n), 5n)
  assert.deepEqual(toDate(1_795_521_600_123_999n), date)
  assert.equal(toDate(-1n).getTime(), -1)
  assert.throws(() => toMicros(1), TypeError)
  assert.throws(() => toMicros(new Date(Number.NaN)), TypeError)
  assert.throws(() => toDate(2n ** 63n - 1n), RangeError)
  assert.throws(() => toDate(1), TypeError)
})

test('an error says what it is', () => {
  class Short extends TallyError {
    get requiredMicros() {
      return this._number('required_micros')
    }
    get field() {
      return this._text('field')
    }
  }
  const error = new Short(Code.FAILED_PRECONDITION, 'too little', 'SHORT', { required_micros: '5' })
  assert.ok(error instanceof Error)
  assert.equal(error.name, 'Short')
  assert.equal(error.requiredMicros, 5n)
  assert.equal(error.maybeApplied, false)
  assert.equal(String(error), 'Short: SHORT: too little required_micros=5')
  assert.throws(() => error.field, { name: 'TypeError', message: 'the server sent no field' })
  assert.equal(String(new TallyError(Code.UNAVAILABLE, 'no')), 'TallyError: UNAVAILABLE: no')
  assert.match(new TallyError(Code.UNAVAILABLE, 'no').stack, /TallyError: no|Error: no/)
})
