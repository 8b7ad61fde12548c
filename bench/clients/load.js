// A load generator that uses the Node client: one connection, several calls in flight, and a line of JSON.
//
// Takes the arguments of the C load generator (bench/CTallyLoadGenerator) that make sense here, checks every
// reply as it does, and prints the same report.
import { parseArgs } from 'node:util';
import { Client } from '../../clients/node/src/index.js';
import { Conformance } from '../../clients/node/src/generated/services/conformance.js';

const PAYLOAD = new Uint8Array(64).fill(120);

const { values: options } = parseArgs({
  options: {
    target: { type: 'string', default: 'ttrpc' },
    workload: { type: 'string' },
    socket: { type: 'string' },
    connections: { type: 'string', default: '1' },
    depth: { type: 'string', default: '1' },
    accounts: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '1' },
  },
});
if (options.target !== 'ttrpc' || options.connections !== '1') {
  throw new Error('this client is measured on one ttrpc connection');
}
const accounts = Number(options.accounts);
const seconds = Number(options.seconds);

function random(limit) {
  return Math.floor(Math.random() * limit);
}

const workloads = {
  echo: (client) => {
    const service = new Conformance(client.caller);
    return async () => {
      const number = BigInt(random(2 ** 30) + 1);
      const reply = await service.echo({ number, body: PAYLOAD });
      return reply.number === number && reply.body.length === PAYLOAD.length;
    };
  },
  consume: (client) => async () => {
    const userId = `user-${String(random(accounts)).padStart(6, '0')}`;
    const amountMicros = BigInt(random(99) + 1);
    const reply = await client.credits.consume({ userId, amountMicros });
    return reply.transaction.amountMicros === -amountMicros && !reply.replayed;
  },
};

const client = new Client({ socket: options.socket });
const call = workloads[options.workload](client);
const begin = performance.now() + 1000 * Number(options.warmup);
const end = begin + 1000 * seconds;
const latencies = [];
const errors = {};

async function work() {
  for (let started = performance.now(); started < end; started = performance.now()) {
    let kind = 'a reply that does not match';
    try {
      if (await call()) kind = '';
    } catch (error) {
      kind = error.name;
    }
    const ended = performance.now();
    if (kind !== '') errors[kind] = (errors[kind] ?? 0) + 1;
    else if (started >= begin && ended <= end) latencies.push(1000 * (ended - started));
  }
}

await Promise.all(Array.from({ length: Number(options.depth) }, work));
await client.close();

latencies.sort((a, b) => a - b);
const micros = (part) => latencies[Math.min(Math.floor(part * latencies.length), latencies.length - 1)];
const figures = {
  operations: latencies.length,
  seconds,
  per_second: latencies.length / seconds,
  errors: Object.values(errors).reduce((sum, count) => sum + count, 0),
};
if (latencies.length > 0) {
  Object.assign(figures, { p50_micros: micros(0.5), p99_micros: micros(0.99), max_micros: micros(1) });
}
console.log(JSON.stringify({ ...figures, error_kinds: errors }));
