//! The models are real: made from the image given, valid glTF, within the face limit, laid out as each family does.

#[cfg(test)]
mod support;

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use support::{Fal, TRIPO, encoded, glb, jpeg, picture};

async fn file(fal: &Fal, object: &Value) -> Result<Vec<u8>> {
    let url = object["url"].as_str().with_context(|| format!("no url in {object}"))?;
    let bytes = fal.http.get(url).send().await?.error_for_status()?.bytes().await?.to_vec();
    assert_eq!(object["file_size"], bytes.len());
    Ok(bytes)
}

#[tokio::test]
async fn a_photograph_becomes_a_valid_textured_glb() -> Result<()> {
    let fal = Fal::start().await?;
    let url = fal.upload("ball.jpg", jpeg(1600, 1200)?).await?;
    let (status, output) = fal.outcome(TRIPO, json!({"image_url": url, "face_limit": 5_000})).await?;
    assert_eq!(status, 200, "{output}");
    let checked = glb::check(&file(&fal, &output["model_mesh"]).await?)?;
    assert!((4_500..=5_000).contains(&checked.triangles), "{} triangles", checked.triangles);
    assert_eq!(checked.images, [(1024, 768)], "the texture is shrunk, its proportions kept");
    assert!(
        (checked.high[0] - checked.low[0] - 1.0).abs() < 1e-4 && (checked.high[1] - checked.low[1] - 0.75).abs() < 1e-4
    );
    assert!(checked.high[2] > 0.1, "the bright ball stands out");
    assert_eq!(output["model_mesh"]["content_type"], "application/octet-stream");
    let preview = file(&fal, &output["rendered_image"]).await?;
    assert_eq!(image::guess_format(&preview)?, image::ImageFormat::WebP);
    Ok(())
}

#[tokio::test]
async fn options_choose_the_field_and_the_format() -> Result<()> {
    let fal = Fal::start().await?;
    let url = fal.upload("ball.jpg", jpeg(300, 500)?).await?;
    let (_, output) = fal.outcome(TRIPO, json!({"image_url": url, "texture": "no"})).await?;
    let checked = glb::check(&file(&fal, &output["base_model"]).await?)?;
    assert!(checked.images.is_empty() && output.get("model_mesh").is_none());
    let (_, output) = fal.outcome(TRIPO, json!({"image_url": url, "pbr": true, "texture": "HD"})).await?;
    let checked = glb::check(&file(&fal, &output["pbr_model"]).await?)?;
    assert!(checked.document["materials"][0]["pbrMetallicRoughness"]["metallicRoughnessTexture"].is_object());
    let (_, output) = fal.outcome(TRIPO, json!({"image_url": url, "quad": true})).await?;
    assert!(file(&fal, &output["model_mesh"]).await?.starts_with(b"Kaydara FBX Binary"));
    Ok(())
}

#[tokio::test]
async fn images_come_as_data_uris_and_in_other_formats() -> Result<()> {
    let fal = Fal::start().await?;
    let png = encoded(picture(40, 30), image::ImageFormat::Png)?;
    let url = format!("data:image/png;base64,{}", STANDARD.encode(png));
    let (status, output) = fal.outcome(TRIPO, json!({"image_url": url, "face_limit": 200})).await?;
    assert_eq!(status, 200, "{output}");
    glb::check(&file(&fal, &output["model_mesh"]).await?)?;
    let kept = fal.sim.requests()[0].image_url.clone().unwrap_or_default();
    assert!(kept.len() <= 2_048, "a data URI is not kept whole");
    let webp = encoded(picture(40, 30), image::ImageFormat::WebP)?;
    let url = fal.upload("ball.webp", webp).await?;
    assert_eq!(fal.outcome(TRIPO, json!({"image_url": url})).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn bad_images_and_inputs_end_in_422_with_their_type() -> Result<()> {
    let fal = Fal::start().await?;
    let truncated = jpeg(400, 300)?[..200].to_vec();
    let gone = format!("{}/cdn/files/b/00000000/AAAAAAAAAAAAAAAAAAAAA_x.jpg", fal.sim.base_url());
    let cases = [
        (json!({}), "missing"),
        (json!({"image_url": fal.upload("a.jpg", b"no image at all".to_vec()).await?}), "image_load_error"),
        (json!({"image_url": fal.upload("a.jpg", truncated).await?}), "image_load_error"),
        (
            json!({"image_url": fal.upload("a.gif", b"GIF89a\x01\0\x01\0\0\0\0".to_vec()).await?}),
            "unsupported_image_format",
        ),
        (json!({"image_url": gone}), "file_download_error"),
        (json!({"image_url": "ftp://example.com/a.png"}), "file_download_error"),
        (json!({"image_url": "data:image/png;base64,%%%"}), "file_download_error"),
        (json!({"image_url": "https://example.com/sim-ok.png", "texture": "hd"}), "literal_error"),
        (json!({"image_url": "https://example.com/sim-ok.png", "face_limit": 3}), "greater_than_equal"),
    ];
    for (input, kind) in cases {
        let (status, body) = fal.outcome(TRIPO, input.clone()).await?;
        assert_eq!((status, &body["detail"][0]["type"]), (422, &json!(kind)), "{input}: {body}");
        assert_eq!(body["detail"][0]["loc"][0], "body");
    }
    assert_eq!(fal.sim.counts().billed_units, 0, "refused inputs cost nothing");
    Ok(())
}

#[tokio::test]
async fn other_families_lay_out_their_own_output() -> Result<()> {
    let fal = Fal::start().await?;
    let url = fal.upload("ball.jpg", jpeg(200, 200)?).await?;
    let cases = [
        ("fal-ai/trellis", json!({"image_url": url, "seed": 7}), "/model_mesh"),
        ("fal-ai/hunyuan3d/v2", json!({"input_image_url": url}), "/model_mesh"),
        ("fal-ai/hyper3d/rodin", json!({"input_image_urls": [url]}), "/model_mesh"),
        ("fal-ai/meshy/v6/image-to-3d", json!({"image_url": url, "target_polycount": 900}), "/model_glb"),
        ("fal-ai/trellis-2", json!({"image_url": url}), "/model_urls/glb"),
        ("tripo3d/h3.1/image-to-3d", json!({"image_url": url, "face_limit": 1000}), "/model_urls/glb"),
    ];
    for (endpoint, input, place) in cases {
        let (status, output) = fal.outcome(endpoint, input).await?;
        assert_eq!(status, 200, "{endpoint}: {output}");
        let mesh = output.pointer(place).with_context(|| format!("{endpoint}: no {place} in {output}"))?;
        glb::check(&file(&fal, mesh).await?)?;
    }
    Ok(())
}
