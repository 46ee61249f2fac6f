import { readFileSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import { Session } from './src/mysql/session.js';
const sig = AbortSignal.timeout(60000);
for (const s of JSON.parse(readFileSync('/tmp/a1/servers.json','utf8'))) {
  const c = await createConnection({host:s.host,port:s.port,user:s.user,password:s.password});
  await c.query('CREATE DATABASE IF NOT EXISTS tst');
  await c.query("DROP USER IF EXISTS 'plain'@'127.0.0.1'").catch(()=>c.query("DROP USER 'plain'@'127.0.0.1'").catch(()=>{}));
  await c.query("CREATE USER 'plain'@'127.0.0.1' IDENTIFIED BY 'pw12345'");
  await c.query("GRANT SELECT ON tst.* TO 'plain'@'127.0.0.1'");
  await c.end();
  for (const u of [{}, {user:'plain',password:'pw12345'}]) {
    try {
    const t=performance.now();
    const x = await Session.open({ id:'s01', ...s, ...u, database:'tst', tls:{mode:'off',ca:null,profile:null}, replicas:[] } as never, {answerSeconds: 60}, sig);
    console.log(s.name, u.user ?? 'root', 'ok', (performance.now()-t).toFixed(1), await x.rows('SELECT 1, @@sql_mode', sig), await x.rows('SELECT 1 FROM information_schema.TABLES WHERE TABLE_NAME = \'nix\'', sig));
    x.destroy();
    } catch (e) { console.log(s.name, u.user ?? 'root', (e as Error).message, (e as any).cause); }
  }
}
