//! `concord webhook`: registering, trying and listing webhooks.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;

use super::mappings::{owner, owner_by};
use super::run::log;
use super::settings::{Flags, Settings, StoreArguments};
use crate::domain::access::{Actor, Caller, Role};
use crate::domain::id::OrganizationId;
use crate::service::webhook::{RegisterWebhook, WebhookError};
use crate::storage::account;

/// Commands about webhooks.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Asks Pax8 to tell this server of changes; what it asked before is replaced.
    #[command(
        long_about = "Asks Pax8 to send a message to this server whenever an invoice, a subscription, a product or a \
                      company changes there; the lists that a message is about are then read again. Pax8 has to reach \
                      the server under its public address (--public-url), which has to begin with https.",
        after_long_help = "Examples:\n  \
            concord webhook register --integration 0192f0c1-... --public-url https://concord.example\n  \
            concord webhook register --integration 0192f0c1-... --topics INVOICE,SUBSCRIPTION\n  \
            concord webhook register --integration 0192f0c1-... --manual"
    )]
    Register(RegisterArguments),
    /// Asks Pax8 for the sample message of a topic; ends with status 1 when it did not come in.
    #[command(after_long_help = "Example:\n  concord webhook test --integration 0192f0c1-... --topic INVOICE")]
    Test(TestArguments),
    /// Prints every webhook.
    #[command(after_long_help = "Example:\n  concord webhook list")]
    List(StoreArguments),
}

/// Arguments of `webhook register`.
#[derive(Debug, Args)]
pub struct RegisterArguments {
    /// ID of the integration, as the API shows it.
    #[arg(long, value_name = "ID")]
    pub integration: String,
    /// Topics as Pax8 calls them, separated by commas [default: all that this version knows].
    #[arg(long, value_name = "TOPIC[,TOPIC]", value_delimiter = ',')]
    pub topics: Option<Vec<String>>,
    /// Do not ask Pax8: print the address and the authorization, once, for somebody who pastes them there.
    #[arg(long)]
    pub manual: bool,
    /// Address under which Pax8 reaches the server.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Where the integration is stored.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// Arguments of `webhook test`.
#[derive(Debug, Args)]
pub struct TestArguments {
    /// ID of the integration, as the API shows it.
    #[arg(long, value_name = "ID")]
    pub integration: String,
    /// Topic, one of those that the webhook was registered for.
    #[arg(long, value_name = "TOPIC")]
    pub topic: String,
    /// Where the integration is stored.
    #[command(flatten)]
    pub store: StoreArguments,
}

impl Flags for RegisterArguments {
    fn config(&self) -> Option<&Path> {
        self.store.config()
    }

    fn texts(&self) -> Vec<(&'static str, Option<&String>)> {
        let mut texts = self.store.texts();
        texts.push(("public_url", self.public_url.as_ref()));
        texts
    }
}

pub(super) async fn run(command: &WebhookCommand) -> anyhow::Result<ExitCode> {
    match command {
        WebhookCommand::Register(arguments) => register(arguments).await,
        WebhookCommand::Test(arguments) => test(arguments).await,
        WebhookCommand::List(arguments) => list(arguments).await,
    }
}

async fn register(arguments: &RegisterArguments) -> anyhow::Result<ExitCode> {
    let (app, caller, integration_id) = owner_by(&Settings::load(arguments)?, &arguments.integration).await?;
    let core = &app.services.core;
    let (pax8, _) = account::pair(core.store.read(), caller.organization_id, integration_id).await?;
    let (topics, is_manual) = (arguments.topics.clone(), arguments.manual);
    let command = RegisterWebhook { account_id: pax8.id, topics, is_manual };
    let registered = app.services.webhook.register(&caller, command).await.map_err(said)?;
    match registered.address {
        Some(address) => {
            println!("URL            {}", address.url.expose_secret());
            println!("Authorization  {}", address.authorization.expose_secret());
            eprintln!("Paste both at Pax8 (Settings, Integrations, Webhooks). They cannot be shown again.");
        }
        None => {
            println!("Pax8 sends to {} about {}", registered.webhook.url, registered.webhook.topics.join(", "));
        }
    }
    for remark in registered.remarks {
        eprintln!("{remark}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn test(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    let (app, caller, integration_id) = owner(&arguments.store, &arguments.integration).await?;
    let core = &app.services.core;
    let (pax8, _) = account::pair(core.store.read(), caller.organization_id, integration_id).await?;
    let (_, is_delivered) = app.services.webhook.test(&caller, pax8.id, &arguments.topic).await.map_err(said)?;
    if is_delivered {
        println!("The sample came in.");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "The sample did not come in within a few seconds. Check that the server runs and that Pax8 reaches its public \
         address; Pax8 may also take minutes."
    );
    Ok(ExitCode::FAILURE)
}

async fn list(arguments: &StoreArguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(arguments)?;
    log(settings.log_level, settings.log_format);
    let app = super::open::app(&settings).await?;
    let core = &app.services.core;
    // The operator looks over all organizations, and belongs to none.
    let caller = Caller {
        organization_id: OrganizationId(uuid::Uuid::nil()),
        actor: Actor::CommandLine,
        roles: Role::Admin.into(),
        correlation_id: core.ids.next().to_string(),
    };
    for webhook in app.services.webhook.all(&caller).await? {
        let last = webhook.last_delivered_at.map_or("never".to_owned(), |moment| moment.to_rfc3339());
        println!(
            "integration {}  {}  {}  {} messages, the last one {last}{}",
            webhook.integration_id,
            webhook.url,
            if webhook.topics.is_empty() { "topics chosen at Pax8".to_owned() } else { webhook.topics.join(",") },
            webhook.delivery_count,
            if webhook.is_manual { ", set up by hand" } else { "" },
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// What the operator reads and does.
fn said(error: WebhookError) -> anyhow::Error {
    let sentence = match &error {
        WebhookError::NoPublicUrl => {
            "The public address of this server is not set. Name it with --public-url, CONCORD_PUBLIC_URL or the key \
             public_url of the settings file"
        }
        WebhookError::OpenPublicUrl => "The public address of this server has to begin with https",
        WebhookError::NotConnected(_) => "The Pax8 account is not connected. Connect it first",
        WebhookError::NotRegistered => "The account has no webhook. Register one first",
        WebhookError::UnknownTopic { topic, known } => {
            return anyhow::anyhow!("There is no topic `{topic}`. Choose from: {}", known.join(", "));
        }
        _ => return anyhow::Error::new(error),
    };
    anyhow::anyhow!(sentence)
}
