// Jobs in words.

import { describe, expect, it } from 'vitest';
import { resultWords, titleOf, whenWords } from '../src/history/job-item';
import { elapsed, thousands } from '../src/ui/words';

describe('a job in the list', () => {
  it('is named after its first file', () => {
    expect(titleOf({ first_filename: 'vase.jpg', total_files: 1 })).toBe('vase.jpg');
    expect(titleOf({ first_filename: 'vase.jpg', total_files: 3 })).toBe('vase.jpg and 2 more');
    expect(titleOf({ first_filename: '', total_files: 1 })).toBe('Pictures');
  });

  it('says what came of it', () => {
    expect(resultWords({ total_files: 1, completed_files: 1 })).toBe('1 model');
    expect(resultWords({ total_files: 3, completed_files: 2 })).toBe('2 of 3 models');
    expect(resultWords({ total_files: 1, completed_files: 0 })).toBe('1 picture');
  });

  it('says when it was made, the nearer the finer', () => {
    const now = new Date(2026, 10, 3, 14, 0);
    expect(whenWords(new Date(2026, 10, 3, 13, 59, 50), now)).toBe('just now');
    expect(whenWords(new Date(2026, 10, 3, 13, 55), now)).toBe('5 minutes ago');
    expect(whenWords(new Date(2026, 10, 3, 9, 5), now)).toMatch(/^today, /);
    expect(whenWords(new Date(2025, 0, 2, 9, 5), now)).toMatch(/2025/);
    expect(whenWords(new Date('nonsense'), now)).toBe('some time ago');
  });
});

describe('numbers in words', () => {
  it.each([[0, '0 s'], [8.9, '8 s'], [200, '3 min 20 s'], [3840, '1 h 4 min'], [-3, '0 s']])('%d seconds', (seconds, words) => {
    expect(elapsed(seconds)).toBe(words);
  });

  it.each([[999, '999'], [1000, '1\u202f000'], [1234567, '1\u202f234\u202f567']])('%d', (number, words) => {
    expect(thousands(number)).toBe(words);
  });
});
