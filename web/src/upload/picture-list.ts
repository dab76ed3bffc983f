// The pictures waiting to be sent: what was picked, what each looks like, and which were refused and why.
// The same file may be there twice; the list never exceeds the server's number of files.

import { HEAD_BYTES, MAX_FILES, refusalOf, sizeRefusal } from './rules';
import { thumbnailOf } from './thumbnail';

export interface Picture {
  readonly key: number;
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
  #nextKey = 1;
  readonly #changed: () => void;

  /** `changed` runs after every change. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get totalBytes(): number {
    return this.pictures.reduce((sum, picture) => sum + picture.file.size, 0);
  }

  /** Takes what fits and remembers why the rest does not. */
  async add(files: readonly File[]): Promise<void> {
    this.refused = [];
    for (const file of files) {
      const reason = await this.#admit(file);
      if (reason !== null) this.refused.push({ name: file.name, reason });
      this.#changed();
    }
  }

  remove(key: number): void {
    const index = this.pictures.findIndex((picture) => picture.key === key);
    if (index >= 0) this.pictures.splice(index, 1);
    this.#changed();
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

  async #admit(file: File): Promise<string | null> {
    if (this.pictures.length >= MAX_FILES) return `At most ${MAX_FILES} pictures fit in one upload.`;
    let head: Uint8Array;
    try {
      head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
    } catch {
      return 'The file cannot be read.';
    }
    const reason = refusalOf(file, head);
    if (reason !== null) return reason;
    const picture: Picture = { key: this.#nextKey++, file, thumbnail: null, width: 0, height: 0, refusal: null };
    this.pictures.push(picture);
    this.#changed();
    const looked = await this.#look(picture);
    if (looked !== null) this.remove(picture.key);
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
