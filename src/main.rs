//! The `piaoku` program: everything is in the library's `cli` module.

use std::process::ExitCode;

/// Orders are many small allocations on several threads, freed on others; glibc's allocator spends a
/// tenth of an order's time on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    piaoku::cli::main()
}
