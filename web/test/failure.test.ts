// Trying again is offered where it may help, and only there.

import { describe, expect, it } from 'vitest';
import { failureWords, isWorthATry } from '../src/progress/failure';

const failed = (code: string, retryable?: boolean) => ({ code, message: 'It was refused', ...(retryable === undefined ? {} : { retryable }) });

describe('isWorthATry', () => {
  it('believes the service, but for failures that are not the picture’s', () => {
    expect(isWorthATry(failed('NO_MODEL', true))).toBe(true);
    expect(isWorthATry(failed('CONTENT_POLICY_VIOLATION', false))).toBe(false);
    expect(isWorthATry(failed('PROVIDER_ACCOUNT', false))).toBe(true);
  });

  it('does not take a way from somebody where nothing is said', () => {
    expect(isWorthATry(failed('ANY'))).toBe(true);
    expect(isWorthATry(null)).toBe(true);
  });
});

describe('failureWords', () => {
  const words = (failure: ReturnType<typeof failed> | null) => failureWords({ failure, message: '' });

  it('gives advice where trying again cannot help', () => {
    expect(words(failed('IMAGE_NOT_ACCEPTED', false))).toBe('It was refused. Another photograph may do better.');
    expect(words(failed('INVALID_OPTIONS', false))).toBe('It was refused. Upload it again with other options.');
    expect(words(failed('PROVIDER_ACCOUNT', false))).toBe('It was refused');
    expect(words(null)).toBe('No reason was given.');
  });
});
