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
                }
            ",
            path: "../wit/deps/fermyon-spin@2.0.0",
            imports: { default: async | trappable },
            with: { "fermyon:spin/redis.connection": crate::edge::capabilities::redis::Connection },
        });
    }

    pub use generated::fermyon::spin::redis;
    pub use generated::fermyon::spin::variables;
}

pub use generated::spin::key_value::key_value;
pub use generated::spin::redis::redis;
pub use generated::spin::variables::variables;
