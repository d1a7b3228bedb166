//! The command line: what can be said. What each command does is in a file of its own; settings shared by them are in
//! `settings`.

pub mod audit;
pub mod bench;
pub mod database;
mod demo;
pub mod doctor;
mod mappings;
pub(crate) mod match_;
mod migrate;
mod oidc;
mod open;
mod panic;
mod prices;
pub mod purge;
mod reconcile;
mod run;
mod sandbox;
pub mod secrets;
mod serve;
pub mod settings;
mod token;
mod webhook;

pub use run::run;

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};

use crate::domain::access::Roles;
use settings::{ServerArguments, StoreArguments};

/// Keeps Pax8 and a PSA in agreement: syncs, maps, and reconciles billing to the cent.
#[derive(Debug, Parser)]
#[command(
    name = "concord",
    version,
    max_term_width = 100,
    long_about = "Concord keeps Pax8 (a cloud marketplace) and the PSA of a managed service provider in agreement: it \
                  connects both, maps customers and products, and shows every month, to the cent, whether what Pax8 \
                  charged was billed to the right customer. Everything is on a GraphQL API.",
    after_long_help = "Begin here:\n  \
        concord demo                      the whole story on made-up data, with nothing to set up\n  \
        concord serve                     the server, on a SQLite file in this folder\n  \
        concord token create --role admin a token for the API\n  \
        concord doctor                    checks the settings and says what to do\n\n\
        Settings come from a TOML file (--config), then from environment variables (CONCORD_...), then from flags; the \
        later wins. A flag --allowed-origins is the variable CONCORD_ALLOWED_ORIGINS and the key allowed_origins.",
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server.
    #[command(
        long_about = "Runs the server: GraphQL on /graphql, GraphiQL for a browser, health on /healthz and /readyz. \
                      The database is migrated first. On SQLite, a key file is made beside the database on the first \
                      start; keep a copy of it, because stored credentials cannot be read without it.",
        after_long_help = "Examples:\n  \
            concord serve\n  \
            concord serve --listen 0.0.0.0:8080 --database sqlite:///srv/concord/concord.db\n  \
            CONCORD_SECRET_KEYS=main:$(openssl rand -base64 32) concord serve --database postgres://concord@db/concord"
    )]
    Serve(ServerArguments),
    /// Tells the whole story on made-up data: connect, sync, map, reconcile.
    #[command(
        long_about = "Starts stand-ins for Pax8 and a PSA on this machine, starts the server on a new SQLite file, \
                      connects both sides, syncs, confirms the mappings, reconciles the latest month and prints the \
                      report. Then the server stays up, with the address of GraphiQL and a token.",
        after_long_help = "Examples:\n  concord demo\n  concord demo --exit\n  concord demo --data exports/"
    )]
    Demo(DemoArguments),
    /// Runs the stand-ins for Pax8 and a PSA alone.
    #[command(
        long_about = "Serves the Pax8 partner API and a PSA's API over made-up records, or over the records of a \
                      directory, to develop and test against without an account.",
        after_long_help = "Examples:\n  concord sandbox\n  concord sandbox --listen 127.0.0.1:9000 --seed 7 --today 2026-10-01\n  \
            concord sandbox --redirect-uri https://concord.example/oauth/callback/pax8"
    )]
    Sandbox(SandboxArguments),
    /// Makes, lists and revokes API tokens.
    Token {
        /// What to do.
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Checks the audit, and writes it to a file.
    Audit {
        /// What to do.
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// Removes what is kept no longer.
    #[command(
        long_about = "Removes what is kept no longer by the settings retention_raw_days, retention_event_days and \
                      retention_contact_days; without them everything is kept. A server that has them does the same once a \
                      day. It may be stopped at any moment and started again, and writes to the audit of each \
                      organization what it removes.\n\n\
                      Names of companies and customers stay, because reports of past months need them, and so do audit \
                      events and the reasons of mappings.",
        after_long_help = "Examples:\n  \
            concord purge --dry-run --retention-raw-days 90\n  \
            concord purge --config /etc/concord.toml"
    )]
    Purge(purge::PurgeArguments),
    /// Changes the secret keys: seals stored secrets again, and says which key is needed for what.
    Secrets {
        /// What to do.
        #[command(subcommand)]
        command: secrets::SecretsCommand,
    },
    /// Prints the GraphQL schema.
    #[command(after_long_help = "Example:\n  concord schema > schema.graphql")]
    Schema,
    /// Reads and writes mappings and exclusions as files.
    Mappings {
        /// What to do.
        #[command(subcommand)]
        command: MappingsCommand,
    },
    /// Reads price books that a PSA's API cannot give.
    Prices {
        /// What to do.
        #[command(subcommand)]
        command: PricesCommand,
    },
    /// Reconciles a directory of files, without a server.
    #[command(
        long_about = "Reconciles a directory of records with no server, no account and no database: what Pax8 charged \
                      against what the PSA billed, to the cent. Prints the report, and writes it to files with --out: \
                      reconciliation.csv, discrepancies.csv, observations.csv, report.json, report.xlsx and \
                      report.html, and the mappings when they were made automatically.\n\n\
                      Ends with status 0 when everything was compared, excluded or not yet due and nothing is wrong; \
                      1 when something is wrong or could not be compared; 2 when there can be no report; 3 when \
                      nothing could be compared.",
        after_long_help = "Examples:\n  \
            concord reconcile --data exports/ --period 2026-10\n  \
            concord reconcile --data exports/ --period 2026-08..2026-10 --mappings mappings/ --out report/\n  \
            echo 'priceSource = \"COST_PLUS 20\"' > rules.toml; concord reconcile --data exports/ --policy rules.toml"
    )]
    Reconcile(reconcile::ReconcileArguments),
    /// Matches two lists, or both sides of a directory, without a server.
    #[command(
        name = "match",
        long_about = "Says which records of two lists are the same, how sure that is, and why. No server, no account and \
                      no database.\n\n\
                      Two CSV files: --kind, --left and --right. Columns are `id` and any of name, vendor (or \
                      manufacturer), sku, modelno, price, description, website, email, phone, street, city, state, \
                      postcode, country. Writes left_id, right_id, confidence and band to --out: `map` is sure enough \
                      to be taken, `candidate` wants a look. Each record is in one pair at most.\n\n\
                      A directory of records (--data) with pax8 and psa in it: writes customer_mapping.csv and \
                      product_mapping.csv to the directory --out, which `reconcile --mappings` and `mappings import` \
                      read; rows in band `candidate` count as undecided there.",
        after_long_help = "Examples:\n  \
            concord match --kind customers --left pax8.csv --right psa.csv --out pairs.csv --explain reasons.csv\n  \
            concord match --data exports/ --out mappings/"
    )]
    Match(match_::MatchArguments),
    /// Checks settings, files and the machine, and says what to do.
    #[command(
        long_about = "Checks what the server would start with: the settings, the database's address, who may read the \
                      key file, whether the port is free. Changes nothing. Ends with status 1 when something has to \
                      be put right first.",
        after_long_help = "Example:\n  concord doctor --config /etc/concord.toml"
    )]
    Doctor(ServerArguments),
    /// Measures how fast the engines are on this machine.
    Bench {
        /// What to measure.
        #[command(subcommand)]
        command: bench::BenchCommand,
    },
    /// Lets Pax8 tell this server of changes by itself.
    Webhook {
        /// What to do.
        #[command(subcommand)]
        command: webhook::WebhookCommand,
    },
    /// Brings the database up to this version; `serve` does so by itself.
    #[command(after_long_help = "Example:\n  concord migrate --database postgres://concord@db/concord")]
    Migrate(StoreArguments),
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// End after the report, with status 0, for scripts.
    #[arg(long)]
    pub exit: bool,
    /// Directory of records (`pax8/`, `psa/`) instead of made-up ones.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Number that the made-up records come from; the same number gives the same records.
    #[arg(long, value_name = "NUMBER", conflicts_with = "data")]
    pub seed: Option<u64>,
    /// Address of the server, as IP:PORT [default: a free port on 127.0.0.1].
    #[arg(long, value_name = "ADDRESS", value_parser = settings::parse_address)]
    pub listen: Option<std::net::SocketAddr>,
}

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// Address of the stand-ins, as IP:PORT.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090", value_parser = settings::parse_address)]
    pub listen: std::net::SocketAddr,
    /// Directory of records (`pax8/`, `psa/`) instead of made-up ones.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Number that the made-up records come from; the same number gives the same records.
    #[arg(long, value_name = "NUMBER", conflicts_with = "data")]
    pub seed: Option<u64>,
    /// Day on which the made-up world stands, as YYYY-MM-DD [default: a fixed day].
    #[arg(long, value_name = "DAY", conflicts_with = "data")]
    pub today: Option<NaiveDate>,
    /// Address that a login may return to, exactly as it is asked for; may be given several times. Those of a Concord
    /// on this machine are known already.
    #[arg(long = "redirect-uri", value_name = "URL", value_parser = sandbox::parse_redirect_uri)]
    pub redirect_uris: Vec<String>,
}

