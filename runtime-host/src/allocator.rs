//! The allocator of every program that is made with this crate, measurements too (`docs/adr/0014`). An answer of a component is some
//! two hundred small pieces of memory, most of them asked for by one thread and freed by another; and what is free goes back to the
//! system.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// mimalloc, asked for an alignment only where it is not there anyway. To ask always, as the crate `mimalloc` does, is dear: when
/// the pieces of just that size are used up, it is given a larger one, by a longer way.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// What every piece of memory is aligned to that is no smaller (mimalloc's `MI_MAX_ALIGN_SIZE`, on every platform).
const NATURAL_ALIGN: usize = 16;

const fn is_natural(size: usize, align: usize) -> bool {
    align <= NATURAL_ALIGN && align <= size
}

// SAFETY: mimalloc keeps to all that a `GlobalAlloc` has to, and frees a piece however it was asked for.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: the alignment is a power of two, as in every layout; likewise below.
        unsafe { if is_natural(size, align) { mi_malloc(size) } else { mi_malloc_aligned(size, align) } }.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: see above.
        unsafe { if is_natural(size, align) { mi_zalloc(size) } else { mi_zalloc_aligned(size, align) } }.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, _: Layout) {
        // SAFETY: the caller has it from here.
        unsafe { mi_free(ptr.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (ptr, align) = (ptr.cast(), layout.align());
        // SAFETY: the caller has it from here, and see above.
        unsafe { if is_natural(size, align) { mi_realloc(ptr, size) } else { mi_realloc_aligned(ptr, size, align) } }
            .cast()
    }
}

/// Keeps this process from huge pages where the system makes them unasked: each is 2 MB, for a fraction that a host at rest uses.
/// Asked it is not, the allocator is built so (`no_thp`). To be called before memory is used in earnest. What the program starts
/// inherits it; Redis advises it anyway.
pub fn keep_pages_small() {
    // A kernel that does not know it has none.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_aligned_as_it_was_asked_for() {
        let mut held = Vec::new();
        for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
            for size in [1, 7, 8, 15, 16, 17, 24, 40, 56, 100, 1000, 5000, 100_000] {
                let layout = Layout::from_size_align(size, align).unwrap();
                for round in 0..64 {
                    // SAFETY: no piece is of size zero, and each is freed once, with the layout that it has by then.
                    unsafe {
                        let piece =
                            if round % 2 == 0 { ALLOCATOR.alloc(layout) } else { ALLOCATOR.alloc_zeroed(layout) };
                        let grown = ALLOCATOR.realloc(piece, layout, size * 3);
                        assert_eq!((piece as usize % align, grown as usize % align), (0, 0), "{layout:?}");
                        held.push((grown, Layout::from_size_align(size * 3, align).unwrap()));
                    }
                }
            }
        }
        // SAFETY: see above.
        held.into_iter().for_each(|(piece, layout)| unsafe { ALLOCATOR.dealloc(piece, layout) });
    }
}
