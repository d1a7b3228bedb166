//! `concord token create`, `concord token list` and `concord token revoke`.

use std::process::ExitCode;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};

use super::run::log;
use super::settings::Settings;
use super::{TokenCreateArguments, TokenListArguments, TokenRevokeArguments};
use crate::app::App;
use crate::domain::access::Caller;
use crate::secret::SystemRandom;
use crate::service::access::{CreateToken, operator};
use crate::storage::organization;
use crate::storage::page::Window;
use crate::storage::token::StoredToken;

/// Tokens that are read at once.
const PAGE: u64 = 100;

/// Makes a token and prints it, alone.
pub(super) async fn create(arguments: TokenCreateArguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(&arguments.store)?;
    log(settings.log_level, settings.log_format);
    let app = super::open::app(&settings).await?;
    let command = CreateToken {
        name: arguments.name.unwrap_or_else(|| format!("{} token", arguments.roles)),
        organization: arguments.organization,
        roles: arguments.roles,
        lifetime: arguments.expires_in.map(|days| TimeDelta::days(i64::from(days))),
    };
    let token = app.access.create_token(&SystemRandom, command).await?;
    println!("{}", token.expose());
    Ok(ExitCode::SUCCESS)
}

/// Prints a line for each token.
pub(super) async fn list(arguments: &TokenListArguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(&arguments.store)?;
    log(settings.log_level, settings.log_format);
    let app = super::open::app(&settings).await?;
    let caller = operator_of(&app, &arguments.organization).await?;
    let now = app.services.core.clock.now();
    let mut window = Window::first(PAGE);
    println!("ID                                    PREFIX            STATE     LAST USED         ROLES  NAME");
    loop {
        let slice = app.services.api_token.page(&caller, &window).await?;
        for (_, token) in &slice.items {
            println!("{}", line(token, now));
        }
        let Some((position, _)) = slice.items.into_iter().next_back().filter(|_| slice.has_next) else { break };
        window.after = Some(position);
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes one token back.
pub(super) async fn revoke(arguments: &TokenRevokeArguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(&arguments.store)?;
    log(settings.log_level, settings.log_format);
    let app = super::open::app(&settings).await?;
    let caller = operator_of(&app, &arguments.organization).await?;
    let found = app.services.api_token.named(&caller, &arguments.token).await?;
    let token = match found.as_slice() {
        [token] => token,
        [] => bail!(
            "No working token of the organization `{}` begins like this or has this id. `concord token list` shows \
             them.",
            arguments.organization
        ),
        _ => bail!("Several tokens begin like this. Give the id of one; `concord token list` shows them."),
    };
    let revoked = app.services.api_token.revoke(&caller, token.id).await?;
    println!("The token {}... (`{}`) is revoked.", revoked.prefix, shown(&revoked.name));
    Ok(ExitCode::SUCCESS)
}

/// Whoever is at the command line, in an organization that is there: looking for tokens makes none.
async fn operator_of(app: &App, name: &str) -> anyhow::Result<Caller> {
    let core = &app.services.core;
    match organization::by_name(core.store.read(), name).await? {
        Some(id) => Ok(operator(core, id)),
        None => bail!("There is no organization `{name}`. Check how its name is written."),
    }
}

fn line(token: &StoredToken, now: DateTime<Utc>) -> String {
    let state = match (token.revoked_at, token.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(expires_at)) if expires_at <= now => "expired",
        _ => "works",
    };
    let used = token.last_used_at.map_or_else(|| "never".to_owned(), |at| at.format("%Y-%m-%d %H:%M").to_string());
    let (id, prefix, roles) = (token.id, &token.prefix, token.roles);
    format!("{id}  {prefix:<16}  {state:<8}  {used:<16}  {roles}  {}", shown(&token.name))
}

/// A name without what could move the cursor of a terminal.
fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
