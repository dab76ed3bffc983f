//! Generated bindings of the Spin interfaces that components import. Concurrent: a call never holds the store while it
//! waits, so one slow answer does not stop the other requests of an instance.

#![allow(missing_docs, reason = "generated")]

mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package image2model:host;
            world capabilities {
                import spin:redis/redis@3.0.0;
                import spin:variables/variables@3.0.0;
                import spin:key-value/key-value@3.0.0;
            }
        ",
        path: [
            "../wit/deps/spin-redis@3.0.0",
            "../wit/deps/spin-variables@3.0.0",
            "../wit/deps/spin-key-value@3.0.0",
        ],
        imports: { default: async | store | trappable },
        with: {
            "spin:redis/redis.connection": crate::edge::capabilities::redis::Connection,
            "spin:key-value/key-value.store": crate::edge::capabilities::key_value::Store,
        },
    });
}

/// Those of older SDKs. Their calls are not concurrent.
pub mod older {
    mod generated {
        wasmtime::component::bindgen!({
            inline: "
                package image2model:host;
                world older-capabilities {
                    import fermyon:spin/redis@2.0.0;
                    import fermyon:spin/variables@2.0.0;
                    import fermyon:spin/key-value@2.0.0;
                }
            ",
            path: "../wit/deps/fermyon-spin@2.0.0",
            imports: { default: async | trappable },
            with: {
                "fermyon:spin/redis.connection": crate::edge::capabilities::redis::Connection,
                "fermyon:spin/key-value.store": crate::edge::capabilities::key_value::Store,
            },
        });
    }

    pub use generated::fermyon::spin::key_value;
    pub use generated::fermyon::spin::redis;
    pub use generated::fermyon::spin::variables;
}

/// The drafts of WASI that Spin answers as well. Their calls are not concurrent.
pub mod drafts {
    mod generated {
        wasmtime::component::bindgen!({
            inline: "
                package image2model:host;
                world draft-capabilities {
                    import wasi:keyvalue/store@0.2.0-draft2;
                    import wasi:keyvalue/batch@0.2.0-draft2;
                    import wasi:keyvalue/atomics@0.2.0-draft2;
                    import wasi:config/store@0.2.0-draft-2024-09-27;
                }
            ",
            path: ["../wit/deps/wasi-keyvalue@0.2.0-draft2", "../wit/deps/wasi-config@0.2.0-draft-2024-09-27"],
            imports: { default: async | trappable },
            with: {
                "wasi:keyvalue/store.bucket": crate::edge::capabilities::key_value::Store,
                "wasi:keyvalue/atomics.cas": crate::edge::capabilities::key_value::Cas,
            },
        });
    }

    pub use generated::wasi::config::store as config;
    pub use generated::wasi::keyvalue::{atomics, batch, store};
}

pub use generated::spin::key_value::key_value;
pub use generated::spin::redis::redis;
pub use generated::spin::variables::variables;
