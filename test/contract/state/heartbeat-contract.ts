/** Every HeartbeatStore accepts one heartbeat after the other. */
import { describe, test } from 'vitest';
import { sampleHeartbeat } from '../state-store-samples.js';
import { type NewPlace } from './place.js';

export function heartbeatContract(newPlace: NewPlace): void {
  describe('heartbeat', () => {
    test('the state store accepts a second heartbeat after the first', async () => {
      await using place = await newPlace();
      const store = place.open();
      store.heartbeat.beat(sampleHeartbeat());
      store.heartbeat.beat(sampleHeartbeat({ at: 1_763_847_001_123 }));
      store.close();
    });
  });
}
