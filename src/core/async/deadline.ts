/**
 * Deadlines for promises that take no signal. For example, the SDK's credentials chain may start a program that never
 * ends. This constant is the longest wait for credentials, in ms.
 */
export const CREDENTIALS_WITHIN_MS = 60_000;

/**
 * Waits at most `ms` ms for a promise. A later result is dropped. @throws Error TimeoutError; what it rejects with
 */
export async function withTimeout<T>(ms: number, waiting: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(Object.assign(new Error(`no answer within ${ms / 1_000} s`), { name: 'TimeoutError' }));
    }, ms);
  });
  try {
    return await Promise.race([waiting, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits at most `ms` ms for a promise. @param waiting never rejects @returns false where it takes longer; it then goes
 * on unobserved
 */
export async function endsWithin(waiting: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  try {
    return await Promise.race([waiting.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
