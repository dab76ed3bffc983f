// The tab's sign changes in steps while work is under way, and says what came of it.

import { describe, expect, it } from 'vitest';
import { signOf } from '../src/progress/tab';

describe('signOf', () => {
  it('is a ring that closes in steps', () => {
    const at = (overall: number): string => signOf({ ended: false, overall, status: 'processing' });
    expect(at(40)).toBe(at(41));
    expect(at(40)).not.toBe(at(48));
    expect(at(40)).toMatch(/^data:image\/svg\+xml,/);
  });

  it('tells the ends apart', () => {
    const ends = (['completed', 'failed', 'cancelled'] as const).map((status) => signOf({ ended: true, overall: 100, status }));
    expect(new Set(ends).size).toBe(3);
  });
});
