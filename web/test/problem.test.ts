// The server's words reach the person, whatever shape they come in.

import { describe, expect, it } from 'vitest';
import { problemFrom, unreachable } from '../src/api/problem';

describe('problemFrom', () => {
  it('shows the detail and every refused file', () => {
    const error = problemFrom(400, null, JSON.stringify({
      detail: 'Two files were refused.', error_code: 'FILE_VALIDATION_ERROR',
      details: { errors: [{ filename: 'a.jpg', code: 'TRUNCATED', message: 'The image ends too early.', index: 2 }, { nonsense: 1 }, null] },
    }));
    expect(error.message).toBe('Two files were refused.');
    expect(error.code).toBe('FILE_VALIDATION_ERROR');
    expect(error.refused).toEqual([{ filename: 'a.jpg', code: 'TRUNCATED', message: 'The image ends too early.', index: 2 }]);
    expect(error.isPassing).toBe(false);
  });

  it('falls back to message, title and then to words of its own', () => {
    expect(problemFrom(400, null, '{"message":"m","title":"t"}').message).toBe('m');
    expect(problemFrom(400, null, '{"title":"t"}').message).toBe('t');
    expect(problemFrom(502, null, '<html>').message).toMatch(/problem of its own/);
    expect(problemFrom(418, null, '').message).toMatch(/418/);
  });

  it('tells what passes from what does not', () => {
    expect(problemFrom(503, '7', '')).toMatchObject({ retryAfter: 7, isPassing: true });
    expect(problemFrom(503, 'soon', '').retryAfter).toBeNull();
    expect(problemFrom(403, null, '').needsKey).toBe(true);
    expect(problemFrom(404, null, '').isPassing).toBe(false);
    expect(unreachable().isPassing).toBe(true);
  });
});
