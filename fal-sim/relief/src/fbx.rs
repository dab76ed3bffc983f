//! Writes a mesh as binary FBX 7.4, which keeps quads.
//! Source: the layout published by the Blender Foundation ("FBX binary file format specification"): records of end
//! offset, property count, property bytes, name; typed properties; nested records end with 13 zero bytes.

use crate::mesh::Mesh;

const MAGIC: &[u8; 23] = b"Kaydara FBX Binary  \0\x1a\0";
const VERSION: u32 = 7400;
const GEOMETRY_ID: i64 = 1_000_001;
const MODEL_ID: i64 = 1_000_002;
const NULL_RECORD: [u8; 13] = [0; 13];
/// Fixed bytes every reader expects at the end of a file.
const FOOTER_ID: [u8; 16] =
    [0xfa, 0xbc, 0xab, 0x09, 0xd0, 0xc8, 0xd4, 0x66, 0xb1, 0x76, 0xfb, 0x83, 0x1c, 0xf7, 0x26, 0x7e];
const FOOTER_END: [u8; 16] =
    [0xf8, 0x5a, 0x8c, 0x6a, 0xde, 0xf5, 0xd9, 0x7e, 0xec, 0xe9, 0x0c, 0xe3, 0x75, 0x8f, 0x29, 0x0b];

/// The whole file.
pub fn write(mesh: &Mesh, name: &str) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.extend_from_slice(&VERSION.to_le_bytes());
    for record in [header(), definitions(), objects(mesh, name), connections()] {
        record.write(&mut file);
    }
    file.extend_from_slice(&NULL_RECORD);
    file.extend_from_slice(&FOOTER_ID);
    file.resize(file.len().next_multiple_of(16) + 4, 0);
    file.extend_from_slice(&VERSION.to_le_bytes());
    file.resize(file.len() + 120, 0);
    file.extend_from_slice(&FOOTER_END);
    file
}

fn header() -> Record {
    Record::new("FBXHeaderExtension").with([
        Record::new("FBXHeaderVersion").int(1003),
        Record::new("FBXVersion").int(7400),
        Record::new("Creator").text(concat!("fal-sim ", env!("CARGO_PKG_VERSION"))),
    ])
}

fn definitions() -> Record {
    let object = |kind: &str| Record::new("ObjectType").text(kind).with([Record::new("Count").int(1)]);
    Record::new("Definitions").with([
        Record::new("Version").int(100),
        Record::new("Count").int(2),
        object("Geometry"),
        object("Model"),
    ])
}

fn objects(mesh: &Mesh, name: &str) -> Record {
    let vertices = mesh.positions.iter().flatten().map(|&value| f64::from(value)).collect();
    let normals = corners(mesh).filter_map(|index| mesh.normals.get(index as usize)).flatten();
    let normals = normals.map(|&value| f64::from(value)).collect();
    // FBX counts texture rows from the bottom.
    let uvs = mesh.uvs.iter().flat_map(|&[u, v]| [f64::from(u), f64::from(1.0 - v)]).collect();
    let layer = |name: &str, reference: &str| {
        Record::new(name).int(0).with([
            Record::new("Version").int(101),
            Record::new("Name").text(""),
            Record::new("MappingInformationType").text("ByPolygonVertex"),
            Record::new("ReferenceInformationType").text(reference),
        ])
    };
    let used = |kind: &str| {
        Record::new("LayerElement").with([Record::new("Type").text(kind), Record::new("TypedIndex").int(0)])
    };
    let uv_index = corners(mesh).map(|index| i32::try_from(index).unwrap_or(i32::MAX)).collect();
    let geometry =
        Record::new("Geometry").long(GEOMETRY_ID).text(&format!("{name}\0\x01Geometry")).text("Mesh").with([
            Record::new("Vertices").doubles(vertices),
            Record::new("PolygonVertexIndex").ints(polygons(mesh)),
            Record::new("GeometryVersion").int(124),
            layer("LayerElementNormal", "Direct").with([Record::new("Normals").doubles(normals)]),
            layer("LayerElementUV", "IndexToDirect")
                .with([Record::new("UV").doubles(uvs), Record::new("UVIndex").ints(uv_index)]),
            Record::new("Layer").int(0).with([
                Record::new("Version").int(100),
                used("LayerElementNormal"),
                used("LayerElementUV"),
            ]),
        ]);
    let model = Record::new("Model").long(MODEL_ID).text(&format!("{name}\0\x01Model")).text("Mesh");
    Record::new("Objects").with([geometry, model.with([Record::new("Version").int(232)])])
}

