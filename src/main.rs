//! The program: a thin call into the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    concord::cli::run()
}
