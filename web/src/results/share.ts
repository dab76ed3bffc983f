// A link to the job for somebody without a key: it looks and downloads, changes nothing, and ends by itself or when it is withdrawn.
// The service makes a fresh one each time, so that every tab of the owner's can share, and no tab has to keep one.

import { pages } from '../api/addresses';
import { shareJob, withdrawLinks } from '../api/client';
import { ServiceError } from '../api/problem';
import { accessToken } from '../api/session';
import type { SharedLink } from '../api/types';
import { announce } from '../ui/announce';
import { fill, h, setText } from '../ui/dom';
import { icon } from '../ui/icon';
import { signedIn } from '../ui/signed-in';
import { moment } from '../ui/words';

const DAY = 86_400;
const LIVES: readonly [number, string][] = [[3600, 'For an hour'], [DAY, 'For a day'], [7 * DAY, 'For a week']];

export class ShareButton {
  readonly element: HTMLButtonElement;
  readonly panel = h('div', { class: 'share', hidden: true, role: 'group', 'aria-label': 'Share' });
  readonly #job: string;
  readonly #link = h('input', { id: 'share-link', class: 'field', type: 'text', readonly: true, 'aria-describedby': 'share-hint', onfocus: () => this.#link.select() });
  readonly #life = h('select', { id: 'share-life', class: 'field', 'aria-label': 'How long the link is good for', onchange: () => void this.#make() },
    ...LIVES.map(([seconds, words]) => h('option', { value: seconds, selected: seconds === DAY }, words)));
  readonly #copy = h('button', { type: 'button', class: 'button button-primary', onclick: () => void copied(this.#link, this.#copy) }, 'Copy');
  readonly #withdraw = h('button', { type: 'button', class: 'button button-quiet', onclick: () => void this.#takeBack() }, 'Withdraw all links');
  readonly #hint = h('p', { id: 'share-hint', class: 'hint', role: 'status' });

  constructor(job: string) {
    this.#job = job;
    this.element = h('button', { type: 'button', class: 'button button-quiet', 'aria-expanded': 'false', onclick: () => this.#toggle() }, icon('share'), 'Share');
    fill(this.panel, h('label', { for: 'share-link' }, 'Link to this job'),
      h('div', { class: 'share-row' }, this.#link, this.#copy),
      h('div', { class: 'share-row' }, this.#life, this.#withdraw), this.#hint);
  }

  #toggle(): void {
    const opens = this.panel.hidden;
    this.panel.hidden = !opens;
    this.element.setAttribute('aria-expanded', String(opens));
    if (opens) void this.#make();
  }

  async #make(): Promise<void> {
    const guest = accessToken(this.#job);
    if (guest !== null) return this.#show({ access_token: guest, expires_at: null, opens_without_token: false, page: pages.shared(this.#job, guest) }, true);
    this.#setBusy(true);
    setText(this.#hint, 'Making a link…');
    try {
      this.#show(await signedIn(() => shareJob(this.#job, Number(this.#life.value))), false);
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#setBusy(false);
    }
  }

  #show({ page, access_token: token, expires_at: end, opens_without_token: open }: SharedLink, given: boolean): void {
    this.#link.value = new URL(page, location.href).href;
    setText(this.#copy, 'Copy');
    // Without a token there is nothing to end and nothing to take back.
    this.#life.hidden = given || token === null;
    this.#withdraw.hidden = this.#life.hidden;
    setText(this.#hint, given
      ? 'The link that you came with. It opens the job for whoever has it, for as long as it does for you.'
      : token === null
        ? 'Whoever has this link can open it, until the job’s files are removed.'
        : `Whoever has this link may look and download, without a key, until ${moment(Date.parse(end ?? ''))}. ${open
          ? 'With it they cannot change anything; but here the job’s address alone opens it too, for everything.'
          : 'They cannot change anything.'}`);
    this.#link.focus();
  }

  async #takeBack(): Promise<void> {
    this.#setBusy(true);
    try {
      const words = await signedIn(() => withdrawLinks(this.#job));
      this.#link.value = '';
      setText(this.#hint, `${words || 'The links are withdrawn'}. Share again to make another.`);
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#setBusy(false);
    }
  }

  #fail(cause: unknown): void {
    this.#link.value = '';
    setText(this.#hint, cause instanceof ServiceError ? cause.message : 'That did not work. Try again.');
  }

  #setBusy(busy: boolean): void {
    this.#withdraw.disabled = busy;
    this.#copy.disabled = busy || this.#link.value === '';
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
