// The model maker's log of one file, opened on demand: nothing is drawn while it is closed.

import { fill, h, setText } from '../ui/dom';
import { count } from '../ui/words';
import type { Log } from './log';

export class LogView {
  readonly element: HTMLDetailsElement;
  readonly #title = h('summary', {});
  readonly #lines = h('ol', { class: 'log-lines', tabindex: 0 });
  #log: Log | null = null;
  #drawn = 0;

  constructor() {
    this.element = h('details', { class: 'log', hidden: true, ontoggle: () => this.#draw() }, this.#title, this.#lines);
  }

  update(log: Log, name: string): void {
    this.#log = log;
    this.element.hidden = log.total === 0;
    setText(this.#title, count(log.total, 'log line'));
    this.#lines.setAttribute('aria-label', `Log of ${name}`);
    this.#draw();
  }

  #draw(): void {
    if (!this.element.open || this.#log === null || this.#log.total === this.#drawn) return;
    this.#drawn = this.#log.total;
    const atEnd = this.#lines.scrollHeight - this.#lines.scrollTop - this.#lines.clientHeight < 24;
    fill(this.#lines, ...this.#log.lines.map(({ time, level, words }) =>
      h('li', { 'data-level': level }, time !== '' && h('time', {}, time), ' ', words)));
    // Whoever has scrolled up to read is left there.
    if (atEnd) this.#lines.scrollTop = this.#lines.scrollHeight;
  }
}
