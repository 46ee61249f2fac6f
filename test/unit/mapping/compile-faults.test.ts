import { describe, expect, it } from 'vitest';
import type { ColumnRule } from '../../../src/config/model.js';
import { FerryError } from '../../../src/core/errors.js';
import type { TableInfo } from '../../../src/core/model.js';
import { compileMapping } from '../../../src/mapping/compile.js';
import type { ItemMapping } from '../../../src/config/model.js';
import { rule, table } from './tables.js';

const INFO = table({
  account_sid: 'char(34)',
  sid: 'char(34)',
  id: 'int unsigned',
  at: 'datetime(6)',
  at2: 'date',
  b: 'varbinary(9)',
});
const asked = (parts: Partial<ColumnRule>): ColumnRule => ({
  name: null,
  type: null,
  format: null,
  null: 'absent',
  ...parts,
});

/** The line of a path is its length here: enough to see that each fault asks for its own. */
function faultsOf(items: readonly ItemMapping[], info: TableInfo = INFO): readonly string[] {
  try {
    compileMapping(info, { items }, (path) => path.length);
    return [];
  } catch (error) {
    if (!(error instanceof FerryError)) throw error;
    const faults = error.faults.length > 0 ? error.faults : [error];
    return faults.map((fault) => `${fault.code} ${fault.message}; ${fault.hint}`);
  }
}

