// Issued keys: list, issue (shown once) and revoke.

import { ServiceError } from '../api/problem';
import { announce } from '../ui/announce';
import { confirmed } from '../ui/confirm';
import { fill, h } from '../ui/dom';
import { notice } from '../ui/notice';
import { signedIn } from '../ui/signed-in';
import { pagesOf, read, send, type Key, type Page } from './admin';
import { actionButton, moment, pill, table } from './parts';
import { makeView, type View } from './view';

const DAY = 86_400;
/** Keys on a page. */
const PAGE = 100;
const LIVES: readonly [string, string][] = [['', 'For ever'], [String(DAY), 'A day'], [String(30 * DAY), '30 days'], [String(365 * DAY), 'A year']];

export function keys(): View {
  const shown = h('div', { class: 'messages' });
  let wanted = PAGE;
  const older = h('button', { type: 'button', class: 'button button-quiet', 'data-key': 'older', onclick: () => {
    wanted += PAGE;
    view.start();
  } }, 'Show older');
  const view = makeView<Page<'keys', Key>>({
    id: 'keys', title: 'Keys', hint: 'The keys themselves are kept nowhere: a new one is shown once.',
    read: () => pagesOf('keys', (cursor) => read<Page<'keys', Key>>('/admin/keys', { limit: String(PAGE), cursor }), wanted, PAGE),
    draw: ({ keys: all, next_cursor }) => [table('Keys', ['Name', 'Role', 'State', 'Made', 'Expires', 'Last used', 'Actions'], all.map((key) => [
      key.name, key.role, pill(key.state), moment(key.created_at), key.expires_at === null ? 'Never' : moment(key.expires_at), moment(key.last_used_at),
      key.state === 'active' ? actionButton('Revoke', `Revoke ${key.name}`, () => revoke(key), () => view.start()) : '',
    ]), [], true), next_cursor === null ? null : h('p', {}, older)],
  });
  const form = issueForm(shown, () => view.start());
  view.element.insertBefore(h('div', {}, form, shown), view.element.lastElementChild);
  return view;
}

async function revoke(key: Key): Promise<{ message?: string }> {
  const yes = await confirmed({ title: `Revoke “${key.name}”?`, words: 'It opens nothing any more from the next request on. This cannot be taken back.', yes: 'Revoke the key', no: 'Keep it' });
  return yes ? send('DELETE', `/admin/keys/${key.id}`) : { message: 'Nothing was changed.' };
}

function issueForm(shown: HTMLElement, done: () => void): HTMLElement {
  const name = h('input', { id: 'key-name', class: 'field', required: true, maxlength: 100, autocomplete: 'off' });
  const role = h('select', { id: 'key-role', class: 'field' }, h('option', { value: 'user' }, 'User'), h('option', { value: 'admin' }, 'Admin'));
  const life = h('select', { id: 'key-life', class: 'field' }, ...LIVES.map(([value, words]) => h('option', { value }, words)));
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const wanted = { name: name.value.trim(), role: role.value, ...(life.value === '' ? {} : { expires_in_seconds: Number(life.value) }) };
      const issued = await signedIn(() => send<Key & { key: string }>('POST', '/admin/keys', wanted), 'admin');
      fill(shown, h('div', { class: 'notice notice-info', role: 'status' }, h('p', {}, `The key of “${issued.name}”. Keep it now: it is not shown again.`), h('code', { class: 'secret' }, issued.key)));
      announce('The key was issued and is shown once.');
      name.value = '';
      done();
    } catch (cause) {
      fill(shown, notice('error', cause instanceof ServiceError ? cause.message : 'That did not work. Try again.'));
    }
  };
  return h('form', { class: 'console-form', 'aria-label': 'Issue a key', onsubmit: (event) => void submit(event) },
    labelled('key-name', 'Name', name), labelled('key-role', 'Role', role), labelled('key-life', 'Good for', life),
    h('button', { type: 'submit', class: 'button button-primary' }, 'Issue a key'));
}

export const labelled = (id: string, words: string, field: HTMLElement): HTMLElement => h('div', {}, h('label', { for: id }, words), field);
