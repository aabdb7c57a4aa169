//! The imgforge program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    imgforge::cli::main()
}
