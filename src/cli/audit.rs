//! `concord audit verify` and `concord audit export`.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};

use super::run::log;
use super::settings::{Settings, StoreArguments};
use crate::app::App;
use crate::spreadsheet::{Cell, Table};
use crate::storage::audit_chain::{Anchor, Break, COLUMNS, ChainOwner, Intact, NamedEvent, StoredEvent};

/// Commands about the audit.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Checks that no event was changed, removed or put in.
    #[command(
        long_about = "Walks the audit chain of each organization from its beginning and says the first place that is \
                      broken: an event that was changed, removed, put in, moved or written without the secret key. \
                      Prints the number of events and the hash of the last one. Ends with status 1 when something is \
                      wrong.\n\n\
                      Somebody who can write to the database can cut off the last events together with the recorded end. \
                      Keep the printed hash elsewhere and pass it with --expect next time: then that is found too. The \
                      secret keys that audit events carry are needed (`concord secrets status`).",
        after_long_help = "Examples:\n  \
            concord audit verify\n  \
            concord audit verify --organization \"Acme IT\" --expect \"Acme IT:1042:5f1d...\""
    )]
    Verify(VerifyArguments),
    /// Writes the events of an organization to a file.
    #[command(
        long_about = "Writes every event of an organization to a file, with all columns and hashes, in the order of the \
                      chain: JSON Lines as it is stored, or CSV for a spreadsheet, where a text that would be read as a \
                      formula gets an apostrophe before it.",
        after_long_help = "Example:\n  concord audit export --organization default --out audit.jsonl"
    )]
    Export(ExportArguments),
}

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Organization, by name [default: all].
    #[arg(long, value_name = "NAME")]
    pub organization: Option<String>,
    /// Event that was noted elsewhere, as ORGANIZATION:SEQUENCE:HASH; may be given more than once.
    #[arg(long, value_name = "ORG:SEQUENCE:HASH", value_parser = parse_expected)]
    pub expect: Vec<Expected>,
    /// Takes events whose content was erased, as the law may ask, for whole; they are still named.
    #[arg(long)]
    pub allow_erased: bool,
    /// Where the events are stored.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// Arguments of `audit export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Organization, by name.
    #[arg(long, value_name = "NAME")]
    pub organization: String,
    /// File that is written; one of that name is replaced.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    pub format: ExportFormat,
    /// Where the events are stored.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// An object in each line.
    Jsonl,
    /// A table.
    Csv,
}

/// An event that was noted elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    organization: String,
    anchor: Anchor,
}

fn parse_expected(text: &str) -> Result<Expected, String> {
    // From the right: the name of an organization may have colons in it.
    let mut parts = text.rsplitn(3, ':');
    let (Some(hash), Some(sequence), Some(organization)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("write ORGANIZATION:SEQUENCE:HASH, as `concord audit verify` prints them".to_owned());
    };
    let sequence = sequence.parse().ok().filter(|sequence| *sequence > 0);
    let sequence = sequence.ok_or_else(|| "the sequence has to be a number from 1".to_owned())?;
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("the hash has to be 64 hexadecimal digits".to_owned());
    }
    Ok(Expected { organization: organization.to_owned(), anchor: Anchor { sequence, hash: hash.to_owned() } })
}

/// Runs one of the commands.
pub(super) async fn run(command: &AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Verify(arguments) => verify(arguments).await,
        AuditCommand::Export(arguments) => export(arguments).await,
    }
}

async fn open(store: &StoreArguments) -> anyhow::Result<App> {
    let settings = Settings::load(store)?;
    log(settings.log_level, settings.log_format);
    super::open::app(&settings).await
}

/// What an organization is called, by people and by `--expect`.
fn name(owner: &ChainOwner) -> String {
    owner.name.clone().unwrap_or_else(|| owner.id.to_string())
}

