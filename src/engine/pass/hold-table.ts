/**
 * Holds a run to the source table that the state knows: several runs move or compare rows of one and the same table.
 */
import type { ShardContext, TableJob } from './table-job.js';

/**
 * Records the identity of the source table, or finds that it is another table now.
 * @param accept the operator says that the table has the same rows, although nothing proves it
 * @throws FerryError E_SOURCE_CHANGED, E_SOURCE_*
 */
export async function holdTable({ store, signal }: ShardContext, job: TableJob, accept: boolean): Promise<void> {
  const table = job.mapping.table.name;
  // No run has read rows of the table before it was planned.
  const before = store.plans.get(table) === null ? null : store.plans.identity(table);
  const { identity, vouched } = await job.source.identify(before, accept, signal);
  store.plans.setIdentity(table, identity, vouched);
}
