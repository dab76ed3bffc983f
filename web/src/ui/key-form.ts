// Asks for an API key when the service wants one, and exchanges it at once for a session: the page keeps no key.

import { signIn, type Role } from '../api/account';
import { ServiceError } from '../api/problem';
import { showAccount } from './account';
import { h, setText } from './dom';

/** A small form; `retry` runs once there is a session. `words` is what the service said, `role` what is to be opened. */
export function keyForm(words: string, retry: () => void, role: Role = 'user'): HTMLElement {
  const input = h('input', {
    id: 'api-key', class: 'field', type: 'password', autocomplete: 'current-password', spellcheck: 'false', required: true,
    'aria-describedby': 'api-key-hint',
  });
  const said = h('p', { role: 'alert', class: 'key-form-words' }, words);
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
      setText(said, cause instanceof ServiceError ? cause.message : 'That did not work. Try again.');
      input.select();
    } finally {
      button.disabled = false;
    }
  };
  const form = h('form', { class: 'key-form panel', onsubmit: (event) => void submit(event) },
    said,
    h('label', { for: 'api-key' }, 'API key'),
    h('div', { class: 'key-form-row' }, input, button),
    h('p', { id: 'api-key-hint', class: 'hint' }, 'Sent once. This browser then has a session for some hours; the page keeps no key.'),
  );
  queueMicrotask(() => input.select());
  return form;
}
