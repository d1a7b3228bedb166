//! `concord bench server`: a run as a client starts it, from the records in the database to the stored report, beside what
//! the same rows cost when they are read and written and nothing else is done with them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::StreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::baseline;
use super::tenant::Tenant;
use super::{peak_memory, seconds};
use crate::app::{App, Parts};
use crate::cli::database::DatabaseAddress;
use crate::domain::access::Caller;
use crate::domain::id::ReportId;
use crate::environment::{RandomIds, SystemClock};
use crate::graphql::SchemaSettings;
use crate::graphql::executor::{answer, answers};
use crate::graphql::id::{NodeKind, encode};
use crate::job::Runner;
use crate::secret::{KeyRing, SystemRandom};
use crate::service::reach::Reach;
use crate::storage::{Store, reconciliation};

/// Arguments of `bench server`.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// Lines on each side, on a fifth as many keys.
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    lines: u64,
    /// Number that the lines come from; the same number gives the same lines.
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
    /// How often it is done, each time for a new organization; the medians count.
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: u32,
    /// Database to use, as `sqlite://FILE` or `postgres://...`; what is made in it stays [default: a SQLite file that is
    /// taken away at the end].
    #[arg(long, value_name = "URL", value_parser = DatabaseAddress::parse)]
    database: Option<DatabaseAddress>,
}

/// What one round took.
struct Round {
    run: Duration,
    baseline: Duration,
    peak: Option<u64>,
}

const START: &str = "mutation Start($input: ReconciliationRunStartInput!) {
  reconciliationRunStart(input: $input) { reconciliationRun { id } userErrors { message } }
}";

const EVENTS: &str = "subscription Events($id: ID!) {
  reconciliationRunEvents(reconciliationRunId: $id) {
    ... on ReconciliationRunFinished { status failureMessage }
  }
}";

/// Measures.
pub(super) async fn run(arguments: &ServerArguments) -> anyhow::Result<()> {
    let (_directory, url) = database(arguments)?;
    let store = Store::connect(url.expose_secret()).await.context("The database cannot be opened")?;
    store.migrate().await.context("The database cannot be brought up to date")?;
    let app = app(store)?;
    let shutdown = CancellationToken::new();
    let runner = tokio::spawn(Runner::new(app.services.clone(), "bench".to_owned()).run(1, shutdown.clone()));
    let mut rounds = Vec::new();
    for number in 1..=arguments.repeat {
        let round = measure(&app, arguments, number).await?;
        println!(
            "round {number}: reading and writing alone {}, ratio {}",
            seconds(round.baseline),
            ratio(round.run, round.baseline)
        );
        rounds.push(round);
    }
    shutdown.cancel();
    runner.await.context("The worker broke off")?;
    let median = |of: fn(&Round) -> Duration| {
        let mut times: Vec<Duration> = rounds.iter().map(of).collect();
        times.sort_unstable();
        times[times.len() / 2]
    };
    let (run, baseline) = (median(|round| round.run), median(|round| round.baseline));
    println!("median of the run {}, of reading and writing alone {}", seconds(run), seconds(baseline));
    println!("ratio {}", ratio(run, baseline));
    let both_sides = u128::from(arguments.lines) * 2 * 1_000_000;
    println!("{} lines per second", both_sides / run.as_micros().max(1));
    match rounds.first().and_then(|round| round.peak) {
        Some(kibibytes) => println!("peak memory {} MiB up to the end of the first run", kibibytes / 1024),
        None => println!("peak memory unknown on this system"),
    }
    Ok(())
}

/// The database, and the directory that it is in when it is a temporary one.
fn database(arguments: &ServerArguments) -> anyhow::Result<(Option<TempDir>, SecretString)> {
    if let Some(address) = &arguments.database {
        return Ok((None, address.connect_url()));
    }
    let directory = tempfile::tempdir().context("No temporary directory can be made")?;
    let file = directory.path().join("bench.db");
    Ok((Some(directory), DatabaseAddress::Sqlite(file).connect_url()))
}

fn app(store: Store) -> anyhow::Result<App> {
    let key = SecretString::from("bench:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    let keys = KeyRing::parse(&key, "the bench", Arc::new(SystemRandom))?;
    Ok(App::new(Parts {
        store,
        keys: Arc::new(keys),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        reach: Reach::default(),
        connectors: None,
        schema: SchemaSettings::default(),
        public_url: None,
    }))
}

/// One round, for an organization of its own, so that every round finds the tables as the first one did.
async fn measure(app: &App, arguments: &ServerArguments, number: u32) -> anyhow::Result<Round> {
    let core = &app.services.core;
    let caller = app.access.operator(&format!("Bench {}", core.ids.next())).await?;
    let started = Instant::now();
    let tenant = Tenant::make(core, caller, arguments.lines, arguments.seed).await?;
    let made = seconds(started.elapsed());
    println!("round {number}: {} lines on each side, put into the database in {made}", arguments.lines);
    let started = Instant::now();
    let report_id = reconcile(app, &tenant).await?;
    let run = started.elapsed();
    let peak = peak_memory();
    println!("round {number}: reported in {}", seconds(run));
    let baseline = baseline::measure(core, &tenant, report_id).await?;
    Ok(Round { run, baseline, peak })
}

/// Starts a run and follows it to its end, as a client does.
async fn reconcile(app: &App, tenant: &Tenant) -> anyhow::Result<ReportId> {
    let caller: &Caller = &tenant.caller;
    let integration_id = encode(NodeKind::Integration, tenant.integration_id.0);
    let variables = json!({ "input": { "integrationId": integration_id.to_string() } });
    let started = answer(&app.schema, caller, START, variables).await;
    let run_id = &started["data"]["reconciliationRunStart"]["reconciliationRun"]["id"];
    if !run_id.is_string() {
        bail!("The run did not start: {started}");
    }
    let mut events = answers(&app.schema, caller, EVENTS, json!({ "id": run_id }));
    let mut last = serde_json::Value::Null;
    while let Some(event) = events.next().await {
        last = event;
    }
    let window = crate::storage::page::Window::first(1);
    let (read, organization_id) = (app.services.core.store.read(), caller.organization_id);
    let runs = reconciliation::page(read, organization_id, tenant.integration_id, &window).await?;
    let report_id = runs.items.first().and_then(|(_, run)| run.report_id);
    report_id.with_context(|| format!("The run ended without a report: {last}"))
}

fn ratio(run: Duration, baseline: Duration) -> String {
    let hundredths = run.as_micros() * 100 / baseline.as_micros().max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
