// The page of one job: rows for what is under way, cards for what is ready, both following one JobState.

import { addresses } from '../api/addresses';
import { accessToken, thumbnailsOf } from '../api/session';
import { modelCard } from '../results/model-card';
import { Selection } from '../results/selection';
import { announce } from '../ui/announce';
import { h, setText } from '../ui/dom';
import { count, fileStatusWords } from '../ui/words';
import { FileRow } from './file-row';
import { JobActions } from './job-actions';
import type { FileState, JobState } from './job-state';
import { Summary, titleOf } from './summary';

/** So many pictures under way push the models off the screen. */
const MANY = 4;

export class JobView {
  readonly summary = new Summary();
  readonly element: HTMLElement;
  readonly #job: string;
  readonly #thumbnails: Record<string, string>;
  readonly #rows = new Map<string, FileRow>();
  readonly #cards = new Map<string, HTMLElement>();
  readonly #said = new Map<string, string>();
  /** From the pictures under way to the models further down. */
  readonly #jump = h('a', { class: 'jump', href: '#models' });
  readonly #rowList = h('ul', { class: 'rows', 'aria-label': 'Models under way' });
  readonly #cardList = h('ul', { class: 'models', id: 'models', tabindex: -1, 'aria-label': 'Finished models' });
  readonly #selection: Selection;
  readonly #actions: JobActions;
  #order: string[] = [];
  #ended = false;

  /** `again` is called when files were put in line anew: there is something to follow again. */
  constructor(job: string, again: () => void) {
    this.#job = job;
    this.#thumbnails = thumbnailsOf(job);
    this.#selection = new Selection(job);
    this.#actions = new JobActions(job, this.#selection, again, () => this.summary.focus());
    this.element = h('div', { class: 'job' }, this.summary.element, this.#actions.element, this.#jump, this.#rowList, this.#cardList, this.#selection.bar);
  }

  update(state: JobState): void {
    const ready = state.count('completed');
    // The layout is chosen for the models to come, so that it does not change under the hand as they arrive.
    this.#cardList.dataset['count'] = String(state.ended ? ready : state.files.size);
    this.#order = [...state.files.keys()];
    for (const file of state.files.values()) {
      if (file.status === 'completed') this.#showCard(file, state.files.size);
      else this.#showRow(file, state.files.size === 1);
      this.#say(file);
    }
    this.#cardList.hidden = ready === 0;
    this.#rowList.hidden = this.#rows.size === 0;
    this.#rowList.setAttribute('aria-label', state.ended ? 'Pictures without a model' : 'Models under way');
    this.#jump.hidden = ready === 0 || state.ended || this.#rows.size < MANY;
    setText(this.#jump, `See ${count(ready, 'finished model')}`);
    this.#actions.update(state);
    this.summary.update(state);
    if (state.ended !== this.#ended) this.#turn(state);
  }

  #showRow(file: FileState, alone: boolean): void {
    this.#cards.get(file.id)?.remove();
    this.#cards.delete(file.id);
    let row = this.#rows.get(file.id);
    if (row === undefined) {
      const actions = { retry: () => void this.#actions.retry([file.id]), cancel: () => void this.#actions.cancel(file.id, file.name) };
      row = new FileRow(file, this.#picture(file), accessToken(this.#job) === null ? actions : null);
      this.#rows.set(file.id, row);
      this.#rowList.append(row.element);
    }
    row.update(file, alone);
  }

  #showCard(file: FileState, all: number): void {
    const row = this.#rows.get(file.id)?.element;
    const held = row?.contains(document.activeElement) ?? false;
    row?.remove();
    this.#rows.delete(file.id);
    if (this.#cards.has(file.id)) return;
    const card = modelCard(this.#job, file, { thumbnail: this.#picture(file), select: all > 1 ? this.#selection.boxOf(file) : null });
    this.#cardList.insertBefore(card, this.#cardAfter(file.id));
    this.#cards.set(file.id, card);
    // Whoever was at its row goes on at its model.
    if (held) card.querySelector('a')?.focus({ preventScroll: true });
  }

  /** The first card of a later file, so that cards stand in the order of the upload. */
  #cardAfter(id: string): HTMLElement | null {
    const later = this.#order.slice(this.#order.indexOf(id) + 1);
    return later.map((other) => this.#cards.get(other)).find((card) => card?.isConnected) ?? null;
  }

  /** Work comes first while there is some; afterwards what came of it. */
  #turn(state: JobState): void {
    this.#ended = state.ended;
    if (!state.ended) return this.#cardList.before(this.#rowList);
    this.#cardList.after(this.#rowList);
    announce(`${titleOf(state)}.`);
  }

  #picture(file: FileState): string {
    return this.#thumbnails[file.id] ?? addresses.thumbnail(this.#job, file.id);
  }

  /** Speaks a file's change of state, but not the states the page opened with. */
  #say(file: FileState): void {
    const before = this.#said.get(file.id);
    this.#said.set(file.id, file.status);
    if (before !== undefined && before !== file.status) announce(`${file.name}: ${fileStatusWords(file.status)}.`);
  }
}
