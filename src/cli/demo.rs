//! `concord demo`: the whole story on made-up data, or on a directory of records.

use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::DemoArguments;
use super::run::log;
use super::settings::{LogFormat, LogLevel};
use crate::app::{App, Parts, SiteSettings};
use crate::domain::access::{Caller, Role};
use crate::domain::id::{IntegrationId, ReportId};
use crate::domain::mapping::{MappingKind, MappingStatus, RecordKind};
use crate::domain::provider::{ConnectorKind, Side};
use crate::domain::record::{Company, Customer, Pax8Product, PsaProduct};
use crate::domain::run::{MatchCount, RunStatus, SyncPhase, SyncTrigger};
use crate::environment::{RandomIds, SystemClock};
use crate::graphql::{SchemaSettings, ready};
use crate::http::{AllowedOrigins, GraphiqlAssets, GraphiqlPage, Limits, shutdown_on_signal};
use crate::report::Audience;
use crate::report::text::{self, Style};
use crate::sandbox::{DEFAULT_SEED, Options, RunningSandbox, WorldSource, credentials, default_today, start};
use crate::secret::{KeyRing, SystemRandom};
use crate::service::access::CreateToken;
use crate::service::mapping::{ConfirmAll, Decide, Exclude, MappingList, Verdict, explanation};
use crate::service::mapping_files::ImportPrices;
use crate::service::reach::Reach;
use crate::service::reconciliation::StartReconciliation;
use crate::service::setup::{CreateIntegration, Credentials, CredentialsSet};
use crate::storage::mapping::{MappingFilter, MappingOrder};
use crate::storage::page::Window;
use crate::storage::source::SourceTable;
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::{Store, account};

/// Requests a minute against our own sandbox, which has no limit: the story should not wait.
const REQUESTS_PER_MINUTE: u32 = 600_000;

/// The price book among the files of a world.
const PRICE_BOOK: &str = "psa/price_book.csv";

/// Mappings of each kind that the story shows.
const LOOKED_AT: u64 = 5;

/// How often the progress of a run is looked at.
const LOOK: Duration = Duration::from_millis(60);

/// Tells the story.
pub(super) async fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    log(LogLevel::Error, LogFormat::Text);
    let shutdown = shutdown_on_signal()?;
    let story = Story::begin(arguments, shutdown.clone()).await?;
    let told = tokio::select! {
        told = story.tell() => told,
        () = shutdown.cancelled() => Ok(()),
    };
    let is_told = told.is_ok() && !shutdown.is_cancelled();
    if is_told && !arguments.exit {
        story.stay_up().await?;
        shutdown.cancelled().await;
    }
    shutdown.cancel();
    story.end().await?;
    told?;
    Ok(ExitCode::SUCCESS)
}

struct Story {
    app: App,
    caller: Caller,
    sandbox: RunningSandbox,
    address: SocketAddr,
    directory: tempfile::TempDir,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
}

fn step(text: &str) {
    println!("{text}");
}

impl Story {
    /// Starts the stand-ins, and the server on a new SQLite file.
    async fn begin(arguments: &DemoArguments, shutdown: CancellationToken) -> anyhow::Result<Self> {
        step("Concord demo: two systems that drift apart, and what that costs.\n");
        let world = match &arguments.data {
            Some(directory) => WorldSource::Directory(directory.clone()),
            None => {
                let seed = arguments.seed.unwrap_or(DEFAULT_SEED);
                WorldSource::Seeded { seed, today: default_today() }
            }
        };
        let options = Options { world, requests_per_minute: None, ..Options::default() };
        let sandbox = start(options).await.context("The sandbox cannot start")?;
        step(&format!("  Sandbox   stand-ins for Pax8 and Rev.io PSA at {}/sandbox", sandbox.origin()));

        let directory = tempfile::Builder::new().prefix("concord-demo-").tempdir()?;
        let file = directory.path().join("concord.db");
        let (keys, _) = KeyRing::load_or_create(&KeyRing::file_beside(&file), Arc::new(SystemRandom))?;
        let store = Store::connect(&format!("sqlite://{}", file.display())).await?;
        store.migrate().await?;
        let listen = arguments.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let listener = TcpListener::bind(listen).await.context("The server cannot listen")?;
        let address = listener.local_addr()?;
        let app = App::new(Parts {
            store,
            keys: Arc::new(keys),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            reach: Reach::default(),
            connectors: None,
            schema: SchemaSettings::default(),
            public_url: Url::parse(&format!("http://{address}")).ok(),
        });
        let caller = app.access.operator("default").await?;
        step(&format!("  Server    GraphQL at http://{address}/graphql, SQLite file {}\n", file.display()));
        let site = SiteSettings {
            limits: Limits::default(),
            origins: AllowedOrigins::new(Vec::new()),
            page: Some(GraphiqlPage::new(&GraphiqlAssets::default(), ready::operations())?),
        };
        let serving = app.clone();
        let server = tokio::spawn(async move { serving.serve(listener, site, 2, shutdown).await });
        Ok(Self { app, caller, sandbox, address, directory, server })
    }

