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
            }
        ",
        path: ["../wit/deps/spin-redis@3.0.0", "../wit/deps/spin-variables@3.0.0"],
        imports: { default: async | store | trappable },
        with: { "spin:redis/redis.connection": crate::edge::capabilities::redis::Connection },
    });
}

pub use generated::spin::redis::redis;
pub use generated::spin::variables::variables;
