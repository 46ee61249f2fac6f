/**
 * Random values of column types: the SQL that inserts one, and the attribute that it must become, both made from the
 * same parts, so that nothing under test is its own judge.
 */
import fc from 'fast-check';
import type { Json } from './dynamodb-json.js';

export interface Sample {
  readonly sql: string;
  readonly attribute: Json;
}

export interface RandomColumn {
  readonly ddl: string;
  readonly rule?: Readonly<Record<string, string>>;
  readonly samples: fc.Arbitrary<Sample>;
}

const hex = (bytes: Uint8Array): string => `X'${Buffer.from(bytes).toString('hex')}'`;
const utf8 = (text: string): string => hex(Buffer.from(text));
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const whole = (min: bigint, max: bigint): fc.Arbitrary<Sample> =>
  fc.bigInt({ min, max }).map((value) => ({ sql: String(value), attribute: { N: String(value) } }));

/** Every character of Unicode but the halves of surrogate pairs. */
const text = fc.string({ unit: 'binary', maxLength: 60 });
const bytes = fc.uint8Array({ maxLength: 60 });

/** Sign, digits before and behind the point: 38 digits at most. */
const decimal = fc
  .record({
    minus: fc.boolean(),
    whole: fc.bigInt({ min: 0n, max: 10n ** 24n - 1n }),
    fraction: fc.stringMatching(/^\d{14}$/),
  })
  .map(({ minus, whole, fraction }) => {
    const significant = fraction.replace(/0+$/, '');
    const sign = minus && (whole > 0n || significant !== '') ? '-' : '';
    return {
      sql: `'${minus ? '-' : ''}${whole}.${fraction}'`,
      attribute: { N: `${sign}${whole}${significant === '' ? '' : `.${significant}`}` },
    };
  });

const moment = fc
  .record({
    ...{ year: fc.integer({ min: 1, max: 9999 }), month: fc.integer({ min: 1, max: 12 }) },
    ...{ day: fc.integer({ min: 1, max: 28 }), hour: fc.integer({ min: 0, max: 23 }) },
    ...{ minute: fc.integer({ min: 0, max: 59 }), second: fc.integer({ min: 0, max: 59 }) },
    micros: fc.integer({ min: 0, max: 999_999 }),
  })
  .map(({ year, month, day, hour, minute, second, micros }) => {
    const two = (part: number): string => String(part).padStart(2, '0');
    const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
    const time = `${two(hour)}:${two(minute)}:${two(second)}.${String(micros).padStart(6, '0')}`;
    return { date, time, micros };
  });

const span = fc
  .tuple(
    fc.boolean(),
    fc.integer({ min: 1, max: 838 }),
    fc.integer({ min: 0, max: 59 }),
    fc.integer({ min: 0, max: 999 }),
  )
  .map(([minus, hours, minutes, millis]) => {
    const [hour, minute] = [String(hours).padStart(2, '0'), String(minutes).padStart(2, '0')];
    const printed = `${minus ? '-' : ''}${hour}:${minute}:07.${String(millis).padStart(3, '0')}`;
    return { sql: `'${printed}'`, attribute: { S: printed } };
  });

const MEMBERS = ['a', 'B', 'é', '你', '😀', '10'];

/** JSON of any shape, with numbers as the digits that JavaScript prints for them. */
const json = fc.letrec<{ value: { readonly json: string; readonly attribute: Json } }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant({ json: 'null', attribute: { NULL: true } }),
    fc.boolean().map((value) => ({ json: String(value), attribute: { BOOL: value } })),
    text.map((value) => ({ json: JSON.stringify(value), attribute: { S: value } })),
    fc
      .bigInt({ min: -(10n ** 37n), max: 10n ** 37n })
      .map((value) => ({ json: String(value), attribute: { N: String(value) } })),
    fc.array(tie('value'), { maxLength: 4 }).map((list) => ({
      json: `[${list.map((entry) => entry.json).join(', ')}]`,
      attribute: { L: list.map((entry) => entry.attribute) },
    })),
    fc
      // dynalite loses the name `__proto__`; fixtures/types has it.
      .dictionary(
        text.filter((name) => name !== '' && name !== '__proto__'),
        tie('value'),
        { maxKeys: 4, noNullPrototype: true },
      )
      .map((map) => ({
        json: `{${Object.entries(map)
          .map(([name, entry]) => `${JSON.stringify(name)}: ${entry.json}`)
          .join(', ')}}`,
        attribute: { M: Object.fromEntries(Object.entries(map).map(([name, entry]) => [name, entry.attribute])) },
      })),
  ),
})).value;

