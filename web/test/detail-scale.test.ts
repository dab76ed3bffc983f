// The slider reaches the whole range in rounded numbers, and finds its place again.

import { describe, expect, it } from 'vitest';
import { facesAt, positionOf, STEPS } from '../src/upload/detail-scale';

describe('the detail scale', () => {
  it('reaches from the least to the most', () => {
    expect([facesAt(0), facesAt(STEPS)]).toEqual([1000, 500_000]);
    expect([facesAt(-5), facesAt(STEPS + 5)]).toEqual([1000, 500_000]);
  });

  it('grows with every step, in numbers of two figures', () => {
    const all = Array.from({ length: STEPS + 1 }, (_, position) => facesAt(position));
    expect(all.every((faces, at) => at === 0 || faces > (all[at - 1] ?? 0))).toBe(true);
    expect(all.every((faces) => /^[1-9]\d0*$/.test(String(faces)))).toBe(true);
  });

  it('finds the position of its own numbers, and the ends for what lies outside', () => {
    for (let position = 0; position <= STEPS; position++) expect(Math.abs(positionOf(facesAt(position)) - position)).toBeLessThanOrEqual(1);
    expect([positionOf(1), positionOf(9e9)]).toEqual([0, STEPS]);
  });
});
