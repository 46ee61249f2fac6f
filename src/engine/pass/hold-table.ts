/** Holds a run to the source table that the state knows: what is moved or compared in several runs is of one table. */
import type { ShardContext, TableJob } from './table-job.js';

/**
 * Notes which table it is, or finds that it is another one by now.
 * @param accept the operator says that it has the same rows, whatever it is @throws FerryError E_SOURCE_CHANGED,
 * E_SOURCE_*
 */
export async function holdTable({ store, signal }: ShardContext, job: TableJob, accept: boolean): Promise<void> {
  const table = job.mapping.table.name;
  // Before it was planned, nothing was read of it.
  const before = store.plans.get(table) === null ? null : store.plans.identity(table);
  const { identity, vouched } = await job.source.identify(before, accept, signal);
  store.plans.setIdentity(table, identity, vouched);
}
