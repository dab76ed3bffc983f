//! Every constraint that a query parameter is documented with holds: a value beyond it is refused.

use reqwest::Method;
use serde_json::Value;

use super::asking::{file, id, task};
use super::contract::{Answer, Contract};
use super::prepared::{ADMIN_KEY, Jobs, jobs, product};

/// Values that a schema excludes, each because of one of its constraints.
fn beyond(contract: &Contract, schema: &Value) -> Vec<String> {
    if let Some(to) = schema["$ref"].as_str().and_then(|to| to.strip_prefix("#/components/schemas/")) {
        return beyond(contract, contract.schema(to).unwrap());
    }
    let mut values = Vec::new();
    let number = |name: &str| schema[name].as_i64();
    values.extend(number("minimum").map(|least| (least - 1).to_string()));
    values.extend(number("maximum").map(|most| (most + 1).to_string()));
    match schema["type"].as_str() {
        Some("integer") => values.extend(["x", "1.5", ""].map(str::to_owned)),
        Some("boolean") => values.push("perhaps".to_owned()),
        _ => {}
    }
    if schema["enum"].is_array() {
        values.push("none-of-them".to_owned());
    }
    if schema["pattern"].is_string() {
        values.push("%20!".to_owned());
    }
    if schema["format"].is_string() {
        values.push("yesterday".to_owned());
    }
    let length = |name: &str| schema[name].as_u64().and_then(|length| usize::try_from(length).ok());
    values.extend(length("maxLength").map(|most| "a".repeat(most + 1)));
    values.extend(length("minLength").map(|least| "a".repeat(least.saturating_sub(1))));
    values
}

/// The path of an operation about what is there.
fn filled(path: &str, jobs: &Jobs) -> String {
    let done = &jobs.completed;
    let places = [
        ("/components/{id}", "/components/web".to_owned()),
        ("{job_id}", id(done)),
        ("{batch_id}", id(done)),
        ("{task_id}", task(done)),
        ("{file_id}", file(done, 0)),
        ("{filename}", "chair.glb".to_owned()),
        ("{id}", id(done)),
        ("{name}", "maintenance".to_owned()),
        ("{file}", file(done, 0)),
    ];
    places.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_beyond_a_documented_constraint_is_refused() {
    let product = product().unwrap();
    let client = product.client_with_key(ADMIN_KEY).unwrap();
    let jobs = jobs(&client).await.unwrap();
    let contract = Contract::new(client.json("/openapi.json").await.unwrap()).unwrap();
    let mut complaints = Vec::new();
    let mut asked = 0;
    for (name, operation) in contract.operations() {
        let method: Method = operation.method.to_uppercase().parse().unwrap();
        for parameter in contract.parameters(name).unwrap().into_iter().filter(|parameter| parameter["in"] == "query") {
            for value in beyond(&contract, &parameter["schema"]) {
                let query =
                    format!("{}?{}={value}", filled(&operation.path, &jobs), parameter["name"].as_str().unwrap());
                let ask = async || Answer::read(client.request(method.clone(), &query).send().await?).await;
                let status = Answer::to(ask).await.unwrap().status;
                asked += 1;
                if !matches!(status, 400 | 422) {
                    complaints.push(format!("{method} {query} answered {status}"));
                }
            }
        }
    }
    assert!(asked > 40, "the parameters are not found any more");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
