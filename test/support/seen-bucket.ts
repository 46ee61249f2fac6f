/** The product's own bucket, which also counts the total of units debited. */
import { TokenBucket } from '../../src/dynamodb/capacity/token-bucket.js';

export class SeenBucket extends TokenBucket {
  debited = 0;

  override tryTake(units: number): boolean {
    const taken = super.tryTake(units);
    if (taken) this.debited += units;
    return taken;
  }

  override settle(difference: number): void {
    super.settle(difference);
    this.debited += difference;
  }
}
