//! Running what the command line says. Answers go to standard output, everything else to standard error.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use super::settings::{LogFormat, LogLevel};
use super::{Cli, Command, MappingsCommand, PricesCommand, TokenCommand};
use crate::secret::{hide_known, redact};

/// Parses the arguments of the process, runs the command and says how it ended.
pub fn run() -> ExitCode {
    super::panic::report_without_secrets();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("The program cannot start: {error}.");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(command(cli.command)) {
        Ok(code) => code,
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            eprintln!("{}", redact(&causes.join(": ")));
            ExitCode::FAILURE
        }
    }
}

async fn command(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(arguments) => super::serve::run(&arguments).await,
        Command::Demo(arguments) => super::demo::run(&arguments).await,
        Command::Sandbox(arguments) => super::sandbox::run(&arguments).await,
        Command::Token { command: TokenCommand::Create(arguments) } => super::token::create(arguments).await,
        Command::Token { command: TokenCommand::List(arguments) } => super::token::list(&arguments).await,
        Command::Token { command: TokenCommand::Revoke(arguments) } => super::token::revoke(&arguments).await,
        Command::Audit { command } => super::audit::run(&command).await,
        Command::Purge(arguments) => super::purge::run(&arguments).await,
        Command::Secrets { command } => super::secrets::run(&command).await,
        Command::Schema => {
            print!("{}", crate::graphql::sdl());
            Ok(ExitCode::SUCCESS)
        }
        Command::Mappings { command: MappingsCommand::Import(arguments) } => super::mappings::import(&arguments).await,
        Command::Mappings { command: MappingsCommand::Export(arguments) } => super::mappings::export(&arguments).await,
        Command::Prices { command: PricesCommand::Import(arguments) } => super::prices::import(&arguments).await,
        Command::Reconcile(arguments) => Ok(super::reconcile::run(arguments).await),
        Command::Match(arguments) => super::match_::run(arguments).await,
        Command::Doctor(arguments) => super::doctor::run(&arguments).await,
        Command::Bench { command } => super::bench::run(&command).await,
        Command::Webhook { command } => super::webhook::run(&command).await,
        Command::Migrate(arguments) => super::migrate::run(&arguments).await,
    }
}

/// Logs to standard error. `RUST_LOG` may name single modules, in the usual form of such filters.
pub(super) fn log(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    // The libraries below are quiet unless asked: their statements and frames are not the operator's business.
    let default = format!("warn,concord={level}");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // Colours are for people: a file and a pipe get the text alone.
    let is_for_people = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let subscriber = tracing_subscriber::fmt().with_ansi(is_for_people);
    let subscriber = subscriber.with_env_filter(filter).with_writer(|| Discreet(std::io::stderr()));
    // A second call, as in tests, changes nothing.
    let _ = match format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
}

/// Writes log lines without the secrets that this process knows: those of the libraries below too, whose words nobody here
/// chose. Each line comes whole.
struct Discreet<W>(W);

impl<W: Write> Write for Discreet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match std::str::from_utf8(bytes) {
            Ok(line) => self.0.write_all(hide_known(line).as_bytes()),
            Err(_) => self.0.write_all(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::secret::remember;

    #[test]
    fn a_log_line_has_no_secret_that_is_known() {
        remember(&SecretString::from("known to the log"));
        let mut lines = Vec::new();
        let line = "DEBUG somewhere: it said \"known to the log\" é\n";
        assert_eq!(Discreet(&mut lines).write(line.as_bytes()).expect("memory takes it"), line.len());
        Discreet(&mut lines).write_all(&[0xff]).expect("memory takes it");
        assert_eq!(lines, [&b"DEBUG somewhere: it said \"[redacted]\" \xc3\xa9\n"[..], &[0xff]].concat());
    }
}
