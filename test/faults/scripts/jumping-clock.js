// @ts-check
/**
 * Loaded before a program (`node --import`): its wall clock is off by as many ms as the file named by JUMPING_CLOCK
 * says, from the moment on that it says so. The monotonic clock goes on, as it does when somebody sets the machine's
 * time.
 */
import { readFileSync } from 'node:fs';

const file = process.env['JUMPING_CLOCK'] ?? '';
const RealDate = Date;

const now = () => RealDate.now() + Number(readFileSync(file, 'utf8'));

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
