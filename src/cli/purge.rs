//! `concord purge`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::run::log;
use super::settings::{Flags, Settings, StoreArguments};
use crate::domain::access::Actor;
use crate::service::retention::Purged;

/// Flags about how long things are kept.
#[derive(Debug, Clone, Default, Args)]
pub struct RetentionArguments {
    /// Days for which the provider's text of a replaced record version is kept [default: for ever].
    #[arg(long, value_name = "DAYS")]
    pub retention_raw_days: Option<String>,
    /// Days for which the progress of a run that has ended is kept [default: for ever].
    #[arg(long, value_name = "DAYS")]
    pub retention_event_days: Option<String>,
    /// Days for which contact data of a company or customer that is gone are kept [default: for ever].
    #[arg(long, value_name = "DAYS")]
    pub retention_contact_days: Option<String>,
}

impl RetentionArguments {
    /// Name and text of each flag.
    pub fn texts(&self) -> [(&'static str, Option<&String>); 3] {
        [
            ("retention_raw_days", self.retention_raw_days.as_ref()),
            ("retention_event_days", self.retention_event_days.as_ref()),
            ("retention_contact_days", self.retention_contact_days.as_ref()),
        ]
    }
}

/// Arguments of `purge`.
#[derive(Debug, Args)]
pub struct PurgeArguments {
    /// Says what would be removed, and removes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How long things are kept.
    #[command(flatten)]
    pub retention: RetentionArguments,
    /// Where they are stored.
    #[command(flatten)]
    pub store: StoreArguments,
}

impl Flags for PurgeArguments {
    fn config(&self) -> Option<&Path> {
        self.store.config()
    }

    fn texts(&self) -> Vec<(&'static str, Option<&String>)> {
        let mut texts = self.store.texts();
        texts.extend(self.retention.texts());
        texts
    }
}

/// Removes what is kept no longer, or says what that would be.
pub(super) async fn run(arguments: &PurgeArguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(arguments)?;
    log(settings.log_level, settings.log_format);
    let app = super::open::app(&settings).await?;
    if settings.retention.keeps_everything() {
        println!(
            "Everything is kept: set retention_raw_days, retention_event_days or retention_contact_days to change that."
        );
        return Ok(ExitCode::SUCCESS);
    }
    let (purged, verb) = match arguments.dry_run {
        true => (app.retention.preview(settings.retention).await?, "would be removed"),
        false => (app.retention.purge(settings.retention, &Actor::CommandLine).await?, "were removed"),
    };
    if purged.is_empty() {
        println!("There is nothing to remove.");
    }
    for purged in &purged {
        println!("{}", sentence(purged, verb));
    }
    Ok(ExitCode::SUCCESS)
}

fn sentence(purged: &Purged, verb: &str) -> String {
    let Purged { organization, raw_texts, events, companies, customers } = purged;
    format!(
        "{organization}: {raw_texts} texts of record versions, {events} events of runs and the contact data of {companies} \
         companies and {customers} customers {verb}."
    )
}
