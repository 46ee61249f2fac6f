/**
 * The plan that throttles as the service does, by a capacity model. A request that passes in part gets HTTP 200 with
 * UnprocessedItems and no reason. Where nothing passes, the plan refuses the whole call, with reasons, in either
 * spelling. ConsumedCapacity is the model's.
 */
import type { CapacityModel, Judgement, ModelItem } from '../capacity/capacity-model.js';
import { type Fate, type FaultPlan, PASS, type SeenRequest } from './fates.js';

/** What the model said of one request, for measurements. */
export interface Metered extends Judgement {
  readonly request: SeenRequest;
  readonly items: readonly ModelItem[];
}

/** @param random the spelling of each refusal's reasons */
export function throttledBy(
  model: CapacityModel,
  random: () => number,
  onMetered: (metered: Metered) => void = () => undefined,
): FaultPlan {
  return (request) => {
    if (request.operation === 'BatchGetItem') return PASS;
    const items = request.entries.map(
      (entry) => (JSON.parse(entry) as { PutRequest: { Item: ModelItem } }).PutRequest.Item,
    );
    const judgement = model.write(items);
    onMetered({ ...judgement, request, items });
    const { refused } = judgement;
    if (refused.size < items.length) {
      return { kind: 'metered', refused: [...refused.keys()], consumed: consumedCapacity(request, judgement) };
    }
    return refusal([...new Set(refused.values())], model.table.provisioned, random);
  };
}

function refusal(reasons: readonly string[], provisioned: boolean, random: () => number): Fate {
  return {
    kind: 'throttle',
    name: provisioned ? 'ProvisionedThroughputExceededException' : 'ThrottlingException',
    reasons,
    spelling: random() < 0.5 ? 'ThrottlingReasons' : 'throttlingReasons',
  };
}

/** undefined where the request asked for none. */
function consumedCapacity(request: SeenRequest, { tableUnits, indexUnits }: Judgement): unknown {
  const {
    ReturnConsumedCapacity: wanted,
    RequestItems = {},
    TableName,
  } = JSON.parse(request.body) as {
    ReturnConsumedCapacity?: string;
    RequestItems?: Record<string, unknown>;
    TableName?: string;
  };
  const name = TableName ?? Object.keys(RequestItems)[0];
  const CapacityUnits = tableUnits + [...indexUnits.values()].reduce((sum, units) => sum + units, 0);
  const total = { TableName: name, CapacityUnits };
  const indexes = [...indexUnits].map(([index, units]) => [index, { CapacityUnits: units }] as const);
  const consumed =
    wanted === 'INDEXES'
      ? {
          ...total,
          Table: { CapacityUnits: tableUnits },
          ...(indexes.length > 0 && { GlobalSecondaryIndexes: Object.fromEntries(indexes) }),
        }
      : wanted === 'TOTAL'
        ? total
        : undefined;
  return consumed !== undefined && TableName === undefined ? [consumed] : consumed;
}
