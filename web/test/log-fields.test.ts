import { expect, test } from 'vitest';
import { fieldsOf, noneWords } from '../src/console/logs';

test('fields of a log entry are told as words, those without a value not at all', () => {
  const fields = { status: 200, path: '/api/v1/upload', nothing: null, empty: '', done: false, list: [1, 2] };
  expect(fieldsOf({ fields, request_id: 'r1' })).toEqual([
    ['status', '200'], ['path', '/api/v1/upload'], ['done', 'false'], ['list', '[1,2]'], ['request_id', 'r1'],
  ]);
});

test('an entry with nothing beside its words has no fields', () => {
  expect(fieldsOf({})).toEqual([]);
});

test('that nothing fits is said of the whole log only when all of it was looked at', () => {
  expect(noneWords(12_000, null)).toBe('Nothing was logged that fits.');
  expect(noneWords(10_000, 'older')).toBe('Nothing fits among the newest 10\u202f000; there are older ones.');
});
