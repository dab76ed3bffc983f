// Keeps the pictures of an unsent upload in this browser, so that a reload, a crash or a wrong click loses nothing.
// Each picture is stored once; the order is a list of its own. What has waited for a day is not brought back.

import { clearTable, readOne, removeOne, writeOne } from './database';

/** How long an unsent list is kept, in milliseconds. */
const KEPT = 24 * 60 * 60 * 1000;
const ORDER = 'order';

interface Order {
  ids: string[];
  at: number;
}

/** What stands on the shelf for one picture. */
export interface Shelved {
  id: string;
  file: File;
}

/** The order of a former visit; nothing when it is too old or unreadable. */
export function orderOf(value: unknown, now: number): string[] {
  if (typeof value !== 'object' || value === null || !('ids' in value) || !('at' in value)) return [];
  const { ids, at } = value as Order;
  return Array.isArray(ids) && typeof at === 'number' && now - at < KEPT ? ids.filter((id) => typeof id === 'string') : [];
}

export class Shelf {
  #ids: string[] = [];
  #wanted: readonly Shelved[] | null = null;
  #working: Promise<void> | null = null;

  /** The pictures of the last visit, in their order; what cannot be read any more is left out. */
  async restore(now = Date.now()): Promise<Shelved[]> {
    const kept = await readOne('pictures', ORDER);
    const shelved: Shelved[] = [];
    for (const id of orderOf(kept, now)) {
      const file = await readOne('pictures', id);
      if (file instanceof File) shelved.push({ id, file });
    }
    // Whatever its age, what stood there before is known, so that the next arrangement clears it away.
    this.#ids = orderOf(kept, Number.NEGATIVE_INFINITY);
    return shelved;
  }

  /** Makes the shelf hold exactly these, in this order. Many calls in a row cost one arrangement. */
  keep(pictures: readonly Shelved[]): void {
    this.#wanted = pictures.map(({ id, file }) => ({ id, file }));
    void this.#begin();
  }

  /** Takes everything off the shelf, also what is being put there. */
  clear(): Promise<void> {
    this.#wanted = [];
    return this.#begin();
  }

  /** One arrangement at a time; the last one wanted comes last. */
  #begin(): Promise<void> {
    this.#working ??= this.#work();
    return this.#working;
  }

  async #work(): Promise<void> {
    while (this.#wanted !== null) {
      const wanted = this.#wanted;
      this.#wanted = null;
      await this.#arrange(wanted);
    }
    this.#working = null;
  }

  async #arrange(pictures: readonly Shelved[]): Promise<void> {
    if (pictures.length === 0) {
      this.#ids = [];
      return clearTable('pictures');
    }
    const before = new Set(this.#ids);
    const ids = pictures.map(({ id }) => id);
    for (const { id, file } of pictures) if (!before.has(id)) await writeOne('pictures', id, file);
    await writeOne('pictures', ORDER, { ids, at: Date.now() } satisfies Order);
    for (const id of before) if (!ids.includes(id)) await removeOne('pictures', id);
    this.#ids = ids;
  }
}
