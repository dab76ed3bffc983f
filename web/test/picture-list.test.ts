// The order of the pictures is what the person made of it, and never loses one.

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PictureList } from '../src/upload/picture-list';

vi.mock('../src/upload/thumbnail', () => ({ thumbnailOf: () => Promise.resolve({ url: 'data:,', width: 100, height: 100 }) }));

const picture = (name: string): File => new File([Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0)], name, { type: 'image/jpeg' });
const names = (list: PictureList): string[] => list.pictures.map(({ file }) => file.name);

async function filled(): Promise<PictureList> {
  const list = new PictureList(() => undefined);
  await list.add(['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg'].map(picture));
  return list;
}

describe('PictureList', () => {
  beforeAll(() => vi.useRealTimers());
  afterAll(() => vi.restoreAllMocks());

  it.each([
    ['a', 1, 'b a c d'], ['d', 0, 'd a b c'], ['b', 2, 'a c b d'], ['a', 99, 'b c d a'], ['d', -1, 'd a b c'], ['c', 2, 'a b c d'],
  ])('moves %s to %i', async (name, to, expected) => {
    const list = await filled();
    const id = list.pictures.find(({ file }) => file.name === `${name}.jpg`)?.id ?? '';
    const place = list.move(id, to);
    expect(names(list).join(' ').replaceAll('.jpg', '')).toBe(expected);
    expect(list.pictures[place]?.id).toBe(id);
  });

  it('moves nothing that is not there', async () => {
    const list = await filled();
    expect(list.move('nobody', 0)).toBe(-1);
    expect(names(list)).toHaveLength(4);
  });

  it('takes back what an earlier visit left, under its own ids', async () => {
    const list = new PictureList(() => undefined);
    await list.restore([{ id: 'one', file: picture('a.jpg') }, { id: 'two', file: new File([], 'gone.jpg') }]);
    expect(list.pictures.map(({ id }) => id)).toEqual(['one']);
    expect(list.refused).toEqual([]);
  });

  it('takes as many as the service does, and what was taken before in any case', async () => {
    const list = new PictureList(() => undefined);
    list.limits = { files: 2, bytes: 8 };
    expect(await list.add(['a.jpg', 'b.jpg', 'c.jpg'].map(picture))).toBe(2);
    expect(list.refused).toEqual([{ name: 'c.jpg', reason: 'At most 2 pictures fit in one upload.' }]);
    const more = new PictureList(() => undefined);
    more.limits = { files: 1, bytes: 1 };
    await more.restore([{ id: 'one', file: picture('a.jpg') }, { id: 'two', file: picture('b.jpg') }]);
    expect(more.pictures.map(({ id }) => id)).toEqual(['one', 'two']);
  });

  it('shows a refusal beside the picture at its place, whatever others are called', async () => {
    const list = new PictureList(() => undefined);
    await list.add(['chair.jpg', 'chair.jpg', '../stool.jpg'].map(picture));
    const words = list.blame([{ filename: 'chair.jpg', message: 'It ends too early.', index: 1 }, { filename: 'stool.jpg', message: 'It is too small.', index: 2 }]);
    expect(list.pictures.map(({ refusal }) => refusal)).toEqual([null, 'It ends too early.', 'It is too small.']);
    expect(words).toEqual([]);
    expect(list.blame([{ filename: 'more.jpg', message: 'Too many.', index: 3 }])).toEqual(['more.jpg: Too many.']);
  });

  it('knows that it is looking until the last picture that was picked has been seen', async () => {
    const seen: boolean[] = [];
    const list = new PictureList(() => seen.push(list.isLooking));
    expect(list.isLooking).toBe(false);
    const both = [list.add([picture('a.jpg')]), list.add([picture('b.jpg')])];
    expect(list.isLooking).toBe(true);
    await both[0];
    expect(list.isLooking).toBe(true);
    await both[1];
    expect(list.isLooking).toBe(false);
    expect([seen.at(0), seen.at(-1)]).toEqual([true, false]);
  });

  it('keeps the order of what comes in while it still looks at what came before', async () => {
    const list = new PictureList(() => undefined);
    const taken = await Promise.all([list.add([picture('a.jpg'), picture('b.jpg')]), list.add([picture('c.jpg')])]);
    expect(taken).toEqual([2, 1]);
    expect(names(list)).toEqual(['a.jpg', 'b.jpg', 'c.jpg']);
  });
});