async fn verify(arguments: &VerifyArguments) -> anyhow::Result<ExitCode> {
    let app = open(&arguments.store).await?;
    let audit = &app.services.audit;
    let mut owners = audit.owners().await?;
    let named = arguments.organization.iter().chain(arguments.expect.iter().map(|expected| &expected.organization));
    for wanted in named {
        if owners.iter().all(|owner| name(owner) != *wanted) {
            bail!("There is no organization `{wanted}`.");
        }
    }
    if let Some(wanted) = &arguments.organization {
        owners.retain(|owner| name(owner) == *wanted);
    }
    let mut is_well = true;
    for owner in &owners {
        let name = name(owner);
        let anchors: Vec<Anchor> =
            arguments.expect.iter().filter(|e| e.organization == name).map(|e| e.anchor.clone()).collect();
        match audit.verify(owner.id, &anchors).await? {
            Ok(intact) => {
                println!("{}", whole(&name, &intact));
                for event in &intact.erased {
                    println!("{name}: {}: its content was erased", named_event(event));
                }
                is_well &= intact.erased.is_empty() || arguments.allow_erased;
            }
            Err(broken) => {
                println!("{}", sentence(&name, &broken));
                is_well = false;
            }
        }
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn whole(name: &str, intact: &Intact) -> String {
    let Intact { events, hash, erased } = intact;
    match (events, erased.len()) {
        (0, _) => format!("{name}: no events"),
        (_, 1..) => format!(
            "{name}: the chain of {events} events holds, and the content of {} is gone, as an erasure leaves it \
             (--allow-erased takes that for whole); keep this elsewhere: --expect \"{name}:{events}:{hash}\"",
            erased.len()
        ),
        (_, 0) => format!("{name}: intact, {events} events; keep this elsewhere: --expect \"{name}:{events}:{hash}\""),
    }
}

fn named_event(event: &NamedEvent) -> String {
    let NamedEvent { sequence, id, occurred_at, action } = event;
    format!("event {sequence} (`{id}`, {}, {action})", occurred_at.format("%Y-%m-%d %H:%M:%S UTC"))
}

fn sentence(name: &str, broken: &Break) -> String {
    let Break { sequence, event, flaw } = broken;
    let event = event.as_ref().map_or_else(|| format!("event {sequence}"), named_event);
    format!("{name}: broken at {event}: {flaw}")
}

async fn export(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let app = open(&arguments.store).await?;
    let audit = &app.services.audit;
    let owners = audit.owners().await?;
    let owner = owners.iter().find(|owner| name(owner) == arguments.organization);
    let owner = owner.with_context(|| format!("There is no organization `{}`", arguments.organization))?;
    let failed = || format!("{} cannot be written", arguments.out.display());
    let mut sheet = Sheet::open(&arguments.out, arguments.format).with_context(failed)?;
    let (mut last, mut count) = (i64::MIN, 0_u64);
    loop {
        let events = audit.batch(owner.id, last).await?;
        let Some(end) = events.last() else { break };
        last = end.sequence;
        for event in &events {
            sheet.write(event).with_context(failed)?;
            count += 1;
        }
    }
    sheet.finish().with_context(failed)?;
    println!("{}: {count} events", arguments.out.display());
    Ok(ExitCode::SUCCESS)
}

/// The file that is being written.
enum Sheet<W: Write> {
    Lines(W),
    Table(Box<Table<W>>),
}

impl Sheet<BufWriter<std::fs::File>> {
    /// Who acted and why is nobody else's business on this machine.
    fn open(path: &Path, format: ExportFormat) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Self::over(BufWriter::new(options.open(path)?), format)
    }
}

impl<W: Write> Sheet<W> {
    fn over(file: W, format: ExportFormat) -> std::io::Result<Self> {
        Ok(match format {
            ExportFormat::Jsonl => Self::Lines(file),
            ExportFormat::Csv => Self::Table(Box::new(Table::new(file, COLUMNS)?)),
        })
    }

    fn write(&mut self, event: &StoredEvent) -> std::io::Result<()> {
        match self {
            Self::Lines(file) => {
                let value = |name: &str, text: &Option<String>| match name {
                    "sequence" => event.sequence.into(),
                    _ => serde_json::Value::from(text.clone()),
                };
                let object: serde_json::Map<String, serde_json::Value> =
                    event.columns.iter().map(|(name, text)| ((*name).to_owned(), value(name, text))).collect();
                writeln!(file, "{}", serde_json::Value::Object(object))
            }
            Self::Table(table) => {
                table.row(event.columns.iter().map(|(_, text)| Cell::text(text.as_deref().unwrap_or_default())))
            }
        }
    }

    fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Lines(mut file) => file.flush(),
            Self::Table(mut table) => table.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_reads_from_the_right() {
        let hash = "0".repeat(64);
        let read = parse_expected(&format!("Acme: IT:7:{hash}")).expect("it is well formed");
        assert_eq!((read.organization.as_str(), read.anchor.sequence), ("Acme: IT", 7));
        for bad in ["", "x", "a:1", "a:0:00", &format!("a:x:{hash}"), &format!("a:-1:{hash}"), "a:1:zz"] {
            assert!(parse_expected(bad).is_err(), "{bad}");
        }
    }

    fn written(format: ExportFormat, reason: Option<&str>) -> String {
        let mut bytes = Vec::new();
        let mut sheet = Sheet::over(&mut bytes, format).expect("memory takes it");
        let value = |name: &'static str| match name {
            "reason" => reason.map(str::to_owned),
            "sequence" => Some("7".to_owned()),
            _ => None,
        };
        let columns = COLUMNS.into_iter().map(|name| (name, value(name))).collect();
        sheet.write(&StoredEvent { sequence: 7, columns }).expect("memory takes it");
        sheet.finish().expect("memory takes it");
        String::from_utf8(bytes).expect("it is text")
    }

    #[test]
    fn a_spreadsheet_reads_no_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            let text = written(ExportFormat::Csv, Some(formula));
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let record = reader.records().next().expect("a record").expect("it reads");
            assert_eq!(record.get(12), Some(format!("'{formula}").as_str()));
        }
        assert!(written(ExportFormat::Csv, Some("said \"no\", twice")).contains("\"said \"\"no\"\", twice\""));
    }

    #[test]
    fn lines_keep_texts_as_they_are_and_nothing_is_null() {
        let line = written(ExportFormat::Jsonl, Some("=1\n\"x\""));
        let read: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
        assert_eq!(
            (&read["reason"], &read["sequence"], &read["after"]),
            (&"=1\n\"x\"".into(), &7.into(), &serde_json::Value::Null)
        );
        assert_eq!(line.lines().count(), 1);
    }
}
