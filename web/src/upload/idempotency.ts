// The same pictures and options keep their key, so that trying again after a lost answer makes no second job.

import { randomId } from '../ui/random-id';

export class IdempotencyKey {
  #of = '';
  #key = '';

  /** The key of what is sent; another one as soon as anything of it is another. */
  for(parts: readonly string[]): string {
    const of = parts.join(' ');
    if (this.#of !== of) [this.#of, this.#key] = [of, randomId()];
    return this.#key;
  }

  forget(): void {
    this.#of = '';
  }
}
