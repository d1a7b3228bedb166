//! `concord secrets rotate` and `concord secrets status`.

use std::process::ExitCode;

use clap::Subcommand;

use super::run::log;
use super::settings::{Settings, StoreArguments};
use crate::app::App;
use crate::service::secrets::KeyStatus;

/// Commands about stored secrets and their keys.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Seals every stored secret with the first of the secret keys.
    #[command(
        long_about = "Seals every stored secret again with the first of the secret keys; the others only open. It may run \
                      beside a server, be stopped at any moment and be started again.\n\n\
                      To change keys: put the new one first and keep the old ones behind it (CONCORD_SECRET_KEYS or the \
                      key file), start every server with that, run this, and ask `concord secrets status` which keys are \
                      no longer needed. Ends with status 1 when a secret could not be opened.",
        after_long_help = "Example:\n  \
            CONCORD_SECRET_KEYS=new:...,old:... concord secrets rotate --database postgres://concord@db/concord"
    )]
    Rotate(StoreArguments),
    /// Says which key seals how many secrets and proves how many audit events, and which may be removed.
    #[command(
        long_about = "Says which key seals how many stored secrets and proves how many audit events, and which keys may \
                      be removed. A key that audit events carry has to stay for `concord audit verify`. Ends with \
                      status 1 when a key is missing.",
        after_long_help = "Example:\n  concord secrets status --config /etc/concord.toml"
    )]
    Status(StoreArguments),
}

/// Runs one of the commands.
pub(super) async fn run(command: &SecretsCommand) -> anyhow::Result<ExitCode> {
    match command {
        SecretsCommand::Rotate(store) => rotate(&open(store).await?).await,
        SecretsCommand::Status(store) => status(&open(store).await?).await,
    }
}

async fn open(store: &StoreArguments) -> anyhow::Result<App> {
    let settings = Settings::load(store)?;
    log(settings.log_level, settings.log_format);
    super::open::app(&settings).await
}

async fn rotate(app: &App) -> anyhow::Result<ExitCode> {
    let rotation = app.secrets.rotate().await?;
    let key = app.secrets.sealing_key_id();
    println!("{} sealed again with the key `{key}`.", secrets(rotation.resealed));
    println!("{} sealed with it before.", secrets(rotation.already));
    for unopened in &rotation.unopened {
        println!("Not opened: {}. {}", unopened.owner, unopened.reason);
    }
    if rotation.contended > 0 {
        println!("{} replaced by others at the same time. Run this again.", secrets(rotation.contended));
    }
    if rotation.unopened.is_empty() && rotation.contended == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} not opened and left as it was.", secrets(rotation.unopened.len() as u64));
    Ok(ExitCode::FAILURE)
}

fn secrets(count: u64) -> String {
    match count {
        1 => "1 secret was".to_owned(),
        _ => format!("{count} secrets were"),
    }
}

async fn status(app: &App) -> anyhow::Result<ExitCode> {
    let statuses = app.secrets.status().await?;
    for key in &statuses {
        println!("{}", sentence(key));
    }
    let is_complete = statuses.iter().all(|key| key.position.is_some());
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a key is needed for, and what to do about it.
fn sentence(key: &KeyStatus) -> String {
    let KeyStatus { key_id, position, secrets, events } = key;
    let (secret, event) =
        (if *secrets == 1 { "secret" } else { "secrets" }, if *events == 1 { "event" } else { "events" });
    let is_used_for = format!("seals {secrets} {secret} and proves {events} audit {event}");
    let advice = match (position, secrets, events) {
        (Some(0), _, _) => "It is the first one, which seals what is new.",
        (Some(_), 0, 0) => "It may be removed.",
        (Some(_), 0, _) => "It has to stay: without it `concord audit verify` cannot check those events.",
        (Some(_), _, _) => "Run `concord secrets rotate` before it is removed.",
        (None, 0, _) => {
            "It is missing here: `concord audit verify` cannot check those events. Put it back behind the first key."
        }
        (None, _, _) => {
            "It is missing here: those secrets cannot be opened. Put it back behind the first key, or enter them again."
        }
    };
    match key_id.is_empty() {
        true => {
            format!("A damaged text stands in {secrets} {secret} and {events} audit {event}. Enter the secrets again.")
        }
        false => format!("Key `{key_id}` {is_used_for}. {advice}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_says_what_it_is_needed_for() {
        let check = |position, secrets, events, expected: &str| {
            let said = sentence(&KeyStatus { key_id: "k".to_owned(), position, secrets, events });
            assert!(said.ends_with(expected), "{said}");
        };
        check(Some(0), 0, 0, "It is the first one, which seals what is new.");
        check(Some(1), 0, 0, "Key `k` seals 0 secrets and proves 0 audit events. It may be removed.");
        check(
            Some(1),
            0,
            1,
            "1 audit event. It has to stay: without it `concord audit verify` cannot check those events.",
        );
        check(
            Some(1),
            1,
            0,
            "Key `k` seals 1 secret and proves 0 audit events. Run `concord secrets rotate` before it is removed.",
        );
        check(None, 0, 1, "cannot check those events. Put it back behind the first key.");
        check(None, 1, 1, "or enter them again.");
    }
}
