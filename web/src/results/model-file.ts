// Fetches models for their stages: a few at a time, and again for as long as the service asks to wait or cannot be reached.

import { getModel } from '../api/client';
import { pause } from '../api/pause';
import { ServiceError } from '../api/problem';

/** A page of 25 models asks for so many at a time; whoever looks at the first is not kept waiting by the last. */
const AT_ONCE = 3;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** Some five minutes without word from the service; whoever still wants it asks again. */
const TRIES = 14;

let free = AT_ONCE;
const line: (() => void)[] = [];

/** Told while something waits, with the milliseconds that it will. */
export type OnWait = (milliseconds: number) => void;

/** Resolves with the model; rejects with the ServiceError that makes asking again pointless. */
export async function fetchModel(address: string, onWait: OnWait): Promise<Blob> {
  return inTurn(() => untilAnswered(() => getModel(address), onWait));
}

/** Does something again until it succeeds, fails for good or has failed often. */
export async function untilAnswered<T>(work: () => Promise<T>, onWait: OnWait, random: () => number = Math.random): Promise<T> {
  for (let losses = 0; ; losses += 1) {
    try {
      return await work();
    } catch (cause) {
      if (!(cause instanceof ServiceError) || !cause.isPassing || losses + 1 === TRIES) throw cause;
      const milliseconds = waitAfter(losses, cause.retryAfter, random);
      onWait(milliseconds);
      // A network that is back is worth a try; what the service asks for is waited for.
      await pause(milliseconds, cause.status === 0 ? [[globalThis, 'online']] : []);
    }
  }
}

/** Milliseconds until the next try: as the service asks, else longer after each loss; spread, so that not all come at once. */
export function waitAfter(losses: number, retryAfter: number | null, random: () => number): number {
  const least = retryAfter === null ? Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** losses) : retryAfter * 1000;
  return least + random() * 1_000;
}

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (free > 0) free -= 1;
  else await new Promise<void>((resolve) => line.push(resolve));
  try {
    return await work();
  } finally {
    const next = line.shift();
    if (next === undefined) free += 1;
    else next();
  }
}
