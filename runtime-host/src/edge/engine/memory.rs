//! What compiling took and freed again, tens of megabytes, the allocator keeps for the next time. A host compiles when it starts
//! and then not for days: what is free then is the system's.
#![allow(unsafe_code, reason = "the C library's allocator is asked, which Rust has no name for")]

/// Gives back what is free. Takes a moment, in which other threads may have to wait for memory: not for one that answers.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn give_back() {
    unsafe extern "C" {
        fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    // SAFETY: it takes no pointer, and is safe to call from any thread at any time (malloc_trim(3)).
    unsafe { malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back() {}