    async fn tell(&self) -> anyhow::Result<()> {
        let integration_id = self.connect().await?;
        self.sync(integration_id).await?;
        self.import_prices(integration_id).await?;
        self.decide(integration_id).await?;
        let report_id = self.reconcile(integration_id).await?;
        self.print(report_id).await
    }

    async fn connect(&self) -> anyhow::Result<IntegrationId> {
        let setup = &self.app.services.setup;
        let created = setup.create(&self.caller, CreateIntegration { name: "Demo".to_owned() }).await?;
        let core = &self.app.services.core;
        let (pax8, psa) = account::pair(core.store.read(), self.caller.organization_id, created.id).await?;
        let pax8_settings = serde_json::json!({
            "base_url": self.sandbox.pax8_base_url(),
            "token_url": self.sandbox.pax8_token_url(),
            "requests_per_minute": REQUESTS_PER_MINUTE,
        });
        let psa_settings = serde_json::json!({
            "tenant": credentials::PSA_TENANT,
            "api_base": self.sandbox.psa_base_url(),
            "auth_url": format!("{}/api/v1/auth/api-key/exchange", self.sandbox.psa_base_url()),
            "billing": { "base_url": self.sandbox.billing_base_url(), "user": credentials::BILLING_USER },
            "limits": { "requests_per_minute": REQUESTS_PER_MINUTE },
        });
        let psa_secret = serde_json::json!({
            "api_key": credentials::PSA_API_KEY,
            "billing_password": credentials::BILLING_PASSWORD,
        });
        let pax8_credentials = Credentials {
            connector: ConnectorKind::Pax8,
            client_id: Some(credentials::PAX8_CLIENT_ID.to_owned()),
            settings: pax8_settings.to_string(),
            secret: Some(SecretString::from(credentials::PAX8_CLIENT_SECRET)),
        };
        let psa_credentials = Credentials {
            connector: ConnectorKind::RevioPsa,
            client_id: Some(credentials::PSA_TENANT.to_owned()),
            settings: psa_settings.to_string(),
            secret: Some(SecretString::from(psa_secret.to_string())),
        };
        for (account, credentials) in [(pax8, pax8_credentials), (psa, psa_credentials)] {
            let side = if account.side == Side::Pax8 { "Pax8" } else { "Rev.io PSA" };
            let command = CredentialsSet { account_id: account.id, time_zone: None, credentials };
            let connected = setup.set_credentials(&self.caller, command).await?;
            let name = connected.display_name.map(|name| format!(" ({name})")).unwrap_or_default();
            step(&format!("  Connect   {side}: connected{name}"));
        }
        Ok(created.id)
    }

    async fn sync(&self, integration_id: IntegrationId) -> anyhow::Result<()> {
        let sync = &self.app.services.sync;
        let run = sync.start(&self.caller, integration_id, SyncTrigger::Setup).await?;
        let bar = progress("  Sync      ");
        let finished = loop {
            let found = sync.find(&self.caller, run.id).await?.context("The sync run vanished")?;
            let read: u64 = found.counts.datasets.iter().map(|(_, count)| count.read).sum();
            bar.set_position(read);
            bar.set_message(match (found.phase, found.counts.datasets.last()) {
                (SyncPhase::Matching, _) => "matching".to_owned(),
                (_, Some((dataset, _))) => dataset.as_str().replace('_', " "),
                (_, None) => "starting".to_owned(),
            });
            if found.status.is_final() {
                break found;
            }
            sleep(LOOK).await;
        };
        bar.finish_and_clear();
        if !matches!(finished.status, RunStatus::Succeeded | RunStatus::SucceededWithIssues) {
            bail!("The sync did not succeed: {}", finished.failure.unwrap_or_else(|| "it was stopped.".to_owned()));
        }
        let read: u64 = finished.counts.datasets.iter().map(|(_, count)| count.read).sum();
        let took = finished.started_at.zip(finished.finished_at).map(|(start, end)| end - start);
        let took = took.map(|took| format!(" in {}.{} s", took.num_seconds(), took.subsec_millis_tenths()));
        step(&format!("  Sync      {read} records read{}, {} issues", took.unwrap_or_default(), finished.issue_count));
        for (word, count) in [("customers", finished.counts.customers), ("products ", finished.counts.products)] {
            let MatchCount { suggested, kept, with_candidates, unmatched } = count;
            step(&format!(
                "  Match     {word}  {} mapped by themselves, {} wait for a person ({with_candidates} with candidates, \
                 {unmatched} without)",
                suggested + kept,
                with_candidates + unmatched
            ));
        }
        Ok(())
    }

