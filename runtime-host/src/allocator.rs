//! The allocator of every program that is made with this crate, measurements too. An answer of a component is some two hundred
//! small pieces of memory, most of them asked for by one thread and freed by another; and what compiling a component took
//! goes back to the system, where the C library keeps it (`bench/README.md`).

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
