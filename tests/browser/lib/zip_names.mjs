// Names in a ZIP whose files are stored as they are, read from its local headers; fails on anything else.

import assert from 'node:assert/strict';

export function zipNames(bytes) {
  const names = [];
  let at = 0;
  while (bytes.readUInt32LE(at) === 0x04034b50) {
    assert.equal(bytes.readUInt16LE(at + 8), 0, 'stored');
    const [size, title, extra] = [bytes.readUInt32LE(at + 22), bytes.readUInt16LE(at + 26), bytes.readUInt16LE(at + 28)];
    names.push(bytes.toString('utf8', at + 30, at + 30 + title));
    at += 30 + title + extra + size;
  }
  assert.equal(bytes.readUInt32LE(at), 0x02014b50, 'the directory follows the files');
  assert.equal(bytes.readUInt32LE(bytes.length - 22), 0x06054b50, 'the archive is whole');
  return names;
}
