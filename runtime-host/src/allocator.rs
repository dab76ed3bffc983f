//! The allocator of every program that is made with this crate, measurements too (`docs/adr/0014`). An answer of a component is some
//! two hundred small pieces of memory, most of them asked for by one thread and freed by another; and what compiling a component
//! took goes back to the system.
//!
//! It is kept from huge pages, of which it would take one of 2 MB here and there for a fraction that a host at rest uses. What a
//! program starts inherits that; Redis advises it anyway.
#![allow(
    unsafe_code,
    reason = "the kernel is asked before there is a `main`, for which the libraries that are here have no name"
)]

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Called before anything is allocated: what memory is made of is settled when it is first touched.
// SAFETY: the loader calls what is in this section, one after the other, before `main`; this needs nothing that is made there.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = use_small_pages;

#[cfg(target_os = "linux")]
extern "C" fn use_small_pages() {
    use std::ffi::{c_int, c_ulong};
    /// `prctl(2)`.
    const PR_SET_THP_DISABLE: c_int = 41;
    const YES: c_ulong = 1;
    const NOT_USED: c_ulong = 0;
    unsafe extern "C" {
        fn prctl(option: c_int, ...) -> c_int;
    }
    // SAFETY: it takes numbers and no pointer. A kernel that does not know the option changes nothing.
    unsafe { prctl(PR_SET_THP_DISABLE, YES, NOT_USED, NOT_USED, NOT_USED) };
}
