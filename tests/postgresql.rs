//! Runs after the other tests and says on which PostgreSQL they ran, or that they did not and what to install. It is a
//! program of its own because the test harness captures what its tests print.

use std::process::ExitCode;

use available::Available;

#[expect(dead_code, reason = "its tests run with the others, in the binary `it`")]
#[path = "it/postgres/available.rs"]
mod available;

fn main() -> ExitCode {
    // What `cargo nextest` asks each binary first.
    if std::env::args().any(|argument| argument == "--list") {
        if !std::env::args().any(|argument| argument == "--ignored") {
            println!("postgresql: test");
        }
        return ExitCode::SUCCESS;
    }
    let available = Available::on_this_machine();
    eprintln!("\n{available}.\n");
    if available == Available::Missing && available::is_required() {
        eprintln!("{} is set, so this is a failure.\n", available::REQUIRE_VARIABLE);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
