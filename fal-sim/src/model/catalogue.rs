//! The FAL endpoints that exist here: their inputs, where their image is, how their output is laid out, what they cost.
//! Source: the input and output schemas that FAL publishes with each model. Any other endpoint id answers 404 at submit.

use fal_sim_relief::Options;

use super::schema::{Field, Type, flag, optional, required, whole};
use serde_json::Value;

/// How a family lays out its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Tripo v2.5: `task_id`, and one of `model_mesh`, `pbr_model`, `base_model`.
    Tripo25,
    /// Newer Tripo: `model_mesh`, `model_urls`, `task_id`.
    TripoNew,
    /// `model_mesh` with `seed` and `timings`.
    ModelMesh,
    /// `model_glb`, `model_urls`, `thumbnail`.
    ModelGlb,
}

/// One endpoint.
#[derive(Debug)]
pub struct Endpoint {
    /// Full endpoint id.
    pub id: &'static str,
    /// Output layout.
    pub family: Family,
    /// Field that holds the image's URL, or a list of them of which the first counts.
    pub image_field: &'static str,
    /// Input fields that are checked.
    pub fields: &'static [Field],
    /// Credits (US cents) of a plain run.
    pub price: u32,
}

const TEXT: Type = Type::Text;
const FLAG: Type = Type::Flag;
const ANY: Type = Type::Whole(i64::MIN, i64::MAX);
/// Below 14 faces nothing closed can be made of a picture; FAL's own schema has no bound.
const FACES: Type = Type::Whole(fal_sim_relief::FEWEST_FACES as i64, i64::MAX);

const TRIPO_25: &[Field] = &[
    required("image_url", TEXT),
    optional("texture", Type::OneOf(&["no", "standard", "HD"])),
    optional("pbr", FLAG),
    optional("face_limit", FACES),
    optional("quad", FLAG),
    optional("auto_size", FLAG),
    optional("orientation", Type::OneOf(&["default", "align_image"])),
    optional("texture_alignment", Type::OneOf(&["original_image", "geometry"])),
    optional("seed", ANY),
    optional("texture_seed", ANY),
];
const TRIPO_25_MULTIVIEW: &[Field] = &[
    required("front_image_url", TEXT),
    optional("left_image_url", TEXT),
    optional("back_image_url", TEXT),
    optional("right_image_url", TEXT),
    optional("texture", Type::OneOf(&["no", "standard", "HD"])),
    optional("pbr", FLAG),
    optional("face_limit", FACES),
    optional("quad", FLAG),
    optional("seed", ANY),
];
const TRIPO_H31: &[Field] = &[
    required("image_url", TEXT),
    optional("texture", FLAG),
    optional("pbr", FLAG),
    optional("texture_quality", Type::OneOf(&["standard", "detailed"])),
    optional("geometry_quality", Type::OneOf(&["standard", "detailed"])),
    optional("face_limit", Type::Whole(1_000, 2_000_000)),
    optional("quad", FLAG),
    optional("auto_size", FLAG),
    optional("model_seed", ANY),
    optional("texture_seed", ANY),
];
const TRIPO_P1: &[Field] = &[
    required("image_url", TEXT),
    optional("texture", FLAG),
    optional("face_limit", Type::Whole(48, 20_000)),
    optional("model_seed", ANY),
];
const TRIPO_P2: &[Field] = &[
    required("image_url", TEXT),
    optional("texture", FLAG),
    optional("pbr", FLAG),
    optional("texture_quality", Type::OneOf(&["fast", "standard", "detailed", "extreme"])),
    optional("face_limit", Type::Whole(48, 50_000)),
    optional("quad", FLAG),
    optional("model_seed", ANY),
];
const TRELLIS: &[Field] = &[
    required("image_url", TEXT),
    optional("seed", ANY),
    optional("ss_guidance_strength", Type::Number(0.0, 10.0)),
    optional("ss_sampling_steps", Type::Whole(1, 50)),
    optional("slat_guidance_strength", Type::Number(0.0, 10.0)),
    optional("slat_sampling_steps", Type::Whole(1, 50)),
    optional("mesh_simplify", Type::Number(0.9, 0.98)),
];
const TRELLIS_2: &[Field] =
    &[required("image_url", TEXT), optional("seed", ANY), optional("decimation_target", Type::Whole(5_000, 2_000_000))];
const HUNYUAN_V2: &[Field] = &[
    required("input_image_url", TEXT),
    optional("seed", ANY),
    optional("num_inference_steps", Type::Whole(1, 50)),
    optional("guidance_scale", Type::Number(0.0, 20.0)),
    optional("octree_resolution", Type::Whole(1, 1024)),
    optional("textured_mesh", FLAG),
];
const HUNYUAN_V3: &[Field] = &[
    required("input_image_url", TEXT),
    optional("enable_pbr", FLAG),
    optional("generate_type", Type::OneOf(&["Normal", "LowPoly", "Geometry"])),
    optional("face_count", Type::Whole(40_000, 1_500_000)),
];
const RODIN: &[Field] = &[
    required("input_image_urls", Type::Texts(5)),
    optional("geometry_file_format", Type::OneOf(&["glb"])),
    optional("material", Type::OneOf(&["PBR", "Shaded", "All"])),
    optional("quality", Type::OneOf(&["high", "medium", "low", "extra-low"])),
    optional("seed", Type::Whole(0, 65_535)),
];
const MESHY: &[Field] = &[
    required("image_url", TEXT),
    optional("topology", Type::OneOf(&["quad", "triangle"])),
    optional("target_polycount", Type::Whole(100, 300_000)),
    optional("should_texture", FLAG),
    optional("enable_pbr", FLAG),
];
const TRIPOSR: &[Field] = &[
    required("image_url", TEXT),
    optional("output_format", Type::OneOf(&["glb"])),
    optional("foreground_ratio", Type::Number(0.5, 1.0)),
    optional("mc_resolution", Type::Whole(32, 1024)),
];