    /// What the PSA's API cannot carry: dated prices per customer.
    async fn import_prices(&self, integration_id: IntegrationId) -> anyhow::Result<()> {
        let Some(csv) = self.sandbox.world().files().get(PRICE_BOOK).cloned() else {
            return Ok(());
        };
        let command = ImportPrices { integration_id, csv };
        let imported = self.app.services.mapping_files.import_prices(&self.caller, command).await?;
        step(&format!(
            "  Prices    {} rows of the price book imported, {} rejected",
            imported.applied.created + imported.applied.changed + imported.applied.unchanged,
            imported.rejected.len()
        ));
        Ok(())
    }

    /// What a person would do in the review: leave out what is not billed, and confirm the list.
    async fn decide(&self, integration_id: IntegrationId) -> anyhow::Result<()> {
        let mapping = &self.app.services.mapping;
        let suggested = mapping.exclusion_suggestions(&self.caller, integration_id).await?;
        for suggestion in suggested {
            let command = Exclude {
                kind: RecordKind::Company,
                record_id: suggestion.company_id,
                reason: suggestion.reason,
                note: None,
            };
            mapping.exclude(&self.caller, command).await?;
            step(&format!("  Review    {} is left out: {}", suggestion.company_name, reason(suggestion.reason)));
        }
        let (company, customer) = (|record: &Company| record.name.clone(), |record: &Customer| record.name.clone());
        let (product, item) = (|record: &Pax8Product| record.name.clone(), |record: &PsaProduct| record.name.clone());
        let (customers, products) = (MappingKind::Customer, MappingKind::Product);
        let shown = [
            self.review::<CompanyTable, CustomerTable>(integration_id, customers, company, customer).await?,
            self.review::<Pax8ProductTable, PsaProductTable>(integration_id, products, product, item).await?,
        ];
        for (kind, shown) in [customers, products].into_iter().zip(shown) {
            let list = mapping.suggestion_list(&self.caller, integration_id, kind).await?;
            let command = ConfirmAll { integration_id, kind, seen: list, reason: None };
            let confirmed = mapping.confirm_all(&self.caller, command).await?;
            // The least sure are left for whoever opens GraphiQL, with the reasons that stand above.
            let left = shown.len() as u64;
            mapping.decide_many(&self.caller, Verdict::Reopen, shown).await?;
            step(&format!(
                "  Confirm   {} {} mappings confirmed, the {left} above left for you to review",
                confirmed - left,
                word(kind)
            ));
        }
        Ok(())
    }

    /// The mappings that are worth a look first, with the machine's reasons.
    async fn review<L: SourceTable, R: SourceTable>(
        &self,
        integration_id: IntegrationId,
        kind: MappingKind,
        pax8_name: impl Fn(&L::Record) -> String,
        psa_name: impl Fn(&R::Record) -> String,
    ) -> anyhow::Result<Vec<Decide>> {
        let mapping = &self.app.services.mapping;
        let filter = MappingFilter { statuses: Some(vec![MappingStatus::Suggested]), ..MappingFilter::default() };
        let list = MappingList { integration_id, kind, filter };
        let riskiest = mapping.page(&self.caller, &list, MappingOrder::default(), &Window::first(LOOKED_AT)).await?;
        step(&format!("  Review    the {} mappings that are least sure:", word(kind)));
        let mut shown = Vec::new();
        for (_, found) in riskiest.items {
            shown.push(Decide { mapping_id: found.id, expected_version: None, reason: None });
            let pax8 = mapping.records_by_ids::<L>(&self.caller, &[found.pax8_record_id]).await?;
            let psa = mapping.records_by_ids::<R>(&self.caller, &[found.psa_record_id]).await?;
            let (Some(pax8), Some(psa), Some(evidence)) = (pax8.first(), psa.first(), found.state.evidence()) else {
                continue;
            };
            let (pax8, psa) = (pax8_name(&pax8.record), psa_name(&psa.record));
            // Never rounded up: nothing is a hundred percent sure that is not.
            let (whole, part) = (evidence.confidence / 10_000, evidence.confidence % 10_000 / 100);
            let term = match (found.scope.billing_term.as_str(), found.scope.commitment_term.as_str()) {
                ("", "") => String::new(),
                (billing, "") => format!(" ({billing})"),
                (billing, commitment) => format!(" ({billing}, commitment {commitment})"),
            };
            step(&format!("            {whole:3}.{part:02} %  {pax8}{term} = {psa}"));
            if let Some(reasons) = explanation::read(evidence) {
                step(&format!("                      {}", reasons.summary));
            }
        }
        Ok(shown)
    }

