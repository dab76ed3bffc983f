//! The allocator of every program that is made with this crate, measurements too (`docs/adr/0014`). An answer of a component is some
//! two hundred small pieces of memory, most of them asked for by one thread and freed by another; and what is free goes back to the
//! system.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Keeps this process from huge pages where the system makes them unasked: each is 2 MB, for a fraction that a host at rest uses.
/// Asked it is not, the allocator is built so (`no_thp`). To be called before memory is used in earnest. What the program starts
/// inherits it; Redis advises it anyway.
pub fn keep_pages_small() {
    // A kernel that does not know it has none.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
