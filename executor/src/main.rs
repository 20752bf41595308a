//! The binary: reads the command line, runs one command, says how it ended.

use std::process::ExitCode;

use aipot_executor::command::{Arguments, run};
use clap::Parser;

/// Many small buffers live and die in a training step; this allocator hands them back at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(Arguments::parse())
}
