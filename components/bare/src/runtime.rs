//! The three things themselves. Memory is bounded by the host's limit for the instance.

extern crate alloc;

use core::alloc::Layout;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// A panic is a defect; the trap ends this instance and no other.
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// `cabi_realloc` of the canonical ABI: memory for the arguments of a call, later freed by the bindings through the
/// global allocator. On this target `wit-bindgen` expects the standard library to export it.
#[allow(unsafe_code, reason = "the canonical ABI passes raw memory")]
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn realloc(old: *mut u8, old_size: usize, align: usize, new_size: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(if old_size == 0 { new_size } else { old_size }, align) else {
        core::arch::wasm32::unreachable()
    };
    if new_size == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    // SAFETY: the sizes are not zero, and `old`, when there is one, came from here with this layout.
    let new = unsafe {
        if old_size == 0 { alloc::alloc::alloc(layout) } else { alloc::alloc::realloc(old, layout, new_size) }
    };
    if new.is_null() { core::arch::wasm32::unreachable() } else { new }
}
