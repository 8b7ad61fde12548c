// The words of a ledger script, and how its values are spelled: proto/vectors/ledger/README.md.
//
// What the grammar does not know is an error, never passed over. Numbers and times are bigints.

const WORD = /(?:([^\s="]+)=)?("(?:[^"\\]|\\.)*"|\S*)(?:\s+|$)/y

const UNIT_MICROS = {
  us: 1n,
  ms: 1_000n,
  s: 1_000_000n,
  m: 60_000_000n,
  h: 3_600_000_000n,
  d: 86_400_000_000n,
}

/** The script is not as its grammar wants it. */
export class SpellingError extends Error {}

/** One line's words: what stands alone, in order, and what is named. */
export class Words {
  plain = []
  named = new Map()

  constructor(text) {
    const line = text.trim()
    for (let place = 0; place < line.length; place = WORD.lastIndex) {
      WORD.lastIndex = place
      const match = WORD.exec(line)
      if (match === null || match[0] === '') throw new SpellingError(`not understood: ${line.slice(place)}`)
      const [, name, written] = match
      const value = written.startsWith('"') ? JSON.parse(written) : written
      if (name === undefined) this.plain.push(value)
      else if (this.named.has(name)) throw new SpellingError(`${name} is given twice`)
      else this.named.set(name, value)
    }
  }

  next(what) {
    if (this.plain.length === 0) throw new SpellingError(`${what} is missing`)
    return this.plain.shift()
  }

  take(name) {
    const value = this.named.get(name)
    this.named.delete(name)
    return value
  }

  finish() {
    if (this.plain.length > 0 || this.named.size > 0) {
      throw new SpellingError(`not understood: ${[...this.plain, ...this.named.keys()].join(' ')}`)
    }
  }
}

export function number(text) {
  if (!/^[-+]?[0-9_]+$/.test(text)) throw new SpellingError(`not a number: ${text}`)
  return BigInt(text.replaceAll('_', '').replace('+', ''))
}

/** `15m` in microseconds. */
export function duration(text) {
  const [, count, unit] = /^([-+]?[0-9_]+)([a-z]+)$/.exec(text ?? '') ?? []
  const micros = UNIT_MICROS[unit]
  if (micros === undefined) throw new SpellingError(`not a duration: ${text}`)
  return number(count) * micros
}

const TIME = /^(\d{4}-\d{2})(-\d{2})?(?:T(\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?(Z|[-+]\d{2}:\d{2}))?$/

/** RFC 3339, a date or a month, or `+15m` and `-15m` from now; in microseconds since the epoch. */
export function time(text, now) {
  if (/^[-+]/.test(text)) return now + duration(text)
  const match = TIME.exec(text)
  if (match === null) throw new SpellingError(`not a time: ${text}`)
  const [, month, day = '-01', clock = '00:00:00', fraction = '', zone = 'Z'] = match
  const millis = Date.parse(`${month}${day}T${clock}${zone}`)
  return BigInt(millis) * 1_000n + BigInt(fraction.padEnd(6, '0'))
}

/** `3:500,7:20`: pairs of lot and amount. */
export function lots(text) {
  if (text === 'none') return []
  return text.split(',').map((part) => part.split(':').map(number))
}

/** `a:1,b:2`. */
export function metadata(text) {
  if (text === 'none') return {}
  return Object.fromEntries(text.split(',').map((part) => /^([^:]*):(.*)$/.exec(part).slice(1)))
}

function truth(text) {
  if (text !== 'true' && text !== 'false') throw new SpellingError(`neither true nor false: ${text}`)
  return text === 'true'
}

function expiry(text, now) {
  const [amount, at] = text.split('@')
  return [number(amount), time(at, now)]
}

/** What `text` stands for where a value of this kind is expected: as `ledger_fields.js` has it. */
export function spelled(kind, text, now) {
  const spellings = {
    number: () => number(text),
    text: () => (text === 'none' ? '' : text),
    time: () => (text === 'none' ? undefined : time(text, now)),
    lots: () => lots(text),
    metadata: () => metadata(text),
    truth: () => truth(text),
    texts: () => text.split(','),
    expiry: () => (text === 'none' ? undefined : expiry(text, now)),
  }
  return spellings[kind]()
}
