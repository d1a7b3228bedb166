//! `concord bench match`: the speed of the matching, and the fitting of its weights.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Args;

use super::{names, peak_memory, seconds};
use crate::cli::match_::Threads;
use crate::engine::matching::MatchingPolicy;
use crate::engine::matching::list::fit::{LabelledLists, fit};
use crate::engine::matching::list::{ListInput, ListKind, match_lists};
use crate::service::offline::lists::read_list;

/// Arguments of `bench match`.
#[derive(Debug, Args)]
pub struct MatchArguments {
    /// Names on the left list.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=2_000_000))]
    left: u64,
    /// Names on the right list.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=2_000_000))]
    right: u64,
    /// Number that the names come from; the same number gives the same names.
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
    /// How often it is done; the median counts.
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: u32,
    /// Fits the weights instead, on a directory with left.csv, right.csv and gold.csv; may be given several times.
    #[arg(long, value_name = "KIND:DIR", value_parser = parse_labelled)]
    fit: Vec<(ListKind, PathBuf)>,
    /// File for the fitted weights, in the form of their source [default: standard output].
    #[arg(long, value_name = "FILE", requires = "fit")]
    write: Option<PathBuf>,
}

fn parse_labelled(text: &str) -> Result<(ListKind, PathBuf), String> {
    match text.split_once(':') {
        Some(("customers", directory)) => Ok((ListKind::Customers, directory.into())),
        Some(("products", directory)) => Ok((ListKind::Products, directory.into())),
        _ => Err("write customers:DIR or products:DIR".to_owned()),
    }
}

/// Measures, or fits.
pub(super) fn run(arguments: &MatchArguments) -> anyhow::Result<()> {
    if arguments.fit.is_empty() { measure(arguments) } else { fit_weights(arguments) }
}

fn measure(arguments: &MatchArguments) -> anyhow::Result<()> {
    let (left, right) = names::lists(arguments.left, arguments.right, arguments.seed);
    println!("{} names against {}", left.len(), right.len());
    let policy = MatchingPolicy::default();
    let input = ListInput { kind: ListKind::Customers, left: &left, right: &right, policy: &policy };
    let mut times = Vec::new();
    for _ in 0..arguments.repeat {
        let started = Instant::now();
        let pairs = match_lists(&input, &Threads::of_this_machine());
        times.push(started.elapsed());
        let is_right = |left: &str, right: &str| left[1..] == right[1..];
        let right_ones = pairs.iter().filter(|pair| is_right(&pair.left, &pair.right)).count();
        println!("{} pairs, {right_ones} of them right, in {}", pairs.len(), seconds(started.elapsed()));
    }
    times.sort_unstable();
    println!("median {}", seconds(times[times.len() / 2]));
    match peak_memory() {
        Some(kibibytes) => println!("peak memory {} MiB, the names included", kibibytes / 1024),
        None => println!("peak memory unknown on this system"),
    }
    Ok(())
}

fn fit_weights(arguments: &MatchArguments) -> anyhow::Result<()> {
    let sets = arguments
        .fit
        .iter()
        .map(|(kind, directory)| labelled(*kind, directory))
        .collect::<anyhow::Result<Vec<LabelledLists>>>()?;
    let fitted = fit(&sets, &Threads::of_this_machine());
    eprint!("{}", fitted.report);
    match &arguments.write {
        Some(file) => {
            std::fs::write(file, &fitted.source).with_context(|| format!("{} cannot be written", file.display()))?
        }
        None => print!("{}", fitted.source),
    }
    Ok(())
}

fn labelled(kind: ListKind, directory: &Path) -> anyhow::Result<LabelledLists> {
    let file = directory.join("gold.csv");
    let mut reader = csv::Reader::from_path(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut gold = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| format!("{} cannot be read", file.display()))?;
        let (Some(left), Some(right)) = (record.get(0), record.get(1)) else {
            bail!("{}: a line has fewer than two fields", file.display())
        };
        gold.push((left.to_owned(), right.to_owned()));
    }
    Ok(LabelledLists {
        name: directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        kind,
        left: read_list(&directory.join("left.csv"))?,
        right: read_list(&directory.join("right.csv"))?,
        gold,
    })
}