fn connections() -> Record {
    let connect = |child: i64, parent: i64| Record::new("C").text("OO").long(child).long(parent);
    Record::new("Connections").with([connect(GEOMETRY_ID, MODEL_ID), connect(MODEL_ID, 0)])
}

fn corners(mesh: &Mesh) -> impl Iterator<Item = u32> + '_ {
    mesh.quads.iter().flatten().chain(mesh.triangles.iter().flatten()).copied()
}

/// Vertex indices, the last of each polygon as its bitwise complement.
fn polygons(mesh: &Mesh) -> Vec<i32> {
    let signed = |index: u32| i32::try_from(index).unwrap_or(i32::MAX);
    let quads = mesh.quads.iter().flat_map(|&[a, b, c, d]| [signed(a), signed(b), signed(c), !signed(d)]);
    let triangles = mesh.triangles.iter().flat_map(|&[a, b, c]| [signed(a), signed(b), !signed(c)]);
    quads.chain(triangles).collect()
}

/// One node record.
struct Record {
    name: String,
    count: u32,
    properties: Vec<u8>,
    children: Vec<Record>,
}

impl Record {
    fn new(name: &str) -> Self {
        Self { name: name.into(), count: 0, properties: Vec::new(), children: Vec::new() }
    }

    fn with(mut self, children: impl IntoIterator<Item = Record>) -> Self {
        self.children.extend(children);
        self
    }

    fn property(mut self, kind: u8, bytes: impl IntoIterator<Item = u8>) -> Self {
        self.properties.push(kind);
        self.properties.extend(bytes);
        self.count += 1;
        self
    }

    fn int(self, value: i32) -> Self {
        self.property(b'I', value.to_le_bytes())
    }

    fn long(self, value: i64) -> Self {
        self.property(b'L', value.to_le_bytes())
    }

    fn text(self, value: &str) -> Self {
        let bytes = size(value.len()).into_iter().chain(value.bytes()).collect::<Vec<u8>>();
        self.property(b'S', bytes)
    }

    fn ints(self, values: Vec<i32>) -> Self {
        self.array(b'i', values.len(), values.into_iter().flat_map(i32::to_le_bytes).collect())
    }

    fn doubles(self, values: Vec<f64>) -> Self {
        self.array(b'd', values.len(), values.into_iter().flat_map(f64::to_le_bytes).collect())
    }

    /// An array, not compressed (encoding 0).
    fn array(self, kind: u8, count: usize, bytes: Vec<u8>) -> Self {
        let head = [size(count), [0; 4], size(bytes.len())].concat();
        self.property(kind, head.into_iter().chain(bytes))
    }

    fn write(&self, file: &mut Vec<u8>) {
        let start = file.len();
        file.extend_from_slice(&[0; 4]);
        file.extend_from_slice(&self.count.to_le_bytes());
        file.extend_from_slice(&size(self.properties.len()));
        file.push(u8::try_from(self.name.len()).unwrap_or(u8::MAX));
        file.extend_from_slice(self.name.as_bytes());
        file.extend_from_slice(&self.properties);
        for child in &self.children {
            child.write(file);
        }
        if !self.children.is_empty() {
            file.extend_from_slice(&NULL_RECORD);
        }
        let end = size(file.len());
        if let Some(slot) = file.get_mut(start..start + 4) {
            slot.copy_from_slice(&end);
        }
    }
}

/// Files here end near 60 MB (see `relief`), far below 4 GiB.
fn size(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(file: &[u8], at: usize) -> usize {
        u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
    }

    /// Walks a list of records as a reader does; answers the names at the top.
    fn walk(file: &[u8], mut at: usize, end: usize) -> Vec<String> {
        let mut names = Vec::new();
        while at < end && word(file, at) != 0 {
            let (next, properties, name_length) = (word(file, at), word(file, at + 8), file[at + 12] as usize);
            names.push(String::from_utf8(file[at + 13..at + 13 + name_length].to_vec()).unwrap());
            let children = at + 13 + name_length + properties;
            assert!(children <= next && next <= end, "record {names:?} overruns");
            walk(file, children, next);
            at = next;
        }
        names
    }

    #[test]
    fn records_nest_and_end_where_they_say() {
        let picture = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, 0]));
        let mesh = crate::surface::build(&picture, 500, crate::surface::Counting::Polygons);
        let file = write(&mesh, "relief");
        assert!(file.starts_with(b"Kaydara FBX Binary"));
        assert_eq!(walk(&file, 27, file.len()), ["FBXHeaderExtension", "Definitions", "Objects", "Connections"]);
    }
}
