// Operators' lists: pages one after the other, and dead letters of which little is known any more.

import { describe, expect, it } from 'vitest';
import { pagesOf, type DeadLetter, type Page } from '../src/console/admin';
import { fileOf } from '../src/console/lists';

/** Five keys, two on a page. */
const page = (asked: string[]) => async (cursor: string): Promise<Page<'keys', number>> => {
  asked.push(cursor);
  const from = Number(cursor);
  return { keys: [0, 1, 2, 3, 4].slice(from, from + 2), next_cursor: from + 2 < 5 ? String(from + 2) : null };
};

describe('pagesOf', () => {
  it('goes on by the cursor until there are as many as are wanted', async () => {
    const asked: string[] = [];
    expect(await pagesOf('keys', page(asked), 4, 2)).toEqual({ keys: [0, 1, 2, 3], next_cursor: '4' });
    expect(asked).toEqual(['', '2']);
  });

  it('ends with the last page', async () => {
    expect(await pagesOf('keys', page([]), 100, 2)).toEqual({ keys: [0, 1, 2, 3, 4], next_cursor: null });
  });
});

describe('fileOf', () => {
  it('names a file by its id once its job has expired', () => {
    const letter: DeadLetter = { dead_letter_id: '1-0', job_id: 'a'.repeat(32), file_id: '0123456789abcdef'.repeat(2), error: { code: 'X', message: 'Y' }, failed_at: '', replayable: false };
    expect(fileOf(letter)).toBe('file 01234567');
    expect(fileOf({ ...letter, filename: 'chair.jpg' })).toBe('chair.jpg');
  });
});
