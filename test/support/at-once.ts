/** Turns at a register of item keys that nobody else keeps. */
import type { Turn } from '../../src/state/shared/key-register.js';

export const atOnce: Turn = (action) => Promise.resolve(action());
