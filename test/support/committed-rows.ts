/** Finds out which rows of the message log the state calls done, and which row a sent item belongs to. */
import { join } from 'node:path';
import Database from 'better-sqlite3';

export interface RowKey {
  readonly account_sid: string;
  readonly sid: string;
}

interface RangeRow {
  readonly after: string | null;
  readonly watermark: string | null;
}

/** Sids of the rows in committed chunks of the newest backfill of shard s01, without those that are recorded as bad. */
export function committedRows(stateFolder: string, keys: readonly RowKey[]): ReadonlySet<string> {
  const database = new Database(join(stateFolder, 's01.db'), { readonly: true });
  try {
    const ranges = database
      .prepare<[], RangeRow>(
        `SELECT after, watermark FROM pass_segments JOIN ranges ON range_index = segment_index
          WHERE pass_id = (SELECT max(id) FROM passes WHERE kind = 'backfill')`,
      )
      .all();
    const done = ranges.flatMap(({ after, watermark }) =>
      watermark === null ? [] : keys.filter((key) => text(key) > cursor(after) && text(key) <= cursor(watermark)),
    );
    const bad = new Set(database.prepare<[], string>('SELECT cursor FROM bad_rows').pluck().all().map(cursor));
    return new Set(done.filter((key) => !bad.has(text(key))).map(({ sid }) => sid));
  } finally {
    database.close();
  }
}

/** The key is of ASCII in binary order, so that it may be compared here. */
const text = ({ account_sid, sid }: RowKey): string => `${account_sid} ${sid}`;
const cursor = (stored: string | null): string => (stored === null ? '' : (JSON.parse(stored) as string[]).join(' '));

interface SentItem {
  readonly PutRequest: { readonly Item: Readonly<Record<string, { readonly S?: string } | undefined>> };
}

/** The sid of the row that a put (as the fault proxy saw it) was made of: a message or its lookup item. */
export function sidOf(entry: string): string {
  const { pk, sid } = (JSON.parse(entry) as SentItem).PutRequest.Item;
  return sid?.S ?? (pk?.S ?? '').replace(/^MSG#/, '');
}