/** By column name. */
export const RANDOM_COLUMNS: Readonly<Record<string, RandomColumn>> = {
  c_bigint: { ddl: 'BIGINT', samples: whole(-(2n ** 63n), 2n ** 63n - 1n) },
  c_unsigned: { ddl: 'BIGINT UNSIGNED', samples: whole(0n, 2n ** 64n - 1n) },
  c_bit: { ddl: 'BIT(61)', samples: whole(0n, 2n ** 61n - 1n) },
  c_decimal: { ddl: 'DECIMAL(38,14)', samples: decimal },
  c_double: { ddl: 'DOUBLE', samples: floating(fc.double({ min: -1e120, max: 1e120, noNaN: true })) },
  c_float: {
    ddl: 'FLOAT',
    samples: floating(fc.float({ min: Math.fround(-1e38), max: Math.fround(1e38), noNaN: true })),
  },
  c_varchar: {
    ddl: 'VARCHAR(60) CHARACTER SET utf8mb4',
    samples: text.map((value) => ({ sql: utf8(value), attribute: { S: value } })),
  },
  c_utf16: {
    ddl: 'VARCHAR(60) CHARACTER SET utf16',
    samples: text.map((value) => ({ sql: `CONVERT(${utf8(value)} USING utf8mb4)`, attribute: { S: value } })),
  },
  c_latin1: {
    ddl: 'VARCHAR(60) CHARACTER SET latin1',
    // From 160 up, latin1 is Unicode.
    samples: fc.array(fc.integer({ min: 160, max: 255 }), { maxLength: 60 }).map((codes) => ({
      sql: `_binary ${hex(Uint8Array.from(codes))}`,
      attribute: { S: String.fromCharCode(...codes) },
    })),
  },
  c_blob: { ddl: 'BLOB', samples: bytes.map((value) => ({ sql: hex(value), attribute: { B: base64(value) } })) },
  c_text_bytes: {
    ddl: 'TEXT CHARACTER SET utf8mb4',
    rule: { type: 'B' },
    samples: text.map((value) => ({ sql: utf8(value), attribute: { B: base64(Buffer.from(value)) } })),
  },
  c_json: {
    ddl: 'TEXT CHARACTER SET utf8mb4',
    rule: { type: 'JSON' },
    samples: json.map((value) => ({ sql: utf8(value.json), attribute: value.attribute })),
  },
  c_set: {
    ddl: `SET(${MEMBERS.map((member) => `'${member}'`).join(',')}) COLLATE utf8mb4_bin`,
    rule: { type: 'SS' },
    samples: fc.subarray(MEMBERS, { minLength: 1 }).map((members) => ({
      sql: `'${members.join(',')}'`,
      attribute: { SS: [...members].sort() },
    })),
  },
  c_datetime: {
    ddl: 'DATETIME(6)',
    samples: moment.map(({ date, time }) => ({ sql: `'${date} ${time}'`, attribute: { S: `${date}T${time}Z` } })),
  },
  c_epoch_us: {
    ddl: 'DATETIME(6)',
    rule: { format: 'epoch-us' },
    samples: moment.map(({ date, time, micros }) => {
      const millis = Date.parse(`${date}T${time.slice(0, 8)}Z`);
      return { sql: `'${date} ${time}'`, attribute: { N: String(BigInt(millis) * 1_000n + BigInt(micros)) } };
    }),
  },
  c_time: { ddl: 'TIME(3)', samples: span },
};

/**
 * A JavaScript number has the value of a DOUBLE; its digits are compared as a number, since both sides may print
 * others.
 */
function floating(values: fc.Arbitrary<number>): fc.Arbitrary<Sample> {
  return values
    .filter((value) => value === 0 || Math.abs(value) > 1e-35)
    .map((value) => ({ sql: value.toExponential(), attribute: { number: value === 0 ? 0 : value } }));
}
