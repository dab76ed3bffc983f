// The thumbnails of the chosen pictures in their order: each with its name, its size, how much of it has been sent,
// and buttons to move it and to take it out. With a mouse it can be dragged to its place as well.

import { announce } from '../ui/announce';
import { h } from '../ui/dom';
import { dragToReorder } from './drag';
import type { PictureList } from './picture-list';
import { PictureTile } from './picture-tile';

export class PictureGrid {
  readonly element = h('ul', { class: 'picture-grid', 'aria-label': 'Chosen pictures' });
  readonly #tiles = new Map<string, PictureTile>();
  readonly #list: PictureList;
  /** Where focus goes when the last tile has gone. */
  readonly #fallback: HTMLElement;

  constructor(list: PictureList, fallback: HTMLElement) {
    this.#list = list;
    this.#fallback = fallback;
    dragToReorder(this.element, (id, place) => this.#move(id, place));
  }

  /** Shows the list as it is; `last` stays the last tile. */
  update(last: HTMLElement): void {
    const { pictures } = this.#list;
    const ids = new Set(pictures.map((picture) => picture.id));
    for (const [id, tile] of this.#tiles) {
      if (ids.has(id)) continue;
      tile.element.remove();
      this.#tiles.delete(id);
    }
    pictures.forEach((picture, index) => {
      const tile = this.#tiles.get(picture.id) ?? this.#make(picture.id, picture.file);
      // Moving an element takes its focus away; only one that stands elsewhere is moved.
      const standing = this.element.children[index];
      if (standing !== tile.element) this.element.insertBefore(tile.element, standing ?? last);
      tile.update(picture, index, pictures.length);
    });
    if (this.element.lastElementChild !== last) this.element.append(last);
  }

  /** How much of each picture has been sent, from 0 to 1; null when nothing is under way. */
  showSent(shares: readonly number[] | null): void {
    this.#list.pictures.forEach(({ id }, index) => this.#tiles.get(id)?.showSent(shares === null ? null : (shares[index] ?? 0)));
  }

  setDisabled(disabled: boolean): void {
    this.element.classList.toggle('is-fixed', disabled);
    for (const tile of this.#tiles.values()) tile.setDisabled(disabled);
  }

  /** The first of those that the service refused gets the keyboard, to be taken out. */
  focusRefused(): void {
    const refused = this.#list.pictures.find(({ refusal }) => refusal !== null);
    if (refused) this.#tiles.get(refused.id)?.focusRemove();
  }

  #make(id: string, file: File): PictureTile {
    const tile = new PictureTile(id, file, {
      remove: () => this.#remove(id),
      move: (by) => {
        this.#move(id, this.#list.indexOf(id) + by);
        tile.focusMove(by);
      },
    });
    this.#tiles.set(id, tile);
    return tile;
  }

  #move(id: string, to: number): void {
    const from = this.#list.indexOf(id);
    const place = this.#list.move(id, to);
    const name = this.#list.pictures[place]?.file.name;
    if (name !== undefined && place !== from) announce(`${name} is now picture ${place + 1} of ${this.#list.pictures.length}.`);
  }

  #remove(id: string): void {
    const at = this.#list.indexOf(id);
    const name = this.#list.pictures[at]?.file.name ?? 'The picture';
    this.#list.remove(id);
    announce(`${name} was taken out.`);
    const next = this.#list.pictures[Math.min(at, this.#list.pictures.length - 1)];
    const tile = next && this.#tiles.get(next.id);
    if (tile) tile.focusRemove();
    else this.#fallback.focus();
  }
}
