// Looks into a loaded model: how many triangles, materials and textures it has, and its mesh drawn as wires.
// The viewer keeps its scene to itself, behind a symbol; this is the only place that reaches for it.

import { bytes, count, thousands } from '../ui/words';

/** As much of three.js as is read here. */
interface Material {
  uuid: string;
  wireframe?: boolean;
  map?: { uuid: string } | null;
  normalMap?: { uuid: string } | null;
  roughnessMap?: { uuid: string } | null;
  metalnessMap?: { uuid: string } | null;
}
interface Attribute {
  count: number;
}
export interface Part {
  isMesh?: boolean;
  material?: Material | Material[];
  geometry?: { index?: Attribute | null; attributes: { position?: Attribute } };
  traverse(look: (part: Part) => void): void;
}
interface Scene {
  model: Part | null;
  queueRender(): void;
}

export interface Statistics {
  triangles: number;
  materials: number;
  textures: number;
}

const materialsOf = ({ material }: Part): Material[] => (material === undefined ? [] : [material].flat());

/** Counts what a model is made of. */
export function statisticsOf(model: Part): Statistics {
  const materials = new Map<string, Material>();
  let triangles = 0;
  model.traverse((part) => {
    if (!part.isMesh || !part.geometry) return;
    triangles += Math.floor((part.geometry.index?.count ?? part.geometry.attributes.position?.count ?? 0) / 3);
    for (const material of materialsOf(part)) materials.set(material.uuid, material);
  });
  const textures = new Set([...materials.values()].flatMap(({ map, normalMap, roughnessMap, metalnessMap }) =>
    [map, normalMap, roughnessMap, metalnessMap].flatMap((texture) => texture?.uuid ?? [])));
  return { triangles, materials: materials.size, textures: textures.size };
}

/** "12 480 triangles", "1 material", "1.4 MB". `size` in bytes, null when it is not known. */
export function statisticsWords({ triangles, materials, textures }: Statistics, size: number | null): string[] {
  const facts = [`${thousands(triangles)} ${triangles === 1 ? 'triangle' : 'triangles'}`, count(materials, 'material'), count(textures, 'texture')];
  return size === null ? facts : [...facts, bytes(size)];
}

/** The scene of a viewer; null when it is not where it was. */
export function sceneOf(viewer: HTMLElement): Scene | null {
  for (let level: object | null = viewer; level !== null; level = Object.getPrototypeOf(level) as object | null) {
    const symbol = Object.getOwnPropertySymbols(level).find(({ description }) => description === 'scene');
    if (symbol !== undefined) return (viewer as unknown as Record<symbol, Scene>)[symbol] ?? null;
  }
  return null;
}

/** Draws the mesh as wires, or as it is. */
export function showWires(viewer: HTMLElement, wires: boolean): void {
  const scene = sceneOf(viewer);
  scene?.model?.traverse((part) => {
    if (part.isMesh) for (const material of materialsOf(part)) material.wireframe = wires;
  });
  scene?.queueRender();
}
