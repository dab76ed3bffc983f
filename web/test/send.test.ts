// How much of each picture has left follows from the bytes that have, in the order of the pictures.

import { describe, expect, it } from 'vitest';
import { sentOf } from '../src/upload/send';

describe('sentOf', () => {
  it('fills the pictures one after the other', () => {
    expect(sentOf([100, 300, 100], 0, 500)).toEqual({ whole: 0, files: [0, 0, 0] });
    expect(sentOf([100, 300, 100], 250, 500).files).toEqual([1, 0.5, 0]);
    expect(sentOf([100, 300, 100], 500, 500)).toEqual({ whole: 1, files: [1, 1, 1] });
  });

  it('spreads names and boundaries over the pictures', () => {
    const { whole, files } = sentOf([100, 100], 150, 300);
    expect(whole).toBe(0.5);
    expect(files).toEqual([1, 0]);
  });

  it('bears nonsense', () => {
    expect(sentOf([10], 5, 0)).toEqual({ whole: 0, files: [0] });
    expect(sentOf([], 5, 10)).toEqual({ whole: 0.5, files: [] });
  });
});
