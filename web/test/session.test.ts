// Where a browser refuses storage, a shared link works as long as its page is open.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { accessToken, forgetToken, rememberToken } from '../src/api/session';

const refuse = (): never => {
  throw new DOMException('The operation is insecure.', 'SecurityError');
};

function storage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  const kept = new Map<string, string>();
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => void kept.set(name, value), removeItem: (name) => void kept.delete(name) };
}

describe('the token of a shared link', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is kept in the tab where that can be', () => {
    vi.stubGlobal('sessionStorage', storage());
    expect(rememberToken('kept', 'token')).toBe(true);
    expect(accessToken('kept')).toBe('token');
    vi.stubGlobal('sessionStorage', storage());
    expect(accessToken('kept')).toBeNull();
  });

  it('is remembered by the page where storage is refused, and told not to outlive it', () => {
    vi.stubGlobal('sessionStorage', { getItem: refuse, setItem: refuse, removeItem: refuse });
    expect(rememberToken('refused', 'token')).toBe(false);
    expect(accessToken('refused')).toBe('token');
    forgetToken('refused');
    expect(accessToken('refused')).toBeNull();
  });

  it('is the newer one where storage is full', () => {
    const full = storage();
    vi.stubGlobal('sessionStorage', full);
    rememberToken('full', 'old');
    full.setItem = refuse;
    expect(rememberToken('full', 'new')).toBe(false);
    expect(accessToken('full')).toBe('new');
  });
});
