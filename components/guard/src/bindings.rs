//! Generated from `wit/guard`, with the export.

#[allow(warnings, clippy::all, unsafe_code, reason = "generated code")]
mod generated {
    wit_bindgen::generate!({ world: "guard-plug", path: "../../wit/guard" });

    struct Component;

    impl exports::image2model::guard::guard::Guest for Component {
        async fn check(
            facts: exports::image2model::guard::guard::Facts,
        ) -> exports::image2model::guard::guard::Verdict {
            crate::check::check(facts).await
        }
    }

    export!(Component);
}

pub(crate) use generated::exports::image2model::guard::guard::{
    Answer, Budget, Facts, Header, Level, Pass, Problem, Role, Verdict,
};
