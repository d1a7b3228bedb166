//! `concord reconcile`: the whole job from files alone.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chrono::NaiveDate;
use clap::Args;

use crate::domain::period::Period;
use crate::report::document::Document;
use crate::report::text::{Style, render};
use crate::report::{Audience, csv, html, json, policy, xlsx};
use crate::service::offline::{ReconcileDirectory, WrittenMappings, reconcile};
use crate::service::reconciliation::intake::NamedPolicy;

/// Not everything is right, or not everything could be compared.
const SOMETHING_TO_DO: u8 = 1;

/// There is no report.
const NO_REPORT: u8 = 2;

/// The report compares nothing.
const NOTHING_COMPARED: u8 = 3;

/// Arguments of `reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArguments {
    /// Directory of records, with `pax8` and `psa` in it.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Month or months to reconcile, as YYYY-MM or YYYY-MM..YYYY-MM [default: the latest with invoices on both sides].
    #[arg(long, value_name = "MONTHS", value_parser = parse_months)]
    period: Option<(Period, Period)>,
    /// Directory with customer_mapping.csv and product_mapping.csv [default: mapped automatically].
    #[arg(long, value_name = "DIR")]
    mappings: Option<PathBuf>,
    /// TOML file with the rules that differ from the default ones.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Day that counts as today, as YYYY-MM-DD [default: the latest day of a record].
    #[arg(long, value_name = "DAY")]
    as_of: Option<NaiveDate>,
    /// Directory for the report's files, made when missing [default: only the summary is printed].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Reconciles a directory and says by its status how it went.
pub(super) async fn run(arguments: ReconcileArguments) -> ExitCode {
    match report(arguments).await {
        Ok(code) => code,
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            eprintln!("{}", causes.join(": "));
            ExitCode::from(NO_REPORT)
        }
    }
}

async fn report(arguments: ReconcileArguments) -> anyhow::Result<ExitCode> {
    let policy = match &arguments.policy {
        Some(file) => read_policy(file)?,
        None => NamedPolicy::default(),
    };
    let command = ReconcileDirectory {
        data: arguments.data,
        periods: arguments.period,
        mappings: arguments.mappings,
        policy,
        as_of: arguments.as_of,
    };
    let reconciled = reconcile(command).await?;
    let document = &reconciled.document;
    let is_colored = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    print!("{}", render(document, Style { is_colored, audience: Audience::WithCost }));
    if let Some(mappings) = &reconciled.mappings {
        println!("\n{}", remark(mappings));
    }
    if let Some(directory) = &arguments.out {
        let files = write(directory, document, reconciled.mappings.as_ref())?;
        eprintln!("Written to {}: {}.", directory.display(), files.join(", "));
    }
    Ok(match document.summary.verdict.as_str() {
        "CLEAN" => ExitCode::SUCCESS,
        "NOT_COMPARED" => ExitCode::from(NOTHING_COMPARED),
        _ => ExitCode::from(SOMETHING_TO_DO),
    })
}

fn remark(mappings: &WrittenMappings) -> String {
    let ((companies, all_companies), (terms, all_terms)) = (mappings.mapped_companies, mappings.mapped_terms);
    format!(
        "Mapped automatically: {companies} of {all_companies} companies, {terms} of {all_terms} terms of products. \
         Nobody has looked at these mappings: with --out they are written down to be checked, and --mappings takes \
         them back."
    )
}

fn write(
    directory: &Path,
    document: &Document,
    mappings: Option<&WrittenMappings>,
) -> anyhow::Result<Vec<&'static str>> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("The directory {} cannot be made", directory.display()))?;
    let mut files: Vec<(&'static str, Vec<u8>)> = vec![
        ("reconciliation.csv", csv::keys(document, Audience::WithCost).into_bytes()),
        ("discrepancies.csv", csv::discrepancies(document, Audience::WithCost).into_bytes()),
        ("observations.csv", csv::observations(document, Audience::WithCost).into_bytes()),
        ("report.json", json::render(document).into_bytes()),
        ("report.xlsx", xlsx::render(document, Audience::WithCost).context("The workbook cannot be made")?),
        ("report.html", html::render(document, Audience::WithCost).into_bytes()),
    ];
    if let Some(mappings) = mappings {
        files.push(("customer_mapping.csv", mappings.customers.clone().into_bytes()));
        files.push(("product_mapping.csv", mappings.products.clone().into_bytes()));
    }
    let mut names = Vec::with_capacity(files.len());
    for (name, bytes) in files {
        let path = directory.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))?;
        names.push(name);
    }
    Ok(names)
}

/// Reads `2026-09` or `2026-08..2026-10`.
fn parse_months(text: &str) -> Result<(Period, Period), String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let month = |text: &str| Period::parse(text).map_err(|error| error.to_string());
    let (first, last) = (month(first)?, month(last)?);
    if last < first { Err(format!("{last} is before {first}")) } else { Ok((first, last)) }
}

/// Reads the rules that a file names: `switch = "VALUE"`, one a line. The policy is called what its `name` says, else like
/// the file.
fn read_policy(file: &Path) -> anyhow::Result<NamedPolicy> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut table: toml::Table = text.parse().with_context(|| format!("{} is not TOML", file.display()))?;
    let name = match table.remove("name") {
        None => file.file_stem().map(|stem| stem.to_string_lossy().into_owned()),
        Some(toml::Value::String(name)) => Some(name),
        Some(_) => bail!("{}: write the value of `name` in quotation marks.", file.display()),
    };
    let mut switches = Vec::with_capacity(table.len());
    for (name, value) in table {
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            // A number with a point is a binary one in TOML, which may not be the number that was written.
            _ => bail!("{}: write the value of `{name}` in quotation marks.", file.display()),
        };
        switches.push((name, value));
    }
    let switches = switches.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let policy = policy::parse(switches).with_context(|| file.display().to_string())?;
    Ok(NamedPolicy { name, policy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_one_or_a_range() {
        let month = |text| Period::parse(text).expect("a month");
        assert_eq!(parse_months("2026-09"), Ok((month("2026-09"), month("2026-09"))));
        assert_eq!(parse_months("2026-08..2026-10"), Ok((month("2026-08"), month("2026-10"))));
        for text in ["", "2026-9", "2026-10..2026-08", "2026-08...2026-10", "2026-08..", "August"] {
            assert!(parse_months(text).is_err(), "`{text}` was accepted");
        }
    }
}
