/** FOLDER RESOURCE: joins the ledger of the budget, takes what it may, says how much that is, and holds it until told to finish. */
import { BudgetLedger } from '../../../../src/state/budget-ledger.js';
import { say, sayFault, untilFinish } from './say.js';

const [folder = '', resource = ''] = process.argv.slice(2);
let leave = (): void => undefined;
sayFault(() => {
  const ledger = BudgetLedger.join({ folder, resource, restMs: 60_000 });
  leave = () => ledger.leave();
  say(String(ledger.look(0).fraction));
});
await untilFinish();
leave();
