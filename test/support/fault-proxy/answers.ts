/** The wire: requests on to the real server, answers back to the sender. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';

const JSON_TYPE = 'application/x-amz-json-1.0';
const PASSED_ON = ['authorization', 'content-type', 'x-amz-date', 'x-amz-target', 'x-amz-security-token'];

export async function forward(target: string, incoming: IncomingMessage, body: string): Promise<Response> {
  const headers: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = incoming.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return await fetch(target, { method: 'POST', headers, body });
}

const SEAL = ['x-amzn-requestid', 'x-amz-crc32'];

/** Returns what the server put around its answer, and nothing for what it left out. */
export function sealIn(answer: Response): Record<string, string | undefined> {
  return Object.fromEntries(SEAL.map((name) => [name, answer.headers.get(name) ?? undefined]));
}

export async function relay(response: ServerResponse, answer: Response): Promise<void> {
  const type = answer.headers.get('content-type') ?? JSON_TYPE;
  sendText(response, answer.status, await answer.text(), { 'content-type': type, ...sealIn(answer) });
}

/** Sends an answer as the service itself would: under its own seal. */
export function send(response: ServerResponse, status: number, body: unknown, date?: Date): void {
  sendText(response, status, JSON.stringify(body), date && { date: date.toUTCString() });
}

/** @param headers undefined: leaves one out that the service sends */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string | undefined>> = {},
): void {
  const sealed: Record<string, string | undefined> = { 'content-type': JSON_TYPE, ...sealOf(text), ...headers };
  const given = Object.entries(sealed).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  response.writeHead(status, Object.fromEntries(given) as Record<string, string>).end(text);
}

/** Makes what AWS puts around each of its answers. */
export function sealOf(text: string): Record<string, string> {
  return { 'x-amzn-requestid': randomUUID(), 'x-amz-crc32': String(crc32(text)) };
}

/** A success whose body breaks off. */
export function sendGarbled(response: ServerResponse): void {
  sendText(response, 200, '{"Unproc');
}

export function errorBody(name: string, text = 'this text may quote SECRET-VALUE'): Record<string, unknown> {
  return { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: text };
}

/** A refusal for lack of capacity, with its reasons in one of the two spellings. */
export function throttleBody(
  name: string,
  reasons: readonly string[] | undefined,
  spelling: string,
): Record<string, unknown> {
  const listed = reasons?.map((reason) => ({ reason, resource: 'arn:aws:dynamodb:::table/t' }));
  return { ...errorBody(name), ...(listed && { [spelling]: listed }) };
}
