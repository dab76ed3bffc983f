// Asks for an API key when the service wants one, and exchanges it at once for a session: the page keeps no key.

import { isSignedIn, signIn, type Role } from '../api/account';
import { ServiceError } from '../api/problem';
import { showAccount } from './account';
import { h, setText } from './dom';
import { signInWords } from './sign-in-words';

/** A small form; `retry` runs once there is a session. `refused` is why it is shown, `role` what is to be opened. */
export function keyForm(refused: ServiceError, retry: () => void, role: Role = 'user'): HTMLElement {
  const input = h('input', {
    id: 'api-key', class: 'field', type: 'password', autocomplete: 'current-password', spellcheck: 'false', required: true,
    'aria-describedby': 'api-key-hint',
  });
  const said = h('p', { role: 'alert', class: 'key-form-words' }, signInWords(refused, isSignedIn()));
  const button = h('button', { type: 'submit', class: 'button button-primary' }, 'Use this key');
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    button.disabled = true;
    try {
      await signIn(input.value, role);
      input.value = '';
      showAccount();
      retry();
    } catch (cause) {
      setText(said, cause instanceof ServiceError ? signInWords(cause, false) : 'That did not work. Try again.');
      input.select();
    } finally {
      button.disabled = false;
    }
  };
  const form = h('form', { class: 'key-form panel', onsubmit: (event) => void submit(event) },
    said,
    h('label', { for: 'api-key' }, 'API key'),
    h('div', { class: 'key-form-row' }, input, button),
    h('p', { id: 'api-key-hint', class: 'hint' }, 'You then stay signed in for some hours. The page itself does not keep the key.'),
  );
  queueMicrotask(() => input.select());
  return form;
}