/// Commands about tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Makes a token and prints it, alone, once.
    #[command(
        long_about = "Makes an API token and prints it. Only its hash is stored, so it cannot be shown again. The \
                      database and the organization are made when they are missing.\n\n\
                      Roles: VIEWER looks; OPERATOR also syncs and decides about mappings; FINANCE also sees cost and \
                      margin; BUYER also orders; ADMIN may do everything.",
        after_long_help = "Examples:\n  \
            concord token create --role admin\n  \
            concord token create --role operator,finance --name wizard --expires-in 90 --organization \"Acme IT\"\n  \
            curl -H \"Authorization: Bearer $(concord token create --role viewer)\" ..."
    )]
    Create(TokenCreateArguments),
    /// Lists the tokens of an organization, the latest first.
    #[command(
        long_about = "Lists the tokens of an organization, the latest first: how each begins, its roles, whether it \
                      works, when it was used last, and its name. The tokens themselves are not stored.",
        after_long_help = "Example:\n  concord token list --organization \"Acme IT\""
    )]
    List(TokenListArguments),
    /// Takes a token back, for good.
    #[command(
        long_about = "Takes a token back, for good. A running server refuses it from then on. On PostgreSQL its open \
                      sockets and event streams end at once; on SQLite, where processes do not hear of each other, \
                      within half a minute (the mutation apiTokenRevoke ends them at once there too).",
        after_long_help = "Example:\n  concord token revoke concord_Ab3dE6gH"
    )]
    Revoke(TokenRevokeArguments),
}

