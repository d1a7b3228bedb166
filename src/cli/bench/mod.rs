//! `concord bench`: how fast the engines are on this machine, on data made in memory, and how fast a server is.

mod baseline;
pub mod lines;
mod matching;
pub mod names;
mod server;
mod tenant;

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use crate::engine::billing::{Policy, Threads, reconcile_on};
use crate::environment::threads;

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Reconciles made-up lines.
    #[command(after_long_help = "Example:\n  concord bench reconcile --lines 1000000")]
    Reconcile(ReconcileArguments),
    /// Puts made-up lines into a database and reconciles them from there, as a client of the API does.
    #[command(
        long_about = "Puts made-up lines of a month into a database, starts a run with reconciliationRunStart and follows \
                      it to its final event. Beside it stands the time that the same rows take when they are read and \
                      written and nothing is computed, and the ratio of both.",
        after_long_help = "Examples:\n  concord bench server --lines 100000\n  \
                           concord bench server --database postgres://concord@localhost/bench"
    )]
    Server(server::ServerArguments),
    /// Matches made-up names, or fits the weights of the matching on lists whose pairs are known.
    #[command(after_long_help = "Examples:\n  concord bench match --left 100000 --right 100000\n  \
                           concord bench match --fit customers:lists/companies --fit products:lists/licences")]
    Match(matching::MatchArguments),
}

/// Arguments of `bench reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArguments {
    /// Lines on each side, on a fifth as many keys.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=20_000_000))]
    lines: u64,
    /// Number that the lines come from; the same number gives the same lines.
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
    /// How often it is done; the median counts.
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: u32,
    /// Threads that it may use [default: those of this machine, at most 4].
    #[arg(long, value_name = "NUMBER")]
    threads: Option<NonZeroUsize>,
    /// Writes the lines of both sides to two CSV files in this directory instead, for other programs to join.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Measures.
pub(super) async fn run(command: &BenchCommand) -> anyhow::Result<ExitCode> {
    match command {
        BenchCommand::Reconcile(arguments) => match &arguments.write {
            Some(directory) => write(directory, arguments)?,
            None => measure(arguments)?,
        },
        BenchCommand::Server(arguments) => server::run(arguments).await?,
        BenchCommand::Match(arguments) => matching::run(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(arguments: &ReconcileArguments) -> anyhow::Result<()> {
    let started = Instant::now();
    let input = lines::input(arguments.lines, arguments.seed).context("The lines cannot be made")?;
    let count = arguments.threads.unwrap_or_else(threads);
    let made = seconds(started.elapsed());
    println!("{} lines on each side, made in {made}; threads: {count}", arguments.lines);
    let mut times = Vec::new();
    for _ in 0..arguments.repeat {
        let started = Instant::now();
        let report = reconcile_on(Threads::up_to(count), &input, &Policy::default())
            .context("The lines cannot be reconciled")?;
        times.push(started.elapsed());
        println!(
            "{} keys, {} discrepancies in {}",
            report.keys.len(),
            report.discrepancies.len(),
            seconds(started.elapsed())
        );
    }
    times.sort_unstable();
    let median = times[times.len() / 2];
    let both_sides = u128::from(arguments.lines) * 2 * 1_000_000;
    println!("median {}, {} lines per second", seconds(median), both_sides / median.as_micros().max(1));
    match peak_memory() {
        Some(kibibytes) => println!("peak memory {} MiB, the lines included", kibibytes / 1024),
        None => println!("peak memory unknown on this system"),
    }
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

/// The most memory that this process had, in KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn write(directory: &Path, arguments: &ReconcileArguments) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("The directory {} cannot be made", directory.display()))?;
    let mut charged = String::from("customer,item,period,currency,quantity,cost,expected\n");
    let mut billed = String::from("customer,item,period,currency,quantity,amount\n");
    for line in lines::lines(arguments.lines, arguments.seed) {
        let key = format!("customer-{:08x},item-{:08x},2026-10,USD", line.customer, line.item);
        let expected = rust_decimal::Decimal::new(line.price * line.quantity as i64, 2);
        let _ = writeln!(charged, "{key},{},{},{expected}", line.quantity, line.cost_total());
        if let (Some((quantity, _)), Some(amount)) = (line.billed, line.billed_total()) {
            let _ = writeln!(billed, "{key},{quantity},{amount}");
        }
    }
    for (name, text) in [("charged.csv", charged), ("billed.csv", billed)] {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
