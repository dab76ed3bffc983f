// What was left unsent a day ago is not brought back, and nonsense in storage is nobody's list.

import { describe, expect, it } from 'vitest';
import { orderOf } from '../src/storage/shelf';

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
