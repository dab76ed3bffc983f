// What the models cost and how long one takes, above the button; no line for what is not known.

import type { ModelMaker, Wishes } from '../api/models';
import { fill, h } from '../ui/dom';
import { estimate } from './estimate';

export class EstimateLine {
  readonly element = h('dl', { class: 'estimate' });
  /** The simulator makes models for nothing: whoever uses it tries the service out. */
  isSimulated = false;
  #shown = '';

  show(maker: ModelMaker | null, wishes: Wishes, pictures: number): void {
    const { cost, sum, time } = estimate(maker, wishes, pictures);
    const free = this.isSimulated ? 'not charged in a trial' : null;
    const lines: [string, string | null, string | null][] = [
      ['Pictures', pictures === 0 ? 'None yet' : null, null], ['Cost', pictures === 0 ? null : cost, free ?? sum], ['Time', time, null],
    ];
    const known = lines.filter(([, value]) => value !== null);
    const now = JSON.stringify(known);
    if (now === this.#shown) return;
    this.#shown = now;
    fill(this.element, ...known.map(([name, value, more]) =>
      h('div', {}, h('dt', {}, name), h('dd', {}, value, more !== null && h('span', { class: 'hint' }, ` ${more}`)))));
  }
}
