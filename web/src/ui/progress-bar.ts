// A progress bar that screen readers know; its length is a custom property, read by the style sheet.

import { h } from './dom';

export class ProgressBar {
  readonly element: HTMLElement;
  readonly #fill: HTMLElement;

  constructor(label: string) {
    this.#fill = h('div', { class: 'bar-fill' });
    this.element = h(
      'div',
      { class: 'bar', role: 'progressbar', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': 0 },
      this.#fill,
    );
  }

  set label(label: string) {
    this.element.setAttribute('aria-label', label);
  }

  /** Percent, 0..100. */
  set value(percent: number) {
    const whole = String(Math.round(percent));
    if (this.element.getAttribute('aria-valuenow') === whole) return;
    this.element.setAttribute('aria-valuenow', whole);
    this.#fill.style.setProperty('--progress', `${whole}%`);
  }
}