describe('compileMapping', () => {
  it('compileMapping finds all faults at once, each with line, path and remedy', () => {
    const items = [
      rule('A#{acount_sid}', '{id}', {
        attributes: {
          columns: ['sid', 'boddy'],
          drop: ['xyz'],
          rules: { prise: asked({}), sid: asked({ type: 'BOOL' }) },
          add: { log: { kind: 'template', template: '{at:iso' } },
        },
        ttl: { attribute: 'ttl', column: 'At', retentionSeconds: 0, expired: 'keep' },
      }),
      rule('{sid:trim}', 'x{at:epoch-s}', { pk: { spread: { by: 'sidd', shards: 2, account: null, overrides: {} } } }),
    ];
    const first = 'mapping.messages.items[0]';
    const second = 'mapping.messages.items[1]';
    expect(faultsOf(items)).toEqual([
      `E_MAPPING_COLUMN ${first}.partitionKey.template (line 6): table messages has no column "acount_sid"; did you mean "account_sid"?`,
      `E_MAPPING_UNSORTABLE ${first}.sortKey.template (line 6): column id would sort differently in a text key than in MySQL (10 before 9); write {id:pad(10)}, or make the sort key one number with \`type: N\``,
      `E_MAPPING_COLUMN ${first}.ttl (line 5): table messages has no column "At"; did you mean "at"?`,
      `E_MAPPING_COLUMN ${first}.attributes.columns[1] (line 7): table messages has no column "boddy"; name a column that the table has`,
      `E_MAPPING_COLUMN ${first}.attributes.drop[0] (line 7): table messages has no column "xyz"; name a column that the table has`,
      `E_MAPPING_COLUMN ${first}.attributes.rules.prise (line 7): table messages has no column "prise"; name a column that the table has`,
      `E_MAPPING_INVALID ${first}.attributes.rules.sid (line 7): column sid: a char column cannot become BOOL; give the rule a type or format that fits the column`,
      `E_MAPPING_INVALID ${first}.attributes.add.log (line 7): the template is invalid: "{" at character 1 has no closing brace; correct the template`,
      expect.stringMatching(
        /^E_MAPPING_INVALID mapping\.messages\.items\[1\]\.partitionKey\.template \(line 6\): the template is invalid: there is no function "trim"/,
      ),
      expect.stringMatching(
        /^E_MAPPING_INVALID mapping\.messages\.items\[1\]\.sortKey\.template \(line 6\): the template is invalid: epoch-s would cut/,
      ),
      `E_MAPPING_COLUMN ${second}.partitionKey.spread (line 6): table messages has no column "sidd"; did you mean "sid"?`,
    ]);
  });

  it('compileMapping sums several faults up as one error that counts them', () => {
    const compile = () => compileMapping(INFO, { items: [rule('{x}', '{y}')] }, () => 1);
    expect(compile).toThrow(
      expect.objectContaining({ code: 'E_MAPPING_INVALID', message: 'the mapping of table messages has 2 faults' }),
    );
  });

  it('compileMapping throws a fault that is alone as the error', () => {
    const compile = () => compileMapping(INFO, { items: [rule('{siid}', null)] }, () => 3);
    expect(compile).toThrow(
      expect.objectContaining({
        code: 'E_MAPPING_COLUMN',
        message: 'mapping.messages.items[0].partitionKey.template (line 3): table messages has no column "siid"',
        hint: 'did you mean "sid"?',
        faults: [],
      }),
    );
  });

  const duplicate = (name: string) =>
    `E_MAPPING_INVALID mapping.messages.items[0].attributes (line 5): two rules make the attribute "${name}"; rename one of them, or drop the column`;

  it('compileMapping refuses two rules for one attribute', () => {
    const constant = { kind: 'constant', value: 1 } as const;
    const ttl = { attribute: 'ttl', column: 'at', retentionSeconds: 0, expired: 'keep' } as const;
    expect(faultsOf([rule('{sid}', null, { pk: { name: 'sid' }, attributes: { columns: ['sid'] } })])).toEqual([
      duplicate('sid'),
    ]);
    expect(faultsOf([rule('{sid}', '{id:sortable}', { attributes: { add: { sk: constant } } })])).toEqual([
      duplicate('sk'),
    ]);
    expect(faultsOf([rule('{sid}', null, { ttl, attributes: { add: { ttl: constant } } })])).toEqual([
      duplicate('ttl'),
    ]);
    expect(
      faultsOf([
        rule('{sid}', null, { attributes: { columns: ['at', 'at2'], rules: { at: asked({ name: 'at2' }) } } }),
      ]),
    ).toEqual([duplicate('at2')]);
    expect(
      faultsOf([rule('{sid}', null, { pk: { name: 'sid' }, attributes: { columns: 'all', drop: ['sid'] } })]),
    ).toEqual([]);
    expect(
      faultsOf([
        rule('{sid}', null, {
          pk: { name: 'sid' },
          attributes: { columns: ['sid'], rules: { sid: asked({ name: 'SID' }) } },
        }),
      ]),
    ).toEqual([]);
  });

  it('compileMapping refuses constants and literals too large for every item, as every row would be bad', () => {
    const large = 'é'.repeat(204_800);
    const add = (value: string | number) =>
      ({ attributes: { columns: ['id'], add: { c: { kind: 'constant', value } } } }) as const;
    const template = (text: string) =>
      ({ attributes: { columns: ['id'], add: { c: { kind: 'template', template: text } } } }) as const;
    expect(faultsOf([rule('{sid}', null, add(large.slice(1)))])).toEqual([]);
    expect(faultsOf([rule('{sid}', null, add(large))])[0]).toContain(
      'attributes.add.c (line 7): the constant and its name alone have 409601 bytes; an item may have 409600',
    );
    expect(faultsOf([rule('{sid}', null, template(`${large}{sid}`))])[0]).toContain(
      'the literals and the name alone have 409601 bytes',
    );
    expect(faultsOf([rule('{sid}', null, add(1e126))])[0]).toContain(
      'the constant is magnitude outside 1E-130 to 9.99E+125',
    );
    expect(faultsOf([rule(`${'x'.repeat(2_048)}{sid}`, `${'x'.repeat(1_024)}{id:pad(9)}`)])).toEqual([]);
    expect(faultsOf([rule(`${'x'.repeat(2_049)}{sid}`, `${'é'.repeat(513)}{id:pad(9)}`)])).toEqual([
      expect.stringContaining(
        'partitionKey.template (line 6): the literals alone have 2049 bytes; a partition key may have 2048',
      ),
      expect.stringContaining(
        'sortKey.template (line 6): the literals alone have 1026 bytes; a sort key may have 1024',
      ),
    ]);
  });

  it('compileMapping refuses two TTL attributes, as a table has one', () => {
    const ttl = (attribute: string) => ({ attribute, column: 'at', retentionSeconds: 0, expired: 'keep' }) as const;
    expect(
      faultsOf([
        rule('A{sid}', null, { ttl: ttl('x') }),
        rule('B{sid}', null, { ttl: ttl('x') }),
        rule('C{sid}', null),
      ]),
    ).toEqual([]);
    expect(faultsOf([rule('A{sid}', null, { ttl: ttl('x') }), rule('B{sid}', null, { ttl: ttl('y') })])).toEqual([
      'E_MAPPING_INVALID mapping.messages (line 2): the `ttl` rules use x and y, but a DynamoDB table has one TTL attribute; give every `ttl` the same attribute',
    ]);
  });

  it('compileMapping refuses a column of a type that this version does not know, unless it is dropped', () => {
    const info = table({ id: 'int', odd: 'newtype' });
    expect(faultsOf([rule('{id}', null, { attributes: { columns: 'all' } })], info)).toEqual([
      'E_MAPPING_INVALID mapping.messages.items[0].attributes.rules.odd (line 7): column odd: this version of dynaferry does not know type newtype; drop the column; give the rule a type or format that fits the column',
    ]);
    expect(faultsOf([rule('{id}', null, { attributes: { columns: 'all', drop: ['odd'] } })], info)).toEqual([]);
  });
});
