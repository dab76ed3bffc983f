//! Results by their names.

use image2model_tests::Client;
use image2model_tests::client::text;
use reqwest::Method;
use serde_json::Value;

use super::{ended, photograph, quick};

async fn answer(client: &Client, path: &str) -> (u16, Value) {
    let answer = client.get(path).await.unwrap();
    let status = answer.status().as_u16();
    (status, if status == 200 { Value::Null } else { answer.json().await.unwrap() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_good_where_it_is_unambiguous_for_the_caller() {
    let product = quick().with("API_KEY", "user-key").with("ADMIN_API_KEY", "admin-key").start().unwrap();
    let (owner, admin) = (product.client_with_key("user-key").unwrap(), product.client_with_key("admin-key").unwrap());
    let first = ended(&owner, &[photograph("vase.jpg", 1), photograph("vase.jpg", 2), photograph("bowl.jpg", 3)]).await;
    let id = text(&first, "job_id");
    for name in ["vase.glb", "vase%20(2).glb", "bowl.glb"] {
        assert_eq!(answer(&owner, &format!("/api/v1/download/{id}/{name}")).await.0, 200, "{name}");
        assert_eq!(answer(&owner, &format!("/api/v1/download/direct/{name}")).await.0, 200, "{name}");
    }
    let file = text(&first["files"][0], "file_id");
    for name in [file.to_owned(), format!("{file}.glb"), "model".to_owned()] {
        assert_eq!(answer(&owner, &format!("/api/v1/download/{id}/{name}")).await.0, 200, "{name}");
    }
    assert_eq!(answer(&owner, &format!("/api/v1/download/direct/{file}")).await.0, 200);
    assert_eq!(answer(&owner, &format!("/api/v1/download/{id}/vase%20(3).glb")).await.0, 404);
    assert_eq!(answer(&owner, "/api/v1/download/direct/none.glb").await.0, 404);

    let second = ended(&owner, &[photograph("vase.jpg", 4)]).await;
    ended(&admin, &[photograph("vase.jpg", 5)]).await;
    let (status, problem) = answer(&owner, "/api/v1/download/direct/vase.glb").await;
    assert_eq!((status, text(&problem, "error_code")), (409, "AMBIGUOUS_NAME"));
    let candidates = problem["details"]["candidates"].as_array().unwrap();
    let of = |status: &Value, nth: usize| (status["job_id"].clone(), status["files"][nth]["file_id"].clone());
    let named: Vec<_> = candidates.iter().map(|c| (c["job_id"].clone(), c["file_id"].clone())).collect();
    assert_eq!(named, [of(&second, 0), of(&first, 0)], "the caller's own, the newest first");
    assert_eq!(answer(&owner, text(&candidates[0], "download_url")).await.0, 200);
    assert_eq!(answer(&admin, "/api/v1/download/direct/vase.glb").await.0, 200, "an admin's own results");

    // Without a key, a file's id is as good as its job's; any other name says nothing of whose it is.
    let nobody = product.client().unwrap();
    let by_id = format!("/api/v1/download/direct/{}_model.glb", text(&first["files"][0], "file_id"));
    assert_eq!(answer(&nobody, &by_id).await.0, 200);
    assert_eq!(answer(&product.client_with_key("wrong").unwrap(), &by_id).await.0, 403);
    let refused = nobody.get("/api/v1/download/direct/bowl.glb").await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["www-authenticate"]), (403, &"Bearer".parse().unwrap()));
    let nothing = format!("/api/v1/download/direct/{}_model.glb", "0".repeat(32));
    assert_eq!(answer(&nobody, &nothing).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_what_is_not_finished_is_answered_as_its_model_is() {
    let product = quick().with("API_KEY", "user-key").with("ADMIN_API_KEY", "admin-key").start().unwrap();
    let (owner, admin) = (product.client_with_key("user-key").unwrap(), product.client_with_key("admin-key").unwrap());
    let names = ["vase.jpg", "sim-content-policy.jpg", "sim-slow.jpg"];
    let job = owner.upload(&names.map(|name| photograph(name, 1)), &[]).await.unwrap();
    let id = text(&job, "job_id");
    let mut status = Value::Null;
    while status["completed_files"] != 1 || status["failed_files"] != 1 {
        status = owner.json(&format!("/api/v1/status/{id}?wait=5")).await.unwrap();
    }
    for (nth, name) in [(1, "sim-content-policy.glb"), (2, "sim-slow.glb")] {
        let of_file = format!("/api/v1/download/{id}/{}/model", text(&job["files"][nth], "file_id"));
        let (_, as_model) = answer(&owner, &of_file).await;
        for way in [format!("/api/v1/download/{id}/{name}"), format!("/api/v1/download/direct/{name}")] {
            let (status, problem) = answer(&owner, &way).await;
            assert_eq!((status, text(&problem, "error_code")), (409, "MODEL_NOT_READY"), "{way}");
            assert_eq!(problem["details"]["status"], as_model["details"]["status"], "{way}");
            assert_eq!(problem["message"], as_model["message"], "{way}");
        }
    }
    // Where one of the name is finished, one that is not makes it no less unambiguous.
    let pause = admin.request(Method::POST, "/api/v1/admin/queues/batch_processing/pause").send().await.unwrap();
    assert_eq!(pause.status(), 200);
    owner.upload(&[photograph("vase.jpg", 2)], &[]).await.unwrap();
    assert_eq!(answer(&owner, "/api/v1/download/direct/vase.glb").await.0, 200);
    assert_eq!(owner.request(Method::DELETE, &format!("/api/v1/jobs/{id}")).send().await.unwrap().status(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_may_itself_be_called_as_ids_are() {
    let product = quick().with("API_KEY", "user-key").start().unwrap();
    let owner = product.client_with_key("user-key").unwrap();
    let names = ["0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679742540de944be07fc1f90ae7"];
    ended(&owner, &names.map(|name| photograph(&format!("{name}.jpg"), 1))).await;
    for name in names {
        let path = format!("/api/v1/download/direct/{name}.glb");
        assert_eq!(answer(&owner, &path).await.0, 200, "{name}");
        assert_eq!(answer(&product.client().unwrap(), &path).await.0, 404, "{name}");
        assert_eq!(answer(&product.client_with_key("wrong").unwrap(), &path).await.0, 404, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_jobs_are_their_owners_a_token_opens_them() {
    let product = quick().with("API_KEY", "user-key").with("JOB_ACCESS", "owner").start().unwrap();
    let owner = product.client_with_key("user-key").unwrap();
    let job = owner.upload(&[photograph("vase.jpg", 1)], &[]).await.unwrap();
    owner.ended(text(&job, "job_id")).await.unwrap();
    let token = text(&job, "access_token");
    let nobody = product.client().unwrap();
    let by_id = format!("/api/v1/download/direct/{}_model.glb", text(&job["files"][0], "file_id"));
    let by_name = format!("/api/v1/download/{}/vase.glb", text(&job, "job_id"));
    for path in [by_id, by_name] {
        assert_eq!(answer(&nobody, &path).await.0, 403, "{path}");
        assert_eq!(answer(&nobody, &format!("{path}?access_token={token}")).await.0, 200, "{path}");
        assert_eq!(answer(&owner, &path).await.0, 200, "{path}");
    }
}
