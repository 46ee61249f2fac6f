import { expect, test } from 'vitest';
import { holdersIn } from '../../../src/state/lock-holder.js';

const LOCKS = `1: POSIX  ADVISORY  WRITE 29466 fe:00:2351874 0 EOF
1: -> POSIX  ADVISORY  WRITE 31 fe:00:2351874 0 EOF
2: POSIX  ADVISORY  WRITE 29466 fe:00:2351874 1073741826 1073742335
3: POSIX  ADVISORY  READ 12 fe:00:2351874 0 EOF
4: FLOCK  ADVISORY  WRITE 13 08:01:2351874 0 EOF
6: POSIX  ADVISORY  WRITE 40 fe:00:9 120 120
7: POSIX  ADVISORY  WRITE 41 fe:00:9 121 121
5: OFDLCK ADVISORY  WRITE -1 fe:00:77 0 EOF
`;

test('who holds a write lock is named once; who waits, reads, or has another file of that number is not', () => {
  expect(holdersIn(LOCKS, 'fe:00:2351874')).toEqual([29_466]);
  expect(holdersIn(LOCKS, '08:01:2351874')).toEqual([13]);
  expect(holdersIn(LOCKS, 'fe:00:77')).toEqual([]);
  expect(holdersIn(LOCKS, 'fe:00:9', 120)).toEqual([40]);
  expect(holdersIn(LOCKS, 'fe:00:2351874', 120)).toEqual([29_466]);
  expect(holdersIn('', 'fe:00:77')).toEqual([]);
});
