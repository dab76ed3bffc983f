// Stands in the button's place while pictures are sent: how far it is, and a way to stop, until all has left: what the service
// has whole it goes on with, whoever listens.

import { h, setText } from '../ui/dom';
import { ProgressBar } from '../ui/progress-bar';

export class SendingPanel {
  readonly element: HTMLElement;
  readonly #words = h('p', { class: 'sending-words', tabindex: -1 });
  readonly #bar = new ProgressBar('Upload');
  readonly #cancel: HTMLButtonElement;

  constructor(stop: () => void) {
    this.#cancel = h('button', { type: 'button', class: 'button button-quiet', onclick: stop }, 'Cancel');
    this.element = h('div', { class: 'sending', hidden: true }, this.#words, this.#bar.element, this.#cancel);
  }

  setShown(shown: boolean): void {
    this.element.hidden = !shown;
    if (!shown) return;
    this.show(0);
    this.#cancel.focus();
  }

  /** From 0 to 1. */
  show(fraction: number): void {
    this.#bar.value = fraction * 100;
    const held = document.activeElement === this.#cancel;
    this.#cancel.hidden = fraction >= 1;
    if (held && this.#cancel.hidden) this.#words.focus();
    setText(this.#words, fraction < 1 ? `Sending, ${Math.round(fraction * 100)} %` : 'Sent. The pictures are being checked…');
  }
}