/// Arguments of `token list`.
#[derive(Debug, Args)]
pub struct TokenListArguments {
    /// Organization that the tokens are for.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub organization: String,
    /// Where the tokens are stored.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// Arguments of `token revoke`.
#[derive(Debug, Args)]
pub struct TokenRevokeArguments {
    /// How the token begins (`concord_` and eight characters), or its id, as `token list` shows them.
    #[arg(value_name = "PREFIX|ID")]
    pub token: String,
    /// Organization that the token is for.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub organization: String,
    /// Where the token is stored.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// Arguments of `token create`.
#[derive(Debug, Args)]
pub struct TokenCreateArguments {
    /// Roles in any case, separated by commas: viewer, operator, finance, buyer, admin.
    #[arg(long = "role", value_name = "ROLE[,ROLE]")]
    pub roles: Roles,
    /// Organization that the token is for; made when missing.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub organization: String,
    /// Name that tells the token apart from others [default: made from the roles].
    #[arg(long)]
    pub name: Option<String>,
    /// Days until the token stops working [default: it works until it is revoked].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub expires_in: Option<u32>,
    /// Where the token is stored.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// Commands about mappings.
#[derive(Debug, Subcommand)]
pub enum MappingsCommand {
    /// Reads mappings and exclusions from files; what is already so stays as it is.
    #[command(after_long_help = "Example:\n  concord mappings import --dir mappings/ --integration 0192f0c1-...")]
    Import(MappingsArguments),
    /// Writes mappings and exclusions to files that `import` reads.
    #[command(after_long_help = "Example:\n  concord mappings export --dir mappings/ --integration 0192f0c1-...")]
    Export(MappingsArguments),
}

/// Arguments of both commands about mappings.
#[derive(Debug, Args)]
pub struct MappingsArguments {
    /// Directory of the files.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// ID of the integration, as the API shows it.
    #[arg(long, value_name = "ID")]
    pub integration: String,
    /// Where the integration is stored.
    #[command(flatten)]
    pub store: StoreArguments,
}

/// Commands about prices.
#[derive(Debug, Subcommand)]
pub enum PricesCommand {
    /// Reads a price book: a CSV file of dated prices per customer and item.
    #[command(after_long_help = "Example:\n  concord prices import price_book.csv --integration 0192f0c1-...")]
    Import(PricesImportArguments),
}

/// Arguments of `prices import`.
#[derive(Debug, Args)]
pub struct PricesImportArguments {
    /// The file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// ID of the integration, as the API shows it.
    #[arg(long, value_name = "ID")]
    pub integration: String,
    /// Where the integration is stored.
    #[command(flatten)]
    pub store: StoreArguments,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command).map_err(|error| error.to_string())
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_command_reads() {
        for line in [
            "concord serve --listen 127.0.0.1:0 --database sqlite://x.db --graphiql off --workers 1",
            "concord demo --exit --seed 7 --listen 127.0.0.1:0",
            "concord demo --data dir",
            "concord sandbox --listen localhost:9000 --seed 1 --today 2026-10-01",
            "concord sandbox --redirect-uri https://a.example/oauth/callback/pax8 --redirect-uri http://b.example/x",
            "concord token create --role ADMIN --database sqlite://x.db",
            "concord token list --organization Acme",
            "concord token revoke concord_Ab3dE6gH --database sqlite://x.db",
            "concord serve --oidc-issuer https://login.example --oidc-audience concord --oidc-algorithms RS256",
            "concord schema",
            "concord mappings import --dir d --integration i --database sqlite://x.db",
            "concord mappings export --dir d --integration i",
            "concord prices import p.csv --integration i",
            "concord match --kind customers --left l.csv --right r.csv --out o.csv --explain e.csv",
            "concord match --data d --out o",
            "concord bench match --left 10 --right 10",
            "concord webhook register --integration i --topics INVOICE,CLIENT --public-url https://c.example",
            "concord webhook register --integration i --manual",
            "concord webhook test --integration i --topic INVOICE",
            "concord webhook list --database sqlite://x.db",
            "concord doctor",
            "concord secrets rotate --database sqlite://x.db",
            "concord secrets status",
            "concord purge --dry-run --retention-contact-days 30 --database sqlite://x.db",
            "concord audit verify --organization x",
            "concord audit export --organization x --out f --format csv",
            "concord migrate --database postgres://db/x --key-file k",
        ] {
            if let Err(error) = parse(line) {
                panic!("`{line}` must be understood: {error}");
            }
        }
    }

