// One file under way, or ended without a model: its picture, its state in words, how far it is.

import { fileStatusWords } from '../ui/words';
import { h, setText } from '../ui/dom';
import { ProgressBar } from '../ui/progress-bar';
import type { FileState } from './job-state';

export class FileRow {
  readonly element: HTMLElement;
  readonly #name = h('span', { class: 'row-name' });
  readonly #status = h('span', { class: 'row-status' });
  readonly #percent = h('span', { class: 'row-percent' });
  readonly #message = h('span', { class: 'row-message' });
  readonly #bar = new ProgressBar('Progress');

  constructor(file: FileState, thumbnail: string) {
    const image = h('img', { class: 'row-picture', src: thumbnail, alt: '', loading: 'lazy', width: 64, height: 64 });
    this.element = h('li', { class: 'row', 'data-file': file.id },
      image,
      h('div', { class: 'row-body' },
        h('div', { class: 'row-head' }, this.#name, this.#percent),
        this.#bar.element,
        h('p', { class: 'row-news hint' }, this.#status, ' ', this.#message),
      ),
    );
  }

  update(file: FileState): void {
    const name = file.name || 'Picture';
    const stopped = file.status === 'failed' || file.status === 'cancelled';
    setText(this.#name, name);
    setText(this.#status, fileStatusWords(file.status));
    setText(this.#percent, stopped ? '' : `${Math.round(file.progress)} %`);
    setText(this.#message, words(file));
    this.element.dataset['status'] = file.status;
    this.#bar.label = `Progress of ${name}`;
    this.#bar.value = file.progress;
    this.#bar.element.hidden = stopped;
  }
}

function words(file: FileState): string {
  if (file.status === 'failed') return file.failure?.message ?? (file.message || 'No reason was given.');
  if (file.status === 'cancelled') return 'Stopped before a model was made.';
  return file.message;
}
