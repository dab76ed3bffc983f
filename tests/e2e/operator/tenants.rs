//! Tenants: their share of the turns and their cap are shown and set, and hold.

use image2model_tests::Product;
use image2model_tests::client::{Client, text};
use reqwest::Method;
use serde_json::{Value, json};

use super::{named, photograph, send};

const ADMIN: &str = "the-admins-key-0123456789";

fn product() -> Product {
    let setup = Product::setup().with("API_KEY", "the-users-key-0123456789").with("ADMIN_API_KEY", ADMIN);
    setup.start().unwrap()
}

async fn set(client: &Client, tenant: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/v1/admin/tenants/{tenant}");
    let answer = client.request(Method::PUT, &path).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_holds_a_tenants_files_back_and_is_taken_away_again() {
    let product = product();
    let (user, admin) =
        (product.client_with_key("the-users-key-0123456789").unwrap(), product.client_with_key(ADMIN).unwrap());
    assert_eq!(admin.json("/api/v1/admin/tenants").await.unwrap(), json!({ "tenants": [] }));
    let first = user.upload(&[photograph("a.jpg", 1)], &[]).await.unwrap();
    user.ended(text(&first, "job_id")).await.unwrap();
    let jobs = admin.json("/api/v1/admin/jobs").await.unwrap();
    let tenant = text(&jobs["jobs"][0], "tenant").to_owned();
    let tenants = admin.json("/api/v1/admin/tenants").await.unwrap();
    assert!(named(&tenants["tenants"], "tenant", &tenant)["cost_usd"].as_f64() > Some(0.0), "{tenants}");

    let (status, terms) = set(&admin, &tenant, json!({ "max_concurrent": 1 })).await;
    assert_eq!((status, &terms["max_concurrent"], &terms["weight"]), (200, &json!(1), &json!(1.0)), "{terms}");
    let (_, terms) = set(&admin, &tenant, json!({ "weight": 2.5 })).await;
    assert_eq!((&terms["max_concurrent"], &terms["weight"]), (&json!(1), &json!(2.5)), "the cap stays: {terms}");
    let files = [1, 2, 3].map(|seed| photograph("sim-slow.jpg", seed));
    let job = user.upload(&files, &[]).await.unwrap();
    let at_work = |answer: &Value| named(&answer["tenants"], "tenant", &tenant)["running"] == 1;
    let tenants = admin.until("/api/v1/admin/tenants", at_work).await.unwrap();
    assert_eq!(named(&tenants["tenants"], "tenant", &tenant)["waiting"], 2);
    let (_, terms) = set(&admin, &tenant, json!({ "max_concurrent": null })).await;
    assert_eq!(terms["max_concurrent"], Value::Null);
    admin.until("/api/v1/admin/queues", |queues| queues["totals"]["running"] == 3).await.unwrap();
    let cancel = format!("/api/v1/jobs/{}", text(&job, "job_id"));
    assert_eq!(send(&user, Method::DELETE, &cancel).await.0, 202);
    assert_eq!(user.ended(text(&job, "job_id")).await.unwrap()["status"], "cancelled");

    for (body, field) in [(json!({}), ""), (json!({ "weight": 0 }), "weight"), (json!({ "weigth": 1 }), "weigth")] {
        let (status, refused) = set(&admin, &tenant, body).await;
        assert_eq!((status, &refused["details"]["errors"][0]["field"]), (422, &json!(field)), "{refused}");
    }
    assert_eq!(set(&user, &tenant, json!({ "weight": 9 })).await.0, 403);
    assert_eq!(user.get("/api/v1/admin/tenants").await.unwrap().status(), 403);
}
