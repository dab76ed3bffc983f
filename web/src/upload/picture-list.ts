// The pictures waiting to be sent: what was picked, what each looks like, and which were refused and why.
// The same file may be there twice; the list never exceeds the server's number of files.

import { randomId } from '../ui/random-id';
import { count } from '../ui/words';
import { HEAD_BYTES, type Limits, NO_LIMITS, refusalOf, sizeRefusal, USUAL_LIMITS } from './rules';
import { thumbnailOf } from './thumbnail';

export interface Picture {
  readonly id: string;
  readonly file: File;
  /** Small data URL; null while it is being made. */
  thumbnail: string | null;
  width: number;
  height: number;
  /** What the server said against it, after a refused upload. */
  refusal: string | null;
}

/** A file that did not get in. */
export interface Refused {
  name: string;
  reason: string;
}

export class PictureList {
  readonly pictures: Picture[] = [];
  refused: Refused[] = [];
  limits = USUAL_LIMITS;
  readonly #changed: () => void;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** `changed` runs after every change. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Whether some that were picked are still being looked at: until then nobody knows which pictures there are. */
  get isLooking(): boolean {
    return this.#waiting > 0;
  }

  /** Takes what fits and remembers why the rest does not; returns how many were taken. One call waits for the one before. */
  add(files: readonly File[]): Promise<number> {
    return this.#inTurn(async () => {
      const before = this.pictures.length;
      this.refused = [];
      for (const file of files) {
        const reason = await this.#admit(file, randomId(), this.limits);
        if (reason !== null) this.refused.push({ name: file.name, reason });
        this.#changed();
      }
      return Math.max(0, this.pictures.length - before);
    });
  }

  /** Takes back pictures of an earlier visit, under their own ids; what cannot be read any more is dropped. */
  restore(shelved: readonly { id: string; file: File }[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const { id, file } of shelved) await this.#admit(file, id, NO_LIMITS);
      this.#changed();
    });
  }

  /** Pictures are looked at one after the other, so that they stand in the order they came in. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    this.#changed();
    const turn = this.#last.then(work).finally(() => {
      this.#waiting -= 1;
      this.#changed();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  remove(id: string): void {
    const index = this.indexOf(id);
    if (index >= 0) this.pictures.splice(index, 1);
    this.#changed();
  }

  /** Gives a picture another place; places outside the list mean its ends. Returns the place it has then. */
  move(id: string, to: number): number {
    const from = this.indexOf(id);
    const [picture] = from < 0 ? [] : this.pictures.splice(from, 1);
    if (picture === undefined) return -1;
    const place = Math.min(this.pictures.length, Math.max(0, to));
    this.pictures.splice(place, 0, picture);
    this.#changed();
    return place;
  }

  indexOf(id: string): number {
    return this.pictures.findIndex((picture) => picture.id === id);
  }

  clear(): void {
    this.pictures.length = 0;
    this.refused = [];
    this.#changed();
  }

  /** Shows what the server refused beside the pictures it means. Returns what could not be placed. */
  blame(entries: readonly { filename: string; message: string; index?: number }[]): string[] {
    const unplaced: string[] = [];
    for (const entry of entries) {
      const meant = entry.index !== undefined
        ? this.pictures[entry.index]
        : this.pictures.find((picture) => picture.file.name === entry.filename && picture.refusal === null);
      if (meant) meant.refusal = entry.message;
      else unplaced.push(entry.filename ? `${entry.filename}: ${entry.message}` : entry.message);
    }
    this.#changed();
    return unplaced;
  }

  async #admit(file: File, id: string, limits: Limits): Promise<string | null> {
    if (this.pictures.length >= limits.files) return `At most ${count(limits.files, 'picture')} ${limits.files === 1 ? 'fits' : 'fit'} in one upload.`;
    let head: Uint8Array;
    try {
      head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
    } catch {
      return 'The file cannot be read.';
    }
    const reason = refusalOf(file, head, limits);
    if (reason !== null) return reason;
    const picture: Picture = { id, file, thumbnail: null, width: 0, height: 0, refusal: null };
    this.pictures.push(picture);
    this.#changed();
    const looked = await this.#look(picture);
    if (looked !== null) this.remove(picture.id);
    return looked;
  }

  async #look(picture: Picture): Promise<string | null> {
    try {
      const { url, width, height } = await thumbnailOf(picture.file);
      Object.assign(picture, { thumbnail: url, width, height });
      return sizeRefusal(width, height);
    } catch {
      return 'The picture is damaged: it cannot be opened.';
    }
  }
}
