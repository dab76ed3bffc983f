// Packs files into a ZIP (APPNOTE 6.3, stored, names in UTF-8). Models are packed already; deflating them gains nothing.

/** One file to pack. */
export interface Entry {
  name: string;
  content: Blob;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
/** General purpose bit 11: names are UTF-8. */
const UTF8 = 0x0800;
/** 1980-01-01 in DOS form: a ZIP has to say some day, and the models' is not known. */
const DAY = 0x21;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 as ZIP wants it. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}

/** The archive of these files. */
export async function zipOf(entries: readonly Entry[]): Promise<Blob> {
  const parts: BlobPart[] = [];
  const central: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (const { name, content } of entries) {
    const bytes = new Uint8Array(await content.arrayBuffer());
    const title = new TextEncoder().encode(name);
    // Version, flags, method 0, time 0, day, CRC, both sizes, length of the name: the same in both headers.
    const facts = { crc: crc32(bytes), size: bytes.length, title: title.length };
    parts.push(header(LOCAL, 30, facts, 4), title, bytes);
    const record = header(CENTRAL, 46, facts, 6);
    const view = new DataView(record.buffer);
    view.setUint16(4, VERSION, true);
    view.setUint32(42, offset, true);
    central.push(record, title);
    offset += 30 + title.length + bytes.length;
  }
  const size = central.reduce((sum, part) => sum + part.length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, END, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  return new Blob([...parts, ...central, new Uint8Array(end.buffer)], { type: 'application/zip' });
}

function header(signature: number, length: number, { crc, size, title }: { crc: number; size: number; title: number }, at: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  view.setUint16(at, VERSION, true);
  view.setUint16(at + 2, UTF8, true);
  view.setUint16(at + 8, DAY, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, title, true);
  return bytes;
}

/** Names made unique: "vase.glb", "vase (2).glb". */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const [, stem = name, end = ''] = /^(.*?)(\.[^.]*)?$/s.exec(name) ?? [];
    let free = name;
    for (let copy = 2; taken.has(free.toLowerCase()); copy++) free = `${stem} (${copy})${end}`;
    taken.add(free.toLowerCase());
    return free;
  });
}
