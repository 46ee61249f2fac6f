/** The wire: requests on to the real server, answers back to the sender. */
import type { IncomingMessage, ServerResponse } from 'node:http';

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

export async function relay(response: ServerResponse, answer: Response): Promise<void> {
  const type = answer.headers.get('content-type') ?? JSON_TYPE;
  response.writeHead(answer.status, { 'content-type': type }).end(await answer.text());
}

export function send(response: ServerResponse, status: number, body: unknown, date?: Date): void {
  const headers = { 'content-type': JSON_TYPE, ...(date && { date: date.toUTCString() }) };
  response.writeHead(status, headers).end(JSON.stringify(body));
}

/** A success whose body breaks off. */
export function sendGarbled(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': JSON_TYPE }).end('{"Unproc');
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