    async fn reconcile(&self, integration_id: IntegrationId) -> anyhow::Result<ReportId> {
        let reconciliation = &self.app.services.reconciliation;
        let command = StartReconciliation {
            integration_id,
            period_from: None,
            period_to: None,
            as_of: Some(self.sandbox.world().today()),
            policy_version: None,
        };
        let run = reconciliation.start(&self.caller, command).await?;
        let bar = progress("  Reconcile ");
        let finished = loop {
            let found = reconciliation.find(&self.caller, run.id).await?.context("The reconciliation run vanished")?;
            bar.set_message(format!("{:?}", found.phase).to_lowercase());
            bar.tick();
            if found.status.is_final() {
                break found;
            }
            sleep(LOOK).await;
        };
        bar.finish_and_clear();
        let took = finished.started_at.zip(finished.finished_at).map(|(start, end)| end - start);
        let took = took.map(|took| format!(" in {}.{} s", took.num_seconds(), took.subsec_millis_tenths()));
        step(&format!("  Reconcile {}{}\n", finished.period_to, took.unwrap_or_default()));
        finished.report_id.with_context(|| {
            format!("There is no report: {}", finished.failure.unwrap_or_else(|| "the run was stopped.".to_owned()))
        })
    }

    async fn print(&self, report_id: ReportId) -> anyhow::Result<()> {
        let found = self.app.services.reconciliation.document(&self.caller, report_id).await?;
        let document = found.context("The report vanished")?;
        let style = Style { is_colored: std::io::stdout().is_terminal(), audience: Audience::WithCost };
        println!("{}", text::render(&document, style));
        Ok(())
    }

    async fn stay_up(&self) -> anyhow::Result<()> {
        let command = CreateToken {
            organization: "default".to_owned(),
            name: "demo".to_owned(),
            roles: Role::Admin.into(),
            lifetime: None,
        };
        let token = self.app.access.create_token(&SystemRandom, command).await?;
        println!("The server stays up. Open GraphiQL, with the token filled in:");
        println!("  http://{}/#token={}", self.address, token.expose());
        println!();
        println!("Or ask from a terminal:");
        println!("  curl http://{}/graphql -H 'Authorization: Bearer {}' \\", self.address, token.expose());
        println!("    -H 'Content-Type: application/json' -d '{{\"query\":\"{{ integrations {{ totalCount }} }}\"}}'");
        println!();
        println!("Stop with Ctrl-C; the demo's data in {} goes with it.", self.directory.path().display());
        Ok(())
    }

    async fn end(self) -> anyhow::Result<()> {
        self.server.await??;
        self.sandbox.shutdown().await;
        Ok(())
    }
}

fn word(kind: MappingKind) -> &'static str {
    match kind {
        MappingKind::Customer => "customer",
        MappingKind::Product => "product",
    }
}

fn reason(reason: crate::domain::mapping::ExclusionReason) -> &'static str {
    use crate::domain::mapping::ExclusionReason;
    match reason {
        ExclusionReason::InternalUse => "internal use",
        ExclusionReason::BilledByPax8 => "billed by Pax8 itself",
        ExclusionReason::NotResold => "not sold on",
        ExclusionReason::Prospect => "a prospect",
        ExclusionReason::Other => "another reason",
    }
}

fn progress(prefix: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_prefix(prefix);
    let style = ProgressStyle::with_template("{prefix}{spinner} {pos} records, {msg} ({elapsed})");
    bar.set_style(style.expect("the template is well formed"));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Tenths of the second that a duration has begun.
trait Tenths {
    fn subsec_millis_tenths(&self) -> i32;
}

impl Tenths for chrono::TimeDelta {
    fn subsec_millis_tenths(&self) -> i32 {
        self.subsec_nanos() / 100_000_000
    }
}
