// A small valid GLB: a wavy sheet with the given picture as its texture.

/** `picture` is a whole JPEG or PNG file. */
export function reliefGlb(picture, mimeType, side = 24) {
  const { positions, texcoords, indices } = sheet(side);
  const parts = [positions, texcoords, indices, picture].map((part) => Buffer.from(part.buffer ?? part, part.byteOffset, part.byteLength));
  const views = [];
  let offset = 0;
  for (const part of parts) {
    views.push({ buffer: 0, byteOffset: offset, byteLength: part.length });
    offset += padded(part.length);
  }
  const points = (side + 1) ** 2;
  const json = {
    asset: { version: '2.0' }, scene: 0, scenes: [{ nodes: [0] }], nodes: [{ mesh: 0 }],
    meshes: [{ primitives: [{ attributes: { POSITION: 0, TEXCOORD_0: 1 }, indices: 2, material: 0 }] }],
    materials: [{ doubleSided: true, pbrMetallicRoughness: { baseColorTexture: { index: 0 }, metallicFactor: 0, roughnessFactor: 0.9 } }],
    textures: [{ source: 0 }], images: [{ bufferView: 3, mimeType }],
    accessors: [
      { bufferView: 0, componentType: 5126, count: points, type: 'VEC3', min: [-0.5, -0.5, -0.12], max: [0.5, 0.5, 0.12] },
      { bufferView: 1, componentType: 5126, count: points, type: 'VEC2' },
      { bufferView: 2, componentType: 5125, count: indices.length, type: 'SCALAR' },
    ],
    bufferViews: views, buffers: [{ byteLength: offset }],
  };
  const body = Buffer.concat(parts.map((part) => Buffer.concat([part], padded(part.length))));
  return container(Buffer.from(JSON.stringify(json)), body);
}

const padded = (length) => Math.ceil(length / 4) * 4;

function sheet(side) {
  const positions = [];
  const texcoords = [];
  const indices = [];
  for (let row = 0; row <= side; row++) {
    for (let column = 0; column <= side; column++) {
      const [u, v] = [column / side, row / side];
      positions.push(u - 0.5, 0.5 - v, 0.12 * Math.sin(u * Math.PI * 2) * Math.cos(v * Math.PI));
      texcoords.push(u, v);
      if (row === side || column === side) continue;
      const corner = row * (side + 1) + column;
      const below = corner + side + 1;
      indices.push(corner, below, corner + 1, corner + 1, below, below + 1);
    }
  }
  return { positions: new Float32Array(positions), texcoords: new Float32Array(texcoords), indices: new Uint32Array(indices) };
}

function container(json, body) {
  const text = Buffer.alloc(padded(json.length), 0x20);
  json.copy(text);
  const head = Buffer.alloc(20);
  head.write('glTF', 0, 'latin1');
  [2, 28 + text.length + body.length, text.length, 0x4e4f534a].forEach((value, index) => head.writeUInt32LE(value, 4 + index * 4));
  const between = Buffer.alloc(8);
  between.writeUInt32LE(body.length, 0);
  between.writeUInt32LE(0x004e4942, 4);
  return Buffer.concat([head, text, between, body]);
}
