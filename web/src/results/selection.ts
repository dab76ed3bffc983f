// Which of the finished models are chosen, and the button that brings exactly those home in one ZIP.
// The service packs all models of a job; a choice among them is fetched one by one and packed here.

import { addresses } from '../api/addresses';
import type { FileState, JobState } from '../progress/job-state';
import { announce } from '../ui/announce';
import { h, setText } from '../ui/dom';
import { icon } from '../ui/icon';
import { bareName, count } from '../ui/words';
import { fetchModel } from './model-file';
import { saveAs } from './save';
import { uniqueNames, zipOf } from './zip';

export class Selection {
  /** Stays at the foot of the window while something is chosen. */
  readonly bar: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #job: string;
  readonly #chosen = new Set<string>();
  readonly #words = h('span', {});
  #names = new Map<string, string>();

  constructor(job: string) {
    this.#job = job;
    this.#button = h('button', { type: 'button', class: 'button button-primary', onclick: () => void this.#download() }, icon('download'), this.#words);
    this.bar = h('div', { class: 'selection-bar', hidden: true }, this.#button);
  }

  /** The tick box of a model. */
  boxOf(file: FileState): HTMLElement {
    const box = h('input', { type: 'checkbox', 'aria-label': `Select ${file.name}`, onchange: () => {
      if (box.checked) this.#chosen.add(file.id);
      else this.#chosen.delete(file.id);
      this.#show();
    } });
    return h('label', { class: 'select-box' }, box);
  }

  update(state: JobState): void {
    const ready = [...state.files.values()].filter(({ status }) => status === 'completed');
    this.#names = new Map(ready.map(({ id, name }) => [id, name]));
    this.#show();
  }

  #show(): void {
    this.bar.hidden = this.#chosen.size === 0;
    setText(this.#words, `Download ${this.#chosen.size} selected`);
  }

  async #download(): Promise<void> {
    const ids = [...this.#names.keys()].filter((id) => this.#chosen.has(id));
    const names = uniqueNames(ids.map((id) => `${bareName(this.#names.get(id) ?? '') || 'model'}.glb`));
    this.#button.disabled = true;
    try {
      const blobs: Blob[] = [];
      for (const [index, id] of ids.entries()) {
        setText(this.#words, `Fetching ${index + 1} of ${ids.length}…`);
        blobs.push(await fetchModel(addresses.model(this.#job, id), () => setText(this.#words, `Waiting for ${index + 1} of ${ids.length}…`)));
      }
      const whole = blobs.length === 1 ? blobs[0] : await zipOf(names.map((name, index) => ({ name, content: blobs[index] ?? new Blob() })));
      if (whole) saveAs(whole, ids.length === 1 ? (names[0] ?? 'model.glb') : `models_${this.#job.slice(0, 8)}.zip`);
      announce(`${count(ids.length, 'model')} downloaded.`);
      this.#show();
    } catch {
      setText(this.#words, 'A model could not be fetched. Try again');
    } finally {
      this.#button.disabled = false;
    }
  }
}
