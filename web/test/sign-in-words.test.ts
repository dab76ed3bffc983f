import { expect, test } from 'vitest';
import { ServiceError } from '../src/api/problem';
import { signInWords } from '../src/ui/sign-in-words';

const refused = (code: string): ServiceError => new ServiceError('Not authenticated', { status: 403, code });

test('a session that has ended is told from one that never was', () => {
  expect(signInWords(refused('NOT_AUTHENTICATED'), true)).toContain('session has ended');
  expect(signInWords(refused('NOT_AUTHENTICATED'), false)).toContain('A key is needed');
});

test('a key that does not fit is nobody’s fault, and what to do is said', () => {
  for (const code of ['INVALID_API_KEY', 'INVALID_ADMIN_API_KEY', 'ACCESS_DENIED']) {
    const words = signInWords(refused(code), false);
    expect(words).toMatch(/ask/);
    expect(words).not.toMatch(/invalid|wrong|denied/i);
  }
});

test('what we know no words for is said as the service says it', () => {
  expect(signInWords(refused('CROSS_SITE_REQUEST'), true)).toBe('Not authenticated');
});
