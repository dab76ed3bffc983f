// The way out, in the header, for whoever has signed in.

import { isSignedIn, signOut } from '../api/account';
import { ServiceError } from '../api/problem';
import { byId, h } from './dom';
import { icon } from './icon';
import { notice } from './notice';

/** Puts it there, once, when there is somebody to leave. */
export function showAccount(): void {
  const nav = document.querySelector('.site-header nav');
  if (nav === null || nav.querySelector('.sign-out') !== null || !isSignedIn()) return;
  nav.append(h('button', { type: 'button', class: 'icon-button sign-out', 'aria-label': 'Sign out', title: 'Sign out', onclick: () => void leave() }, icon('leave')));
}

async function leave(): Promise<void> {
  try {
    await signOut();
    location.assign('/');
  } catch (cause) {
    byId('notices').append(notice('error', cause instanceof ServiceError ? cause.message : 'That did not work. Try again.'));
  }
}
