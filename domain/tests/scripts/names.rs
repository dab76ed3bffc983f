//! Jobs are found by the names of their files, in any case.

use std::slice::from_ref;

use image2model_domain::JobId;
use image2model_domain::commands::ListJobs;

use crate::scene::Scene;

fn found(scene: &mut Scene, part: &str) -> Vec<JobId> {
    let list = ListJobs { tenant: Some("t"), limit: 10, looks: 100, status: None, file_name: Some(part), after: None };
    scene.run(&list).jobs.into_iter().map(|job| job.id).collect()
}

#[test]
fn a_name_is_found_by_any_part_in_any_case() {
    let mut scene = Scene::start();
    let chairs = scene.create(&["a.png", "Stühle & BÄNKE.JPG"]);
    let road = scene.create(&["ΟΔΟΣ.png"]);
    for part in ["STÜHLE", "stühle", "bänke.jpg", "ÜHL"] {
        assert_eq!(found(&mut scene, part), from_ref(&chairs), "{part}");
    }
    for part in ["ΟΔΟΣ", "οδος", "δοσ.PNG"] {
        assert_eq!(found(&mut scene, part), from_ref(&road), "{part}");
    }
    assert_eq!(found(&mut scene, ".Png"), [road.clone(), chairs.clone()]);
    assert_eq!(found(&mut scene, "stuhle"), []);
    // Those of the version before have only the name itself.
    let file = scene.job(&chairs).files[1].id.clone();
    let key = scene.redis.keys().file(&chairs, &file);
    scene.redis.query::<()>(&["HDEL", &key, "found_by"]);
    assert_eq!(found(&mut scene, "sTüHLE"), [chairs]);
}
