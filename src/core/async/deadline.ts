/** A deadline for what takes no signal: the SDK's own chain for credentials may start a program that never ends. */
export const CREDENTIALS_WITHIN_MS = 60_000;

/** Waits for `ms` at most. @throws Error TimeoutError after that; what comes later is dropped */
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

/** @param waiting never rejects @returns false where it takes longer than `ms`; it goes on all the same */
export async function endsWithin(waiting: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  try {
    return await Promise.race([waiting.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
