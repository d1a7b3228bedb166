//! `concord match`: which records of two lists are the same, from files alone.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::engine::matching::list::{ListKind, Workers};
use crate::service::offline::lists::{MatchFiles, match_files, write_explanations, write_pairs};
use crate::service::offline::match_directory;

/// What the records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Companies.
    Customers,
    /// Licences and other things that are sold.
    Products,
}

impl From<Kind> for ListKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Customers => Self::Customers,
            Kind::Products => Self::Products,
        }
    }
}

/// Arguments of `match`.
#[derive(Debug, Args)]
pub struct MatchArguments {
    /// What the two lists hold.
    #[arg(long, value_enum, requires = "left", requires = "right")]
    kind: Option<Kind>,
    /// One list, as CSV.
    #[arg(long, value_name = "FILE", requires = "kind", requires = "right")]
    left: Option<PathBuf>,
    /// The other list, as CSV.
    #[arg(long, value_name = "FILE", requires = "kind", requires = "left")]
    right: Option<PathBuf>,
    /// Directory of records, with `pax8` and `psa` in it, instead of two lists.
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "kind",
        conflicts_with_all = ["kind", "left", "right", "explain"]
    )]
    data: Option<PathBuf>,
    /// File for the pairs; with --data the directory for the mapping files, made when missing.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// File for the reasons, one line for each thing that was compared.
    #[arg(long, value_name = "FILE")]
    explain: Option<PathBuf>,
}

/// Matches and writes.
pub(super) async fn run(arguments: MatchArguments) -> anyhow::Result<ExitCode> {
    match (arguments.data, arguments.kind, arguments.left, arguments.right) {
        (Some(data), ..) => directory(&data, &arguments.out).await?,
        (None, Some(kind), Some(left), Some(right)) => {
            let files = MatchFiles { kind: kind.into(), left, right };
            lists(&files, &arguments.out, arguments.explain.as_deref())?;
        }
        _ => unreachable!("the definition of the arguments requires one or the other"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn directory(data: &Path, out: &Path) -> anyhow::Result<()> {
    let found = match_directory(data).await?;
    std::fs::create_dir_all(out).with_context(|| format!("The directory {} cannot be made", out.display()))?;
    write(&out.join("customer_mapping.csv"), &found.customers)?;
    write(&out.join("product_mapping.csv"), &found.products)?;
    let ((companies, all_companies), (terms, all_terms)) = (found.mapped_companies, found.mapped_terms);
    eprintln!(
        "Mapped {companies} of {all_companies} companies and {terms} of {all_terms} terms of products; written to {}.",
        out.display()
    );
    Ok(())
}

fn lists(files: &MatchFiles, out: &Path, explain: Option<&Path>) -> anyhow::Result<()> {
    let pairs = match_files(files, &Threads::of_this_machine())?;
    write(out, &write_pairs(&pairs))?;
    if let Some(file) = explain {
        write(file, &write_explanations(&pairs))?;
    }
    let mapped = pairs.iter().filter(|pair| pair.is_mapped).count();
    eprintln!("{} pairs, {mapped} of them sure enough to be mapped; written to {}.", pairs.len(), out.display());
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// As many threads as the machine runs at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threads(usize);

impl Threads {
    pub(crate) fn of_this_machine() -> Self {
        Self(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Workers for Threads {
    fn run(&self, chunks: usize, work: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..self.0.min(chunks) {
                scope.spawn(|| {
                    loop {
                        let chunk = next.fetch_add(1, Ordering::Relaxed);
                        if chunk >= chunks {
                            break;
                        }
                        work(chunk);
                    }
                });
            }
        });
    }
}
