// What was left unsent a day ago is not brought back, and nonsense in storage is nobody's list.

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { orderOf, Shelf } from '../src/storage/shelf';

const kept = vi.hoisted(() => new Map<string, unknown>());
// Every step takes a moment, so that another may come in between.
vi.mock('../src/storage/database', () => {
  const soon = <T>(work: () => T): Promise<T> => new Promise((done) => setTimeout(() => done(work()), 1));
  return {
    readOne: (_: string, key: string) => soon(() => kept.get(key)),
    writeOne: (_: string, key: string, value: unknown) => soon(() => Boolean(kept.set(key, value))),
    removeOne: (_: string, key: string) => soon(() => void kept.delete(key)),
    clearTable: () => soon(() => kept.clear()),
  };
});

const HOUR = 3_600_000;

describe('orderOf', () => {
  it('gives the order of less than a day ago', () => {
    expect(orderOf({ ids: ['b', 'a'], at: 0 }, 23 * HOUR)).toEqual(['b', 'a']);
    expect(orderOf({ ids: ['b', 'a'], at: 0 }, 25 * HOUR)).toEqual([]);
  });

  it.each([null, undefined, 'x', {}, { ids: 'a', at: 0 }, { ids: ['a'] }, { ids: ['a'], at: 'now' }])('takes %j for nothing', (value) => {
    expect(orderOf(value, 0)).toEqual([]);
  });

  it('leaves out what is no id', () => {
    expect(orderOf({ ids: ['a', 3, null], at: 0 }, 0)).toEqual(['a']);
  });
});

describe('Shelf', () => {
  const pictures = ['a', 'b', 'c'].map((id) => ({ id, file: new File([id], `${id}.jpg`) }));
  beforeEach(() => kept.clear());

  it('is empty once it was cleared, though pictures were being put there', async () => {
    const shelf = new Shelf();
    shelf.keep(pictures);
    await vi.waitFor(() => expect(kept.has('a')).toBe(true), { interval: 1 });
    await shelf.clear();
    expect(kept.has('c')).toBe(false);
    await new Promise((waited) => setTimeout(waited, 20));
    expect([...kept.keys()]).toEqual([]);
  });

  it('holds what was wanted last, and gives it back in its order', async () => {
    const shelf = new Shelf();
    shelf.keep(pictures);
    shelf.keep([pictures[2]!, pictures[0]!]);
    await vi.waitFor(async () => expect((await new Shelf().restore()).map(({ id }) => id)).toEqual(['c', 'a']));
    await vi.waitFor(() => expect(kept.has('b')).toBe(false));
  });
});
