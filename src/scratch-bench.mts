import { connectTarget } from './dynamodb/client.js';
import { openItemWriter } from './dynamodb/writer.js';
import { TokenBucket } from './dynamodb/budget.js';
import { EventBus } from './core/events.js';
const never = new AbortController().signal;
const connection = await connectTarget({region:'us-east-1', endpoint: 'http://127.0.0.1:33999', table:'t'});
const bus = new EventBus();
bus.on('batch.acknowledged', () => undefined);
const w = openItemWriter({connection, shard:'s1', table:'t', keyNames:{partitionKey:'pk', sortKey:'sk'}, requestsInFlight: Number(process.env.RIF ?? 16), patienceSeconds: 10, emitter: bus, budget: new TokenBucket(1e7), onSuspects: ()=>{}});
const N = Number(process.argv[2] ?? 500000), CH = 1000;
let made = 0;
function chunk(): any[] {
  const out = [];
  for (let i = 0; i < CH; i++) {
    const n = made++;
    const acc = (n * 7919) % 500; const uniq = n % 2 === 1;
    const pk = uniq ? `MSG#${n}` : `ACCT#${acc}`;
    const partition = `{"S":"${pk}"}`;
    const sk = `2024-01-01T00:00:00.000000Z#SM${n}`;
    const keyText = `{"pk":${partition},"sk":{"S":"${sk}"}}`;
    out.push({text: `{"body":{"S":"hello world this is a message body with some text in it for measuring, number ${n}"},"created":{"S":"2024-01-01T00:00:00Z"},"direction":{"S":"outbound"},"from":{"S":"+15551234567"},"pk":${partition},"price":{"N":"0.0075"},"sk":{"S":"${sk}"},"status":{"S":"delivered"},"to":{"S":"+15557654321"}}`, keyText, partition, bytes: 300, expiresAt: null, row: []});
  }
  return out;
}
const c0 = process.cpuUsage(); const t0 = performance.now();
async function lane(count: number) { for (let i = 0; i < count; i++) { await w.ready(never); await w.write(chunk()); } }
await Promise.all(Array.from({length:8}, () => lane(N / CH / 8)));
const c = process.cpuUsage(c0); const cpu = (c.user + c.system) / 1e6;
console.log({items: made, seconds: ((performance.now()-t0)/1000).toFixed(2), cpu: cpu.toFixed(2), perCpuSecond: Math.round(made / cpu), rss: Math.round(process.memoryUsage().rss/1e6)});
const c1 = process.cpuUsage(); const m = made; for (let i = 0; i < N / CH; i++) chunk(); const d = process.cpuUsage(c1); console.log('generation alone cpu', (d.user+d.system)/1e6);
await w.close(); connection.close();
