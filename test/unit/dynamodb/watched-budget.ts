import { TokenBucket } from '../../../src/dynamodb/capacity/token-bucket.js';

/** A budget that knows what was sent and has not ended: the budget keeps that from all later requests, for good. */
export class WatchedBudget extends TokenBucket {
  readonly debits: number[] = [];
  underWay = 0;
  override sent(units: number): void {
    this.debits.push(units);
    this.underWay += units;
    super.sent(units);
  }
  override ended(units: number): void {
    this.underWay -= units;
    super.ended(units);
  }
}
