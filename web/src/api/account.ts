// Signing in: a key is sent once and exchanged for a session, a cookie that no script can read and that the browser sends by
// itself to this service alone. Nothing here keeps the key. What is remembered is only that somebody has signed in, so that
// the way out can be offered without asking.

import { ask } from './client';

const SESSION = '/api/v1/session';
const SIGN = 'image2model.signed-in';

/** What a session opens. */
export type Role = 'user' | 'admin';

function remember(signedIn: boolean): void {
  try {
    if (signedIn) localStorage.setItem(SIGN, 'yes');
    else localStorage.removeItem(SIGN);
  } catch {
    // Without storage the way out is not offered; the session ends by itself.
  }
}

/** Whether somebody has signed in with this browser, as far as is known. */
export function isSignedIn(): boolean {
  try {
    return localStorage.getItem(SIGN) !== null;
  } catch {
    return false;
  }
}

/** Exchanges a key for a session. Rejects with a ServiceError when the key does not open what `role` does. */
export async function signIn(key: string, role: Role): Promise<void> {
  const answer = await ask(SESSION, { method: 'POST', body: { role }, headers: { Authorization: `Bearer ${key.trim()}` } });
  remember((answer.body as { signed_in?: unknown }).signed_in === true);
}

/** Ends the session, here and wherever else its cookie may be. */
export async function signOut(): Promise<void> {
  await ask(SESSION, { method: 'DELETE' });
  remember(false);
}
