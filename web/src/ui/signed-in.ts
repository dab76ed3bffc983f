// Does something that wants a session. Where the session has ended meanwhile, signing in is asked for in a dialog over the page,
// so that nothing on it is lost, and the thing is done afterwards.

import type { Role } from '../api/account';
import { ServiceError } from '../api/problem';
import { h } from './dom';
import { keyForm } from './key-form';

export async function signedIn<T>(work: () => Promise<T>, role: Role = 'user'): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ServiceError) || cause.code !== 'NOT_AUTHENTICATED') throw cause;
    if (await signsIn(cause, role)) return work();
    throw new ServiceError('Nothing was changed, as you are not signed in.', { status: cause.status, code: cause.code });
  }
}

/** Whether the person did. */
function signsIn(cause: ServiceError, role: Role): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'sign-in-title' },
      h('h2', { id: 'sign-in-title' }, 'Sign in to go on'),
      keyForm(cause, () => dialog.close('in'), role),
      h('div', { class: 'dialog-buttons' }, h('button', { type: 'button', class: 'button button-quiet', onclick: () => dialog.close('') }, 'Not now')));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'in');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
