// The archive is one that others can read: checked against the format and, where there is one, against unzip.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { crc32, uniqueNames, zipOf } from '../src/results/zip';

const text = (words: string): Blob => new Blob([words]);
const python = spawnSync('python3', ['--version']).status === 0;

describe('crc32', () => {
  it('is the one of the standard', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array())).toBe(0);
  });
});

describe('zipOf', () => {
  it('begins and ends as a ZIP does', async () => {
    const bytes = new DataView(await (await zipOf([{ name: 'a', content: text('x') }])).arrayBuffer());
    expect(bytes.getUint32(0, true)).toBe(0x04034b50);
    expect(bytes.getUint32(bytes.byteLength - 22, true)).toBe(0x06054b50);
  });

  it.skipIf(!python)('is read by another program, names and bytes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zip-test-'));
    try {
      const archive = await zipOf([{ name: 'vase.glb', content: text('one') }, { name: 'стул é.glb', content: text('') }, { name: 'c.glb', content: text('three'.repeat(9999)) }]);
      writeFileSync(join(folder, 'a.zip'), Buffer.from(await archive.arrayBuffer()));
      const look = 'import sys,zipfile,json; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(json.dumps([[i.filename,i.file_size] for i in z.infolist()]))';
      const seen: unknown = JSON.parse(execFileSync('python3', ['-c', look, join(folder, 'a.zip')], { encoding: 'utf8' }));
      expect(seen).toEqual([['vase.glb', 3], ['стул é.glb', 0], ['c.glb', 49_995]]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('uniqueNames', () => {
  it('tells copies apart, in any case', () => {
    expect(uniqueNames(['a.glb', 'A.glb', 'a.glb', 'b', 'b', 'a (2).glb'])).toEqual(['a.glb', 'A (2).glb', 'a (3).glb', 'b', 'b (2)', 'a (2) (2).glb']);
  });
});
