// Asks for an API key when the service wants one. The key stays in this tab's session storage.

import { apiKey, rememberKey } from '../api/session';
import { h } from './dom';

/** A small form; `retry` runs once a key is remembered. `words` is what the service said. */
export function keyForm(words: string, retry: () => void): HTMLElement {
  const input = h('input', {
    id: 'api-key', class: 'field', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true,
    'aria-describedby': 'api-key-hint', value: apiKey() ?? '',
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    rememberKey(input.value);
    retry();
  };
  const form = h('form', { class: 'key-form panel', onsubmit: submit },
    h('p', { role: 'alert', class: 'key-form-words' }, words),
    h('label', { for: 'api-key' }, 'API key'),
    h('div', { class: 'key-form-row' }, input, h('button', { type: 'submit', class: 'button button-primary' }, 'Use this key')),
    h('p', { id: 'api-key-hint', class: 'hint' }, 'Kept in this tab only, and forgotten when it closes.'),
  );
  queueMicrotask(() => input.select());
  return form;
}
