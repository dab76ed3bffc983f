// One upload is one job, also when its answer was lost and the page was loaded anew.

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { IdempotencyKey } from '../src/upload/idempotency';

const kept = vi.hoisted(() => new Map<string, unknown>());
vi.mock('../src/storage/database', () => ({
  readOne: async (_: string, key: string) => kept.get(key),
  writeOne: async (_: string, key: string, value: unknown) => Boolean(kept.set(key, structuredClone(value))),
  removeOne: async (_: string, key: string) => void kept.delete(key),
}));

const PARTS = ['{"texture":"HD"}', 'one', 'two'];

describe('IdempotencyKey', () => {
  beforeEach(() => kept.clear());

  it('is the same for the same pictures and options, also after a reload', async () => {
    const before = new IdempotencyKey();
    const key = await before.for(PARTS);
    expect(await before.for(PARTS)).toBe(key);
    expect(await new IdempotencyKey().for(PARTS)).toBe(key);
  });

  it.each([[['{}', 'one', 'two']], [['{"texture":"HD"}', 'two', 'one']], [['{"texture":"HD"}', 'one']]])('is another for %j', async (other) => {
    const key = await new IdempotencyKey().for(PARTS);
    const again = new IdempotencyKey();
    expect(await again.for(other)).not.toBe(key);
    expect(await again.for(PARTS)).not.toBe(key);
  });

  it('is forgotten with the upload it was of', async () => {
    const before = new IdempotencyKey();
    const key = await before.for(PARTS);
    await before.forget();
    expect(await before.for(PARTS)).not.toBe(key);
    await before.forget();
    expect(kept.size).toBe(0);
  });

  it.each([null, 'x', { of: 'a' }, { of: PARTS.join(' '), key: 3 }])('takes %j in storage for nothing', async (nonsense) => {
    kept.set('attempt', nonsense);
    expect(await new IdempotencyKey().for(PARTS)).toMatch(/^[0-9a-f-]{32,36}$/);
  });
});
