// The page's file rules, against what the server promises to refuse.

import { describe, expect, it } from 'vitest';
import { faceLimitRefusal, sizeWords, refusalOf, sizeRefusal, USUAL_LIMITS } from '../src/upload/rules';

const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46);
const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const file = (name: string, type = 'image/jpeg', size = 1000): { name: string; type: string; size: number } => ({ name, type, size });

describe('refusalOf', () => {
  it.each([
    [file('a.jpg'), JPEG],
    [file('A.JPEG'), JPEG],
    [file('a.png', 'image/png'), PNG],
    [file('no-type.png', ''), PNG],
    [file('a.jpg', 'image/jpeg', USUAL_LIMITS.bytes), JPEG],
  ])('lets %o in', (picture, head) => {
    expect(refusalOf(picture, head, USUAL_LIMITS)).toBeNull();
  });

  it.each([
    [file('a.gif', 'image/gif'), JPEG, /Only JPEG and PNG/],
    [file('jpg'), JPEG, /Only JPEG and PNG/],
    [file('a.jpg', 'image/jpeg', 0), JPEG, /empty/],
    [file('a.jpg', 'image/jpeg', USUAL_LIMITS.bytes + 1), JPEG, /larger than 10 MB/],
    [file('a.jpg'), Uint8Array.of(0x25, 0x50, 0x44, 0x46), /not a JPEG or PNG/],
    [file('a.jpg'), Uint8Array.of(0xff, 0xd8), /not a JPEG or PNG/],
    [file('a.png', 'image/png'), JPEG, /name says PNG, but it is a JPEG picture/],
    [file('a.jpg', 'image/png'), JPEG, /./],
  ])('keeps %o out', (picture, head, words) => {
    expect(refusalOf(picture, head, USUAL_LIMITS)).toMatch(words);
  });

  it('goes by what the service takes', () => {
    const limits = { files: 3, bytes: 2.5 * 1024 * 1024 };
    expect(refusalOf(file('a.jpg', 'image/jpeg', limits.bytes), JPEG, limits)).toBeNull();
    expect(refusalOf(file('a.jpg', 'image/jpeg', limits.bytes + 1), JPEG, limits)).toBe('The file is larger than 2.5 MB.');
    expect([1 << 30, 1024, 3_000_000].map(sizeWords)).toEqual(['1024 MB', '1 KB', '2.86 MB']);
  });
});

describe('sizeRefusal', () => {
  it.each([[32, 32], [8192, 4000], [4000, 3000]])('lets %i × %i in', (width, height) => {
    expect(sizeRefusal(width, height)).toBeNull();
  });

  it.each([[31, 500], [500, 31], [8193, 100], [8000, 6000]])('keeps %i × %i out', (width, height) => {
    expect(sizeRefusal(width, height)).not.toBeNull();
  });
});

describe('faceLimitRefusal', () => {
  it.each(['', ' ', '1000', '500000'])('takes %j', (text) => expect(faceLimitRefusal(text)).toBeNull());
  it.each(['999', '500001', '12.5', 'many', '-5'])('refuses %j', (text) => expect(faceLimitRefusal(text)).not.toBeNull());
});
