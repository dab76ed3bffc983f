//! A guard that lets pass whoever sends the variable `api_key` in `authorization`.

mod bindings {
    wit_bindgen::generate!({ world: "guard-plug", path: "../../../../wit/guard", generate_all });
    use super::Guard;
    export!(Guard);
}

use bindings::exports::image2model::guard::guard::{Answer, Facts, Guest, Pass, Problem, Role, Verdict};

struct Guard;

impl Guest for Guard {
    async fn check(facts: Facts) -> Verdict {
        let key = spin_sdk::variables::get("api_key").await.ok();
        if key.is_some() && facts.authorization == key {
            let headers = vec![("x-route".to_owned(), facts.route)];
            let (caller, client_address) = ("key:test".to_owned(), facts.client_address);
            return Verdict::Pass(Pass { caller, client_address, key_hash: None, role: Role::User, headers });
        }
        let problem = Problem { code: "INVALID_API_KEY".to_owned(), detail: "no".to_owned() };
        Verdict::Answer(Answer { status: 401, headers: Vec::new(), problem: Some(problem) })
    }
}
