/** Takes turns at a key register that nobody else locks. */
import type { Turn } from '../../src/state/shared/key-register.js';

export const atOnce: Turn = (action) => Promise.resolve(action());
