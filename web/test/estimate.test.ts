// Money and minutes come from what the model maker says, and from nothing else.

import { describe, expect, it } from 'vitest';
import type { ModelMaker } from '../src/api/models';
import { estimate, priceOf, priceWith } from '../src/upload/estimate';

const TRIPO: ModelMaker = {
  id: 'tripo3d', name: 'Tripo3D', typical_seconds: 60,
  options_schema: { properties: { texture: { enum: ['no', 'standard', 'HD'], default: 'standard' } } },
  prices: [{ label: 'without texture', cents: 20 }, { label: 'standard texture', cents: 30 }, { label: 'HD texture', cents: 40 }],
};

describe('prices', () => {
  it.each([['no', 20], ['standard', 30], ['HD', 40], ['cubist', null]])('of %s', (value, cents) => {
    expect(priceWith(TRIPO, value)).toBe(cents);
  });

  it('follow the chosen texture, or else the usual one', () => {
    expect(priceOf(TRIPO, {})).toBe(30);
    expect(priceOf(TRIPO, { texture: 'HD' })).toBe(40);
  });

  it('are the only one there is, or unknown', () => {
    expect(priceOf({ id: 'a', name: 'A', prices: [{ label: 'a model', cents: 5 }] }, {})).toBe(5);
    expect(priceOf({ id: 'a', name: 'A', prices: [{ label: 'x', cents: 1 }, { label: 'y', cents: 2 }] }, {})).toBeNull();
    expect(priceOf({ id: 'a', name: 'A' }, {})).toBeNull();
  });
});

describe('estimate', () => {
  it('adds up over the pictures', () => {
    expect(estimate(TRIPO, {}, 3)).toEqual({ cost: '$0.90', sum: '3 models at $0.30', time: 'about 1 minute each' });
    expect(estimate(TRIPO, { texture: 'no' }, 1)).toEqual({ cost: '$0.20', sum: null, time: 'about 1 minute' });
  });

  it('says nothing where nothing is known', () => {
    expect(estimate(null, {}, 2)).toEqual({ cost: null, sum: null, time: null });
    expect(estimate({ id: 'a', name: 'A' }, {}, 2)).toEqual({ cost: null, sum: null, time: null });
  });
});
