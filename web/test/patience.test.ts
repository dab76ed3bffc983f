// Waiting grows, is bounded, and gives way to polling when streams cannot be had.

import { describe, expect, it } from 'vitest';
import { afterwards, mayStream } from '../src/progress/patience';

describe('patience', () => {
  it('waits longer after every loss, up to a bound', () => {
    const waits = [0, 1, 2, 3, 10].map((answers) => afterwards({ answers, streams: 0 }, () => 0.5));
    expect(waits).toEqual([500, 1000, 2000, 4000, 20_000]);
  });

  it('spreads the wait by a quarter each way', () => {
    expect(afterwards({ answers: 1, streams: 0 }, () => 0)).toBe(750);
    expect(afterwards({ answers: 1, streams: 0 }, () => 1)).toBe(1250);
  });

  it('polls at an even pace when only the stream is missing', () => {
    expect(afterwards({ answers: 0, streams: 3 })).toBe(2500);
    expect(afterwards({ answers: 0, streams: 9 })).toBe(2500);
  });

  it('tries a stream three times, then once in eight rounds', () => {
    const tried = Array.from({ length: 20 }, (_, streams) => mayStream({ answers: 0, streams }) ? streams : null);
    expect(tried.filter((round) => round !== null)).toEqual([0, 1, 2, 10, 18]);
  });
});
