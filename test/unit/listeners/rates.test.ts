import { describe, expect, test } from 'vitest';
import { etaSeconds, RateWindow } from '../../../src/listeners/rates.js';

function rateAt(): { readonly rate: RateWindow; at: (ms: number) => RateWindow } {
  let now = 0;
  const rate = new RateWindow(10_000, () => now);
  return {
    rate,
    at(ms) {
      now = ms;
      return rate;
    },
  };
}

describe('RateWindow', () => {
  test('is 0 before anything came', () => {
    expect(rateAt().rate.perSecond()).toBe(0);
  });

  test('is right for a steady flow, from its first seconds on', () => {
    const { at } = rateAt();
    for (let ms = 0; ms < 60_000; ms += 100) {
      at(ms).add(5);
      if (ms >= 2000) {
        expect(at(ms).perSecond()).toBeGreaterThan(45);
        expect(at(ms).perSecond()).toBeLessThan(55);
      }
    }
  });

  test('does not shoot up at the first chunk', () => {
    const { at } = rateAt();
    at(5).add(5000);
    expect(at(6).perSecond()).toBe(5000);
  });

  test('falls to 0 once nothing comes for a window', () => {
    const { at } = rateAt();
    at(0).add(1000);
    expect(at(5000).perSecond()).toBe(200);
    expect(at(9000).perSecond()).toBeGreaterThan(0);
    expect(at(11_000).perSecond()).toBe(0);
  });

  test('follows a change of pace within a window', () => {
    const { at } = rateAt();
    for (let ms = 0; ms < 20_000; ms += 100) at(ms).add(100);
    for (let ms = 20_000; ms < 31_000; ms += 100) at(ms).add(10);
    expect(at(31_000).perSecond()).toBeLessThan(110);
  });
});

test('etaSeconds', () => {
  expect(etaSeconds(1000, 10)).toBe(100);
  expect(etaSeconds(0, 0)).toBe(0);
  expect(etaSeconds(-5, 10)).toBe(0);
  expect(etaSeconds(1000, 0)).toBeNull();
});
