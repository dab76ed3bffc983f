// One file under way, or ended without a model: its picture, its state in words, how far it is, what was written down
// about it, a way to stop it, and one to try it again once it has failed and may do better.

import { h, setText } from '../ui/dom';
import { isFocusLost } from '../ui/focus';
import { icon } from '../ui/icon';
import { picture } from '../ui/picture';
import { ProgressBar } from '../ui/progress-bar';
import { count, fileStatusWords } from '../ui/words';
import { failureWords, isWorthATry } from './failure';
import type { FileState } from './job-state';
import { LogView } from './log-view';

export interface RowActions {
  /** Puts the file in line anew. */
  retry: () => void;
  /** Stops it; the others go on. */
  cancel: () => void;
}

/** The service's own words for a state, which repeat ours; others, a provider's above all, are news. */
const SAID = new Set(['Waiting for a worker', 'Sending the image to the model provider', 'The model is being made']);

export class FileRow {
  readonly element: HTMLElement;
  readonly #name = h('span', { class: 'row-name' });
  readonly #status = h('span', { class: 'row-status' });
  readonly #percent = h('span', { class: 'row-percent' });
  readonly #message = h('span', { class: 'row-message' });
  readonly #bar = new ProgressBar('Progress');
  readonly #log = new LogView();
  readonly #retry: HTMLButtonElement;
  readonly #cancel: HTMLButtonElement;
  readonly #isFixed: boolean;

  /** Without actions for whoever may only look. */
  constructor(file: FileState, thumbnail: string, actions: RowActions | null) {
    this.#isFixed = actions === null;
    const image = picture({ class: 'row-picture', src: thumbnail, alt: '', width: 64, height: 64 });
    this.#retry = h('button', { type: 'button', class: 'button button-quiet row-retry', hidden: true, onclick: () => actions?.retry() }, icon('retry'), 'Try again');
    this.#cancel = h('button', { type: 'button', class: 'icon-button row-cancel', hidden: true, title: 'Cancel this one', onclick: () => actions?.cancel() }, icon('remove'));
    this.element = h('li', { class: 'row', 'data-file': file.id, tabindex: -1 },
      image,
      h('div', { class: 'row-body' },
        h('div', { class: 'row-head' }, this.#name, this.#percent),
        this.#bar.element,
        h('p', { class: 'row-news hint' }, this.#status, ' ', this.#message),
        this.#log.element,
      ),
      this.#retry,
      this.#cancel,
    );
  }

  /** `alone` when it is the job's only file, which is cancelled with the job. */
  update(file: FileState, alone: boolean): void {
    const name = file.name || 'Picture';
    const stopped = file.status === 'failed' || file.status === 'cancelled';
    setText(this.#name, name);
    setText(this.#status, fileStatusWords(file.status));
    setText(this.#percent, stopped ? '' : `${Math.round(file.progress)} %`);
    setText(this.#message, wordsOf(file));
    this.element.dataset['status'] = file.status;
    this.#bar.label = `Progress of ${name}`;
    this.#bar.value = file.progress;
    this.#bar.element.hidden = stopped;
    this.#log.update(file.log, name);
    const held = this.element.contains(document.activeElement);
    this.#retry.hidden = this.#isFixed || file.status !== 'failed' || !isWorthATry(file.failure);
    this.#retry.setAttribute('aria-label', `Try again: ${name}`);
    this.#cancel.hidden = this.#isFixed || stopped || alone;
    this.#cancel.setAttribute('aria-label', `Cancel ${name}`);
    // Whoever pressed what is gone now stays where they are.
    if (held && isFocusLost()) this.element.focus();
  }
}

/** What is to be said beyond the state itself. */
export function wordsOf(file: FileState): string {
  if (file.status === 'failed') return failureWords(file);
  if (file.status === 'cancelled') return 'Stopped before a model was made.';
  if (file.status === 'pending' && file.queuePosition !== null) return file.queuePosition === 0 ? 'Next in line' : `${count(file.queuePosition, 'picture')} in line before it`;
  if (file.status === 'queued_at_provider' && file.queuePosition !== null && file.queuePosition > 0) return `${count(file.queuePosition, 'request')} before it`;
  const again = file.attempts > 0 && file.status !== 'completed' ? `, attempt ${file.attempts + 1}` : '';
  return SAID.has(file.message) ? again.slice(2) : file.message + again;
}
