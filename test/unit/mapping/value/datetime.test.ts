import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyIso, epochSeconds, epochText, epochTime, isoText } from '../../../../src/mapping/value/datetime.js';
import { plainIso, plainSeconds } from '../plain-datetime.js';
import { amid, bufferWithRoom, NEIGHBOURS, writtenIn } from '../placed.js';
import { holds } from '../seeded.js';

describe('isoText', () => {
  it.each([
    ['2026-01-02', '2026-01-02'],
    ['2026-01-02 03:04:05', '2026-01-02T03:04:05Z'],
    ['2026-01-02 03:04:05.678', '2026-01-02T03:04:05.678Z'],
    ['2026-01-02 03:04:05.000001', '2026-01-02T03:04:05.000001Z'],
    ['2024-02-29 23:59:59', '2024-02-29T23:59:59Z'],
    ['2000-02-29', '2000-02-29'],
    ['0001-01-01', '0001-01-01'],
    ['9999-12-31 23:59:59.999999', '9999-12-31T23:59:59.999999Z'],
  ])('isoText of %s is %s', (text, expected) => {
    expect(isoText(text)).toBe(expected);
  });

  it.each([
    '0000-00-00',
    '0000-00-00 00:00:00',
    '2026-00-10',
    '2026-10-00',
    '2026-13-01',
    '2026-02-30',
    '2026-04-31',
    '2023-02-29',
    '1900-02-29',
    '2026-01-32',
    '',
    'yesterday',
    '2026-01-02T03:04:05Z',
    '2026-01-02 03:04',
    '12026-01-02',
  ])('isoText and epochTime refuse %j, which is no time of the calendar', (text) => {
    expect(isoText(text)).toBeNull();
    expect(epochTime(text)).toBeNull();
  });
});

describe('epochTime and epochText', () => {
  it.each([
    ['1970-01-01 00:00:00', '0', '0', '0'],
    ['1970-01-01', '0', '0', '0'],
    ['2001-09-09 01:46:40', '1000000000', '1000000000000', '1000000000000000'],
    ['2024-02-29 00:00:00', '1709164800', '1709164800000', '1709164800000000'],
    ['2026-01-02 03:04:05.678901', '1767323045.678901', '1767323045678.901', '1767323045678901'],
    ['2026-01-02 03:04:05.5', '1767323045.5', '1767323045500', '1767323045500000'],
    ['1970-01-01 00:00:00.000001', '0.000001', '0.001', '1'],
    ['1969-12-31 23:59:59', '-1', '-1000', '-1000000'],
    ['1969-12-31 23:59:59.5', '-0.5', '-500', '-500000'],
    ['1969-12-31 23:59:58.999999', '-1.000001', '-1000.001', '-1000001'],
    ['0001-01-01', '-62135596800', '-62135596800000', '-62135596800000000'],
    ['0099-12-31 23:59:59', '-59011459201', '-59011459201000', '-59011459201000000'],
    ['9999-12-31 23:59:59.999999', '253402300799.999999', '253402300799999.999', '253402300799999999'],
  ])('epochText of %s is %s s, %s ms, %s us', (text, seconds, milliseconds, microseconds) => {
    const time = epochTime(text);
    if (time === null) throw new Error('a time was expected');
    expect([epochText(time, 0), epochText(time, 3), epochText(time, 6)]).toEqual([seconds, milliseconds, microseconds]);
  });

  it('epochTime agrees with Date for every millisecond of the years 0001 to 9999', () => {
    const times = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    holds(1_000, times, (date) => {
      const text = date.toISOString().replace('T', ' ').replace('Z', '');
      const time = epochTime(text);
      expect(time).toEqual({
        seconds: Math.floor(date.getTime() / 1000),
        microseconds: date.getUTCMilliseconds() * 1000,
      });
      expect(time === null ? '' : epochText(time, 3)).toBe(String(date.getTime()));
    });
  });
});

describe('copyIso and epochSeconds', () => {
  /** As another way has it, whatever stands around the cell and however near the buffer's end is. */
  const agrees = (cell: string | Buffer, neighbour = '9', room = 0): void => {
    const { source, from, to } = amid(cell, neighbour);
    const text = source.toString('latin1', from, to);
    const out = bufferWithRoom(room);
    const written = copyIso(source, from, to, out);
    if (!written) expect(out.at, text).toBe(out.start);
    expect(written ? writtenIn(out) : null, text).toBe(plainIso(text));
    expect(epochSeconds(source, from, to), text).toBe(plainSeconds(text));
  };

  it('copyIso and epochSeconds agree with their twins at every length, and at every byte in every place', () => {
    const longest = '2024-02-29 23:59:59.123456';
    for (let length = 0; length <= longest.length; length += 1) {
      for (const neighbour of NEIGHBOURS) agrees(longest.slice(0, length), neighbour);
    }
    agrees(`${longest}7`);
    for (let place = 0; place < longest.length; place += 1) {
      for (let byte = 0; byte < 0x100; byte += 1) {
        const cell = Buffer.from(longest);
        cell[place] = byte;
        agrees(cell);
      }
    }
  });

  it('copyIso and epochSeconds agree with their twins on every day of a year, and on days that no year has', () => {
    const years = fc.oneof(
      fc.constantFrom(0, 1, 4, 99, 100, 400, 1582, 1900, 1969, 1970, 2000, 2024, 2100, 9999),
      fc.nat({ max: 9999 }),
    );
    const two = (value: number): string => String(value).padStart(2, '0');
    holds(25, years, (year) => {
      const unlike: string[] = [];
      for (let month = 0; month <= 13; month += 1) {
        for (let day = 0; day <= 32; day += 1) {
          const text = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
          const source = Buffer.from(text);
          const out = bufferWithRoom(10);
          const iso = copyIso(source, 0, 10, out) ? writtenIn(out) : null;
          if (iso !== plainIso(text) || epochSeconds(source, 0, 10) !== plainSeconds(text)) unlike.push(text);
        }
      }
      expect(unlike).toEqual([]);
    });
  });

  it('copyIso and epochSeconds agree with their twins on times with and without a fraction', () => {
    const parts = (count: number) => fc.stringMatching(new RegExp(`^[0-9]{${count}}$`));
    const cells = fc.tuple(
      fc.tuple(
        fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }),
        fc.oneof(
          fc.constant(''),
          fc.integer({ min: 0, max: 7 }).chain((count) => parts(count).map((all) => `.${all}`)),
        ),
      ),
      fc.constantFrom(...NEIGHBOURS),
      fc.nat({ max: 30 }),
    );
    holds(1_000, cells, ([[date, fraction], neighbour, room]) => {
      agrees(date.toISOString().slice(0, 19).replace('T', ' ') + fraction, neighbour, room);
    });
  });
});
