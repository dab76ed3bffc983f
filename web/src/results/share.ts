// A link to the job for somebody else. Where the service gave the job an access token the link carries it, so that it
// opens without a key until the job's files are removed.

import { pages } from '../api/addresses';
import { shareToken } from '../api/session';
import { announce } from '../ui/announce';
import { fill, h } from '../ui/dom';
import { icon } from '../ui/icon';

export class ShareButton {
  readonly element: HTMLButtonElement;
  readonly panel = h('div', { class: 'share', hidden: true });
  readonly #job: string;

  constructor(job: string) {
    this.#job = job;
    this.element = h('button', { type: 'button', class: 'button button-quiet', 'aria-expanded': 'false', onclick: () => this.#toggle() }, icon('share'), 'Share');
  }

  #toggle(): void {
    const opens = this.panel.hidden;
    this.panel.hidden = !opens;
    this.element.setAttribute('aria-expanded', String(opens));
    if (opens) this.#fill();
  }

  #fill(): void {
    const link = new URL(pages.shared(this.#job), location.href).href;
    const field = h('input', { id: 'share-link', class: 'field', type: 'text', readonly: true, value: link, 'aria-describedby': 'share-hint', onfocus: () => field.select() });
    const copy = h('button', { type: 'button', class: 'button button-primary', onclick: () => void copied(field, copy) }, 'Copy');
    const open = shareToken(this.#job) !== null;
    fill(this.panel, h('label', { for: 'share-link' }, 'Link to this job'),
      h('div', { class: 'share-row' }, field, copy),
      h('p', { id: 'share-hint', class: 'hint' }, open
        ? 'Whoever has this link may do with this job what you may, without a key, until its files are removed.'
        : 'Whoever may use this service can open it, until its files are removed.'));
    field.focus();
  }
}

async function copied(field: HTMLInputElement, button: HTMLButtonElement): Promise<void> {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // Plain-HTTP addresses have no clipboard: the selected link can be copied by hand.
    button.textContent = 'Press Ctrl+C';
    return field.focus();
  }
  button.textContent = 'Copied';
  announce('The link was copied.');
}