const fn endpoint(
    id: &'static str,
    family: Family,
    image_field: &'static str,
    fields: &'static [Field],
    price: u32,
) -> Endpoint {
    Endpoint { id, family, image_field, fields, price }
}

use Family::{ModelGlb, ModelMesh, Tripo25, TripoNew};

static ENDPOINTS: [Endpoint; 17] = [
    endpoint("tripo3d/tripo/v2.5/image-to-3d", Tripo25, "image_url", TRIPO_25, 30),
    endpoint("tripo3d/tripo/v2.5/multiview-to-3d", Tripo25, "front_image_url", TRIPO_25_MULTIVIEW, 30),
    endpoint("tripo3d/h3.1/image-to-3d", TripoNew, "image_url", TRIPO_H31, 30),
    endpoint("tripo3d/p1/image-to-3d", TripoNew, "image_url", TRIPO_P1, 50),
    endpoint("tripo3d/p2/image-to-3d", TripoNew, "image_url", TRIPO_P2, 110),
    endpoint("fal-ai/trellis", ModelMesh, "image_url", TRELLIS, 2),
    endpoint("fal-ai/trellis-2", ModelGlb, "image_url", TRELLIS_2, 30),
    endpoint("fal-ai/hunyuan3d/v2", ModelMesh, "input_image_url", HUNYUAN_V2, 16),
    endpoint("fal-ai/hunyuan3d/v2/turbo", ModelMesh, "input_image_url", HUNYUAN_V2, 16),
    endpoint("fal-ai/hunyuan3d/v2/mini", ModelMesh, "input_image_url", HUNYUAN_V2, 16),
    endpoint("fal-ai/hunyuan-3d/v3.1/pro/image-to-3d", ModelGlb, "input_image_url", HUNYUAN_V3, 38),
    endpoint("fal-ai/hunyuan-3d/v3.1/rapid/image-to-3d", ModelGlb, "input_image_url", HUNYUAN_V3, 23),
    endpoint("fal-ai/hunyuan3d-v3/image-to-3d", ModelGlb, "input_image_url", HUNYUAN_V3, 38),
    endpoint("fal-ai/hyper3d/rodin", ModelMesh, "input_image_urls", RODIN, 40),
    endpoint("fal-ai/meshy/v6/image-to-3d", ModelGlb, "image_url", MESHY, 80),
    endpoint("meshy/v7.1/image-to-3d", ModelGlb, "image_url", MESHY, 80),
    endpoint("fal-ai/triposr", ModelMesh, "image_url", TRIPOSR, 7),
];

/// The endpoint with this id.
pub fn find(id: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.id == id)
}

impl Endpoint {
    /// The image this input names: the first of them where the field is a list.
    pub fn image_url<'a>(&self, input: &'a Value) -> Option<&'a str> {
        match input.get(self.image_field)? {
            Value::String(url) => Some(url),
            Value::Array(urls) => urls.first()?.as_str(),
            _ => None,
        }
    }

    /// What a checked input asks for; absent fields have the published defaults.
    pub fn options(&self, input: &Value) -> Options {
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        let on = |name: &str, default: bool| input.get(name).and_then(flag).unwrap_or(default);
        let number = |name: &str| input.get(name).and_then(whole);
        let faces = number("face_limit").or(number("target_polycount")).or(number("decimation_target"));
        let faces = faces.or(number("face_count")).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let new_tripo = self.family == TripoNew;
        let quad = on("quad", false);
        Options {
            // Tripo's own default for quads.
            face_limit: faces.or(quad.then_some(10_000)),
            textured: match self.family {
                Tripo25 => text("texture") != Some("no") || on("pbr", false),
                TripoNew => on("texture", true),
                _ => on("textured_mesh", !self.has("textured_mesh")) && on("should_texture", true),
            },
            detailed: text("texture") == Some("HD") || matches!(text("texture_quality"), Some("detailed" | "extreme")),
            pbr: on("pbr", new_tripo && self.id != "tripo3d/p1/image-to-3d") || on("enable_pbr", false),
            quad,
        }
    }

    /// The seed to report back: the input's, else 0.
    pub fn seed(&self, input: &Value) -> i64 {
        let number = |name: &str| input.get(name).and_then(whole);
        number("seed").or(number("model_seed")).unwrap_or(0)
    }

    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// Credits for a finished run: less without texture, more for a detailed one and for quads.
    pub fn billable_units(&self, options: &Options) -> u32 {
        if !matches!(self.family, Tripo25 | TripoNew) {
            return self.price;
        }
        let texture = match (options.textured, options.detailed) {
            (false, _) => self.price.saturating_sub(10),
            (true, false) => self.price,
            (true, true) => self.price + 10,
        };
        texture + if options.quad { 5 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tripo_prices_follow_texture_and_quads() {
        let tripo = find("tripo3d/tripo/v2.5/image-to-3d").unwrap();
        let units = |input| tripo.billable_units(&tripo.options(&input));
        assert_eq!(units(json!({"texture": "no"})), 20);
        assert_eq!(units(json!({})), 30);
        assert_eq!(units(json!({"texture": "HD", "quad": true})), 45);
    }

    #[test]
    fn pbr_forces_texturing_and_lists_give_their_first_image() {
        let tripo = find("tripo3d/tripo/v2.5/image-to-3d").unwrap();
        assert!(tripo.options(&json!({"texture": "no", "pbr": true})).textured);
        let rodin = find("fal-ai/hyper3d/rodin").unwrap();
        assert_eq!(rodin.image_url(&json!({"input_image_urls": ["a", "b"]})), Some("a"));
    }
}
