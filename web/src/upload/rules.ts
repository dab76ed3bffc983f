// The server's rules for a file, checked the moment it is picked so that nobody waits for a refusal.
// The server stays the judge: what passes here is looked at again there, more closely.

/** What one upload may hold, which is a service's own choice. */
export interface Limits {
  readonly files: number;
  /** Of one file. */
  readonly bytes: number;
}

/** What most services let in: until this one has said what it does, and where it does not. */
export const USUAL_LIMITS: Limits = { files: 25, bytes: 10 * 1024 * 1024 };
/** For what was let in before. */
export const NO_LIMITS: Limits = { files: Infinity, bytes: Infinity };

export const MIN_SIDE = 32;
export const MAX_SIDE = 8192;
export const MAX_PIXELS = 40_000_000;
export const MIN_FACES = 1000;
export const MAX_FACES = 500_000;
/** What the file picker offers. */
export const ACCEPT = 'image/jpeg,image/png,.jpg,.jpeg,.png';

/** How many bytes `refusalOf` needs from the start of a file. */
export const HEAD_BYTES = 8;

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];

type Kind = 'image/jpeg' | 'image/png';

/** Bytes as people say them: `10 MB`, `512 KB`. */
export function sizeWords(bytes: number): string {
  const [unit, name] = bytes < 1 << 20 ? [1 << 10, 'KB'] : [1 << 20, 'MB'];
  return `${Math.floor(bytes / unit * 100) / 100} ${name}`;
}

/** Why a file cannot be sent, or null. `head` is its first bytes. */
export function refusalOf(file: Pick<File, 'name' | 'type' | 'size'>, head: Uint8Array, limits: Limits): string | null {
  const named = kindOfName(file.name);
  if (named === null) return 'Only JPEG and PNG pictures (.jpg, .jpeg, .png) can be used.';
  if (file.size === 0) return 'The file is empty.';
  if (file.size > limits.bytes) return `The file is larger than ${sizeWords(limits.bytes)}.`;
  const real = kindOfContent(head);
  if (real === null) return 'The content is not a JPEG or PNG picture.';
  const declared = file.type === '' ? named : file.type;
  if (real !== named || real !== declared) return `Its name says ${words(named)}, but it is a ${words(real)} picture. Give it the right ending and try again.`;
  return null;
}

/** Why a picture of this size cannot be used, or null. Sides in pixels. */
export function sizeRefusal(width: number, height: number): string | null {
  if (Math.min(width, height) < MIN_SIDE) return `The picture is ${width} × ${height}; each side needs at least ${MIN_SIDE} pixels.`;
  if (Math.max(width, height) > MAX_SIDE) return `The picture is ${width} × ${height}; a side may have at most ${MAX_SIDE} pixels.`;
  if (width * height > MAX_PIXELS) return `The picture has ${Math.round(width * height / 1e6)} megapixels; ${MAX_PIXELS / 1e6} is the most.`;
  return null;
}

/** Why a face limit cannot be used, or null. An empty one leaves the choice to the provider. */
export function faceLimitRefusal(text: string): string | null {
  if (text.trim() === '') return null;
  const value = Number(text);
  if (Number.isInteger(value) && value >= MIN_FACES && value <= MAX_FACES) return null;
  return `Give a whole number from ${MIN_FACES} to ${MAX_FACES}.`;
}

function kindOfName(name: string): Kind | null {
  if (/\.jpe?g$/i.test(name)) return 'image/jpeg';
  return /\.png$/i.test(name) ? 'image/png' : null;
}

function kindOfContent(head: Uint8Array): Kind | null {
  const begins = (magic: number[]): boolean => magic.every((byte, index) => head[index] === byte);
  if (begins(JPEG)) return 'image/jpeg';
  return begins(PNG) ? 'image/png' : null;
}

function words(kind: string): string {
  return kind === 'image/jpeg' ? 'JPEG' : kind === 'image/png' ? 'PNG' : kind;
}
