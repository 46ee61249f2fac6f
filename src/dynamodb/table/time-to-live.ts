/**
 * Reads the time to live of the table: whether the service deletes items by itself, and by which attribute. It also
 * reads the service's time, since the service deletes by its own clock.
 */
import { DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { FerryError } from '../../core/errors.js';
import type { TtlLook } from '../../core/ports/target-ports.js';
import { askedAgain } from './absence.js';
import type { TargetConnection } from '../client.js';
import { callService } from './sdk-call.js';

/**
 * The TTL attribute that is on, or is being switched on or off; null: TTL is off. `unsupported`: the endpoint (an
 * emulator) has no TTL. `denied`: the role may not read it.
 */
export type TtlSetting =
  | { readonly attribute: string; readonly status: 'ENABLED' | 'ENABLING' | 'DISABLING' }
  | null
  | 'unsupported'
  | 'denied';

/** AWS refuses signatures that are further off, so no clock that works with AWS is. */
const FURTHEST_OFF_MS = 15 * 60_000;

/** @throws FerryError E_TARGET_* */
export async function describeTtl(
  connection: TargetConnection,
  table: string,
  signal: AbortSignal,
): Promise<TtlSetting> {
  return (await askTtl(connection, table, signal)).setting;
}

/**
 * Returns the TTL that a verification goes by. DynamoDB deletes items while TTL is `ENABLED`, and while it is being
 * switched off. While it is being switched on, nothing relies on it (AWS, UpdateTimeToLive: up to an hour).
 * @throws FerryError E_TARGET_*
 */
export async function lookAtTtl(
  connection: TargetConnection,
  table: string,
  signal: AbortSignal,
): Promise<TtlLook & { readonly denied: boolean }> {
  const { setting, serviceTime } = await askedTtl(connection, table, signal);
  const asked = performance.now();
  // The answer's time is earlier than now, so the sum is rather too small. This machine's clock may be ahead.
  const base = serviceTime ?? Date.now() - FURTHEST_OFF_MS;
  const deletes = typeof setting === 'object' && setting !== null && setting.status !== 'ENABLING';
  return {
    deletesBy: deletes ? setting.attribute : null,
    denied: setting === 'denied',
    seconds: () => (base + performance.now() - asked) / 1_000,
  };
}

interface Answer {
  readonly setting: TtlSetting;
  /** ms since the epoch by the answer's Date header; null: the answer has none. */
  readonly serviceTime: number | null;
}

/** Reads the TTL of a table that was there a moment ago. @throws FerryError E_TARGET_* */
async function askedTtl(connection: TargetConnection, table: string, signal: AbortSignal): Promise<Answer> {
  let gone: unknown;
  const ask = (): Promise<Answer | null> =>
    askTtl(connection, table, signal).catch((thrown: unknown) => {
      if (!(thrown instanceof FerryError) || thrown.code !== 'E_TARGET_GONE') throw thrown;
      gone = thrown;
      return null;
    });
  const answer = await askedAgain(ask, signal);
  if (answer === null) throw gone;
  return answer;
}

function askTtl(connection: TargetConnection, table: string, signal: AbortSignal): Promise<Answer> {
  const send = async (): Promise<Answer> => {
    let serviceTime: number | null = null;
    const command = new DescribeTimeToLiveCommand({ TableName: table });
    command.middlewareStack.add(
      (next) => async (args) => {
        const answer = await next(args);
        serviceTime = dateOf(answer.response);
        return answer;
      },
      { step: 'deserialize', priority: 'high', name: 'readDateOfAnswer' },
    );
    const { TimeToLiveDescription: ttl } = await connection.client.send(command, { abortSignal: signal });
    const { AttributeName: attribute, TimeToLiveStatus: status } = ttl ?? {};
    const on = status === 'ENABLED' || status === 'ENABLING' || status === 'DISABLING';
    return { setting: on && attribute !== undefined ? { attribute, status } : null, serviceTime };
  };
  return callService('DescribeTimeToLive', table, signal, send, {
    UnknownOperationException: () => ({ setting: 'unsupported', serviceTime: null }),
    AccessDeniedException: () => ({ setting: 'denied', serviceTime: null }),
  });
}

function dateOf(response: unknown): number | null {
  const { headers } = response as { readonly headers?: Readonly<Record<string, string | undefined>> };
  const time = Date.parse(headers?.['date'] ?? '');
  return Number.isNaN(time) ? null : time;
}