    #[test]
    fn roles_read_in_any_case() {
        let Ok(Command::Token { command: TokenCommand::Create(create) }) =
            parse("concord token create --role Operator,FINANCE --expires-in 90")
        else {
            panic!("the command must be understood")
        };
        assert_eq!(create.roles.to_string(), "OPERATOR,FINANCE");
        assert_eq!((create.organization.as_str(), create.expires_in), ("default", Some(90)));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, expected) in [
            ("concord token create --role boss", "`boss` is not a role; the roles are viewer"),
            ("concord token create", "--role <ROLE[,ROLE]>"),
            ("concord token create --role admin --expires-in 0", "0 is not in 1..=3650"),
            ("concord sandbox --today yesterday", "yesterday"),
            ("concord sandbox --listen here", "`here` is not an address"),
            ("concord sandbox --redirect-uri concord.example/x", "`concord.example/x` is not an address"),
            ("concord sandbox --redirect-uri https://concord.example/#x", "must have no `#`"),
            ("concord demo --data d --seed 1", "cannot be used with"),
            ("concord mappings import --dir d", "--integration <ID>"),
            ("concord match --kind customers --left l.csv --out o.csv", "--right <FILE>"),
            ("concord match --data d --left l.csv --out o", "cannot be used with"),
            ("concord match --out o", "--data <DIR>"),
            ("concord fly", "fly"),
        ] {
            let error = parse(line).expect_err("it is a mistake");
            assert!(error.contains(expected), "`{line}` gave: {error}");
        }
    }

    #[test]
    fn the_help_of_every_command_says_something() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "`{}` has no help", command.get_name());
            for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
                assert!(
                    argument.get_help().is_some() || argument.get_id() == "version",
                    "`--{}` of `{}` has no help",
                    argument.get_id(),
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
