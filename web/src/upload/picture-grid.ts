// The thumbnails of the chosen pictures, each with its name, size and a way to take it out again.

import { h, setText } from '../ui/dom';
import { icon } from '../ui/icon';
import { bytes } from '../ui/words';
import type { Picture, PictureList } from './picture-list';

interface Tile {
  element: HTMLElement;
  image: HTMLImageElement;
  facts: HTMLElement;
  refusal: HTMLElement;
  remove: HTMLButtonElement;
}

export class PictureGrid {
  readonly element = h('ul', { class: 'picture-grid', 'aria-label': 'Chosen pictures' });
  readonly #tiles = new Map<number, Tile>();
  readonly #list: PictureList;
  /** Where focus goes when the last tile has gone. */
  readonly #fallback: HTMLElement;

  constructor(list: PictureList, fallback: HTMLElement) {
    this.#list = list;
    this.#fallback = fallback;
  }

  /** Shows the list as it is; `last` stays the last tile. */
  update(last: HTMLElement): void {
    const keys = new Set(this.#list.pictures.map((picture) => picture.key));
    for (const [key, tile] of this.#tiles) {
      if (keys.has(key)) continue;
      tile.element.remove();
      this.#tiles.delete(key);
    }
    for (const picture of this.#list.pictures) {
      let tile = this.#tiles.get(picture.key);
      if (tile === undefined) {
        tile = this.#make(picture);
        this.#tiles.set(picture.key, tile);
        this.element.insertBefore(tile.element, last.parentNode === this.element ? last : null);
      }
      paint(tile, picture);
    }
  }

  setDisabled(disabled: boolean): void {
    for (const { remove } of this.#tiles.values()) remove.disabled = disabled;
  }

  #make(picture: Picture): Tile {
    const image = h('img', { alt: '', width: 320, height: 240, decoding: 'async' });
    const facts = h('span', { class: 'hint' });
    const refusal = h('p', { class: 'picture-refusal' });
    const remove = h(
      'button',
      { type: 'button', class: 'picture-remove', 'aria-label': `Remove ${picture.file.name}`, onclick: () => this.#remove(picture.key) },
      icon('remove'),
    );
    const element = h('li', { class: 'picture' },
      h('div', { class: 'picture-frame is-loading' }, image),
      h('div', { class: 'picture-words' }, h('span', { class: 'picture-name', title: picture.file.name }, picture.file.name), facts, refusal),
      remove,
    );
    return { element, image, facts, refusal, remove };
  }

  #remove(key: number): void {
    const at = this.#list.pictures.findIndex((picture) => picture.key === key);
    this.#list.remove(key);
    const next = this.#list.pictures[Math.min(at, this.#list.pictures.length - 1)];
    (next ? this.#tiles.get(next.key)?.remove : this.#fallback)?.focus();
  }
}

function paint(tile: Tile, picture: Picture): void {
  if (picture.thumbnail !== null && tile.image.getAttribute('src') !== picture.thumbnail) {
    tile.image.src = picture.thumbnail;
    tile.image.parentElement?.classList.remove('is-loading');
  }
  const sides = picture.width > 0 ? `${picture.width} × ${picture.height}, ` : '';
  setText(tile.facts, sides + bytes(picture.file.size));
  setText(tile.refusal, picture.refusal ?? '');
  tile.element.classList.toggle('is-refused', picture.refusal !== null);
}
