// The same pictures and options keep their key, so that trying again after a lost answer makes no second job. It is kept beside
// the pictures: what a reload brings back to be sent may be at work already.

import { readOne, removeOne, writeOne } from '../storage/database';
import { randomId } from '../ui/random-id';

const KEPT = 'attempt';

interface Attempt {
  /** What is sent. */
  of: string;
  key: string;
}

export class IdempotencyKey {
  #attempt: Attempt | null = null;

  /** The key of what is sent; another one as soon as anything of it is another. It is kept by then. */
  async for(parts: readonly string[]): Promise<string> {
    const of = parts.join(' ');
    this.#attempt ??= attemptOf(await readOne('pictures', KEPT));
    if (this.#attempt?.of === of) return this.#attempt.key;
    this.#attempt = { of, key: randomId() };
    await writeOne('pictures', KEPT, this.#attempt);
    return this.#attempt.key;
  }

  async forget(): Promise<void> {
    this.#attempt = null;
    await removeOne('pictures', KEPT);
  }
}

/** What was kept, or null when it is nothing of the kind. */
function attemptOf(value: unknown): Attempt | null {
  if (typeof value !== 'object' || value === null || !('of' in value) || !('key' in value)) return null;
  const { of, key } = value;
  return typeof of === 'string' && typeof key === 'string' ? { of, key } : null;
}
