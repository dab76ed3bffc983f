// What a model is made of is counted once, however its parts share it.

import { describe, expect, it } from 'vitest';
import { statisticsOf, statisticsWords, type Part } from '../src/results/inspect';

const skin = { uuid: 'm1', map: { uuid: 't1' }, normalMap: { uuid: 't2' } };
const mesh = (geometry: NonNullable<Part['geometry']>, material: NonNullable<Part['material']>): Part => ({ isMesh: true, geometry, material, traverse: () => undefined });
const group = (...parts: Part[]): Part => ({ traverse: (look) => parts.forEach(look) });

describe('statistics', () => {
  it('count triangles with and without an index, materials and textures once', () => {
    const model = group(
      { traverse: () => undefined },
      mesh({ index: { count: 30 }, attributes: { position: { count: 12 } } }, skin),
      mesh({ index: null, attributes: { position: { count: 9 } } }, [skin, { uuid: 'm2', map: { uuid: 't1' } }]),
    );
    expect(statisticsOf(model)).toEqual({ triangles: 13, materials: 2, textures: 2 });
  });

  it('are told in words, with the size where it is known', () => {
    expect(statisticsWords({ triangles: 12_480, materials: 1, textures: 2 }, 1024 * 1024)).toEqual(['12\u202f480 triangles', '1 material', '2 textures', '1.0 MB']);
    expect(statisticsWords({ triangles: 1, materials: 0, textures: 0 }, null)).toEqual(['1 triangle', '0 materials', '0 textures']);
  });
});
