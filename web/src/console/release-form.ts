// Asks which release of a component is to be served, from where, and to whom; and has it served.

import { ServiceError } from '../api/problem';
import { h, setText } from '../ui/dom';
import { signedIn } from '../ui/signed-in';
import { send } from './admin';
import { labelled } from './keys';

/** Hosts fetch, check and compile it while the question waits, in milliseconds. */
const PATIENCE = 120_000;
const SHARES: readonly [string, string][] = [['', 'Everybody, once all hosts are ready'], ['1', '1 in 100 callers'], ['5', '5 in 100 callers'], ['10', '10 in 100 callers'], ['25', '25 in 100 callers'], ['50', 'Half of all callers']];

/** The service's words, once it was asked; rejects when it refused. */
export function askForRelease(id: string, path: string): Promise<{ message?: string }> {
  return new Promise((resolve) => {
    const source = h('input', { id: 'release-source', class: 'field', maxlength: 1024, autocomplete: 'off', spellcheck: 'false', placeholder: 'oci://… or https://…' });
    const digest = h('input', { id: 'release-digest', class: 'field', maxlength: 71, autocomplete: 'off', spellcheck: 'false', pattern: 'sha256:[0-9a-f]{64}', placeholder: 'sha256:…' });
    const file = h('input', { id: 'release-file', class: 'field field-file', type: 'file', accept: '.wasm,application/wasm' });
    const share = h('select', { id: 'release-share', class: 'field' }, ...SHARES.map(([value, words]) => h('option', { value }, words)));
    const said = h('p', { class: 'field-error', role: 'alert' });
    const serve = h('button', { type: 'submit', class: 'button button-primary' }, 'Serve it');
    const submit = async (event: Event): Promise<void> => {
      event.preventDefault();
      const chosen = file.files?.[0];
      if (chosen === undefined && source.value.trim() === '') return setText(said, 'Name an address, or choose a file.');
      serve.disabled = true;
      setText(said, '');
      setText(serve, 'Hosts are preparing it…');
      try {
        const answer = await signedIn(() => order(path, chosen, { source: source.value.trim(), digest: digest.value.trim() }, share.value), 'admin');
        dialog.close();
        resolve(answer);
      } catch (cause) {
        setText(said, cause instanceof ServiceError ? reasons(cause) : 'That did not work. Try again.');
      } finally {
        serve.disabled = false;
        setText(serve, 'Serve it');
      }
    };
    const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'release-title' },
      h('form', { class: 'release-form', onsubmit: (event) => void submit(event) },
        h('h2', { id: 'release-title' }, `Serve another release of ${id}`),
        labelled('release-source', 'Address', source), labelled('release-digest', 'Its digest, where the address has none', digest),
        labelled('release-file', 'Or a file', file), labelled('release-share', 'To whom', share), said,
        h('div', { class: 'dialog-buttons' }, h('button', { type: 'button', class: 'button button-quiet', onclick: () => dialog.close() }, 'Leave it'), serve)));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve({ message: 'Nothing was changed.' });
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

const FIELDS: Readonly<Record<string, string>> = { source: 'The address', digest: 'The digest', weight: 'The share' };

/** What the hosts have against it; the service's sentence alone only says where to look. */
function reasons({ message, refused }: ServiceError): string {
  if (refused.length === 0) return message;
  return refused.map(({ field = '', message: words }) => (field in FIELDS ? `${FIELDS[field]} ${words}.` : words)).join(' ');
}

function order(path: string, file: File | undefined, from: { source: string; digest: string }, share: string): Promise<{ message?: string }> {
  const action = share === '' ? 'swap' : 'canary';
  if (file !== undefined) {
    const query = new URLSearchParams({ ...(share === '' ? {} : { weight: share }), ...(from.digest === '' ? {} : { digest: from.digest }) }).toString();
    return send('POST', `${path}/${action}${query === '' ? '' : `?${query}`}`, new Blob([file], { type: 'application/wasm' }), PATIENCE);
  }
  const body = { source: from.source, ...(from.digest === '' ? {} : { digest: from.digest }), ...(share === '' ? {} : { weight: Number(share) }) };
  return send('POST', `${path}/${action}`, body, PATIENCE);
}
