// One chosen picture: thumbnail, name, facts, what the server has against it, and its buttons.

import { h, setText } from '../ui/dom';
import { icon } from '../ui/icon';
import { ProgressBar } from '../ui/progress-bar';
import { bytes } from '../ui/words';
import type { Picture } from './picture-list';

export interface TileActions {
  remove: () => void;
  /** One place earlier (-1) or later (1). */
  move: (by: -1 | 1) => void;
}

export class PictureTile {
  readonly element: HTMLElement;
  readonly #image = h('img', { alt: '', width: 320, height: 240, decoding: 'async', draggable: 'false' });
  readonly #frame = h('div', { class: 'picture-frame is-loading' }, this.#image);
  readonly #place = h('span', { class: 'picture-place', 'aria-hidden': 'true' });
  readonly #facts = h('span', { class: 'hint' });
  readonly #refusal = h('p', { class: 'picture-refusal' });
  readonly #remove: HTMLButtonElement;
  readonly #earlier: HTMLButtonElement;
  readonly #later: HTMLButtonElement;
  readonly #bar: ProgressBar;

  constructor(id: string, file: File, actions: TileActions) {
    const { name } = file;
    this.#remove = h('button', { type: 'button', class: 'picture-button picture-remove', 'aria-label': `Remove ${name}`, onclick: actions.remove }, icon('remove'));
    this.#earlier = h('button', { type: 'button', class: 'picture-button picture-earlier', 'aria-label': `Move ${name} earlier`, onclick: () => actions.move(-1) }, icon('earlier'));
    this.#later = h('button', { type: 'button', class: 'picture-button picture-later', 'aria-label': `Move ${name} later`, onclick: () => actions.move(1) }, icon('later'));
    this.#bar = new ProgressBar(`Upload of ${name}`);
    this.#bar.element.hidden = true;
    this.#frame.append(this.#place, this.#earlier, this.#later, this.#bar.element);
    this.element = h('li', { class: 'picture', 'data-id': id, draggable: 'true' },
      this.#frame,
      h('div', { class: 'picture-words' }, h('span', { class: 'picture-name', title: name }, name), this.#facts, this.#refusal),
      this.#remove,
    );
  }

  update(picture: Picture, index: number, all: number): void {
    if (picture.thumbnail !== null && this.#image.getAttribute('src') !== picture.thumbnail) {
      this.#image.src = picture.thumbnail;
      this.#frame.classList.remove('is-loading');
    }
    const sides = picture.width > 0 ? `${picture.width} × ${picture.height}, ` : '';
    setText(this.#facts, sides + bytes(picture.file.size));
    setText(this.#refusal, picture.refusal ?? '');
    setText(this.#place, all > 1 ? String(index + 1) : '');
    this.#earlier.hidden = index === 0;
    this.#later.hidden = index === all - 1;
    this.element.classList.toggle('is-refused', picture.refusal !== null);
  }

  showSent(share: number | null): void {
    this.#bar.element.hidden = share === null;
    this.#bar.value = (share ?? 0) * 100;
  }

  setDisabled(disabled: boolean): void {
    for (const button of [this.#remove, this.#earlier, this.#later]) button.disabled = disabled;
    this.element.draggable = !disabled;
  }

  focusRemove(): void {
    this.#remove.focus();
  }

  /** Keeps the hand on the button it used; at an end of the list the other one is left. */
  focusMove(by: -1 | 1): void {
    const used = by < 0 ? this.#earlier : this.#later;
    (used.hidden ? (by < 0 ? this.#later : this.#earlier) : used).focus();
  }
}
