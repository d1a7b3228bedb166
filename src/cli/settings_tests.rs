//! Tests of the settings, beside them because both are long.

use super::*;
use crate::secret::CountingRandom;
use crate::secret::jwt::SigningAlgorithm;

const KEYS: &str = "main:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A settings file, `NAME=value` variables and flags, as a person has them.
fn resolve(file: Option<&str>, variables: &[(&str, &str)], flags: ServerArguments) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut flags = flags;
    if let Some(text) = file {
        let path = folder.path().join("concord.toml");
        std::fs::write(&path, text).expect("the file is written");
        flags.store.config = Some(path);
    }
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::resolve(&flags, &variables)
        .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), ""))
}

fn listening(address: &str) -> ServerArguments {
    ServerArguments { listen: Some(address.into()), ..ServerArguments::default() }
}

fn fails(file: Option<&str>, variables: &[(&str, &str)], flags: ServerArguments, expected: &str) {
    let error = resolve(file, variables, flags).expect_err("the settings have a mistake");
    assert!(error.contains(expected), "expected `{expected}`, got: {error}");
}

#[test]
fn without_any_setting_the_server_starts_on_a_file_for_this_machine_alone() {
    let settings = resolve(None, &[], ServerArguments::default()).expect("the defaults are good");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.database.to_string(), "sqlite://concord.db");
    assert_eq!(settings.files_root, None);
    assert!(matches!(&settings.keys, Some(KeySource::FileOrNew(path)) if path == Path::new("concord.db.key")));
    assert!(settings.graphiql && settings.introspection && !settings.allow_private_networks);
    assert_eq!((settings.workers, settings.allowed_origins.len()), (2, 0));
}

#[test]
fn the_later_layer_wins() {
    let file = "listen = \"127.0.0.1:1\"\nworkers = 1\ngraphiql = false\n";
    let one = resolve(Some(file), &[], ServerArguments::default()).expect("the file is good");
    assert_eq!((one.listen.port(), one.workers, one.graphiql), (1, 1, false));
    let variables = [("CONCORD_LISTEN", "127.0.0.1:2"), ("CONCORD_WORKERS", "2")];
    let two = resolve(Some(file), &variables, ServerArguments::default()).expect("the variables are good");
    assert_eq!((two.listen.port(), two.workers, two.graphiql), (2, 2, false));
    let three = resolve(Some(file), &variables, listening("localhost:3")).expect("the flag is good");
    assert_eq!((three.listen.port(), three.workers, three.graphiql), (3, 2, false));
    let empty = resolve(Some(file), &[("CONCORD_LISTEN", "")], ServerArguments::default()).expect("left out");
    assert_eq!(empty.listen.port(), 1);
}

#[test]
fn the_file_can_say_everything() {
    let file = r#"
        listen = "0.0.0.0:80"
        public_url = "https://concord.example"
        database = "postgres://concord@db/concord"
        key_file = "/etc/concord.keys"
        log_level = "debug"
        log_format = "json"
        graphiql = "off"
        graphiql_assets = "/srv/graphiql"
        introspection = false
        allowed_origins = ["https://portal.example", "http://localhost:3000/"]
        workers = 0
        allow_private_networks = true
        allowed_provider_hosts = ["api.pax8.com", "*.psarev.io"]
        files_root = "/srv/exports"
        body_bytes = 2048
        operation_seconds = 5
        operations_per_token = 3
        streams_per_token = 4
        subscriptions_per_token = 5
        requests_per_minute = 60
        operation_cost = 7000
        oidc_issuer = "https://login.example/tenant/"
        oidc_audience = "concord"
        oidc_roles_claim = "realm_access.roles"
        oidc_organization_claim = "organization"
        oidc_organization = "Acme IT"
        oidc_algorithms = ["EdDSA", "PS512"]
        oidc_require_at_jwt = true
        retention_raw_days = 90
        retention_event_days = 30
        retention_contact_days = 365
    "#;
    let settings = resolve(Some(file), &[], ServerArguments::default()).expect("the file is good");
    assert_eq!(settings.allowed_origins, ["https://portal.example", "http://localhost:3000"]);
    assert_eq!((settings.log_level, settings.log_format), (LogLevel::Debug, LogFormat::Json));
    assert_eq!(
        settings.limits,
        RequestLimits {
            body_bytes: 2048,
            operation_time: Duration::from_secs(5),
            operations: 3,
            streams: 4,
            subscriptions: 5,
            requests_per_minute: NonZeroU32::new(60).expect("60 is not zero"),
            cost: 7000,
        }
    );
    let oidc = OidcSettings {
        issuer: Some("https://login.example/tenant/".to_owned()),
        audience: Some("concord".to_owned()),
        roles_claim: Some("realm_access.roles".to_owned()),
        organization_claim: Some("organization".to_owned()),
        organization: Some("Acme IT".to_owned()),
        algorithms: vec![SigningAlgorithm::EdDsa, SigningAlgorithm::Ps512],
        is_type_required: true,
    };
    assert_eq!(settings.oidc, oidc);
    assert!(matches!(oidc.understood(), Err(SettingsError::TwoOrganizations)));
    let retention = Retention { raw_days: Some(90), event_days: Some(30), contact_days: Some(365) };
    assert_eq!(settings.retention, retention);
    let hosts = ["api.pax8.com", "*.psarev.io"].map(|host| HostPattern::parse(host).expect("a host"));
    assert_eq!(settings.allowed_provider_hosts, AllowedHosts::Only(hosts.into()));
    assert_eq!(settings.files_root, Some(FilesRoot::new("/srv/exports")));
    assert!(matches!(&settings.keys, Some(KeySource::File(path)) if path == Path::new("/etc/concord.keys")));
    assert_eq!(file.matches(" = ").count(), NAMES.len() - 1, "each setting but the secret keys is tried here");
}

#[test]
fn each_setting_has_a_flag() {
    let mut named: Vec<&str> = ServerArguments::default().texts().into_iter().map(|(name, _)| name).collect();
    named.push(SECRET_KEYS);
    named.sort_unstable();
    let mut names = NAMES;
    names.sort_unstable();
    assert_eq!(named, names);
}

#[test]
fn a_mistake_says_where_it_stands() {
    let none = ServerArguments::default;
    fails(Some("lisen = \"x\""), &[], none(), "The settings file `/concord.toml` has the unknown key `lisen`.");
    fails(Some("secret_keys = \"x\""), &[], none(), "has secret keys in it");
    for issuer in [
        "login.example",
        "http://login.example",
        "http://10.0.0.1",
        "https://login.example/?x",
        "https://u@login.example",
        "https://login.example/a b",
    ] {
        fails(None, &[("CONCORD_OIDC_ISSUER", issuer)], none(), "`oidc_issuer` is");
    }
    for algorithms in ["HS256", "none", "RS256,", "es256"] {
        fails(None, &[("CONCORD_OIDC_ALGORITHMS", algorithms)], none(), "is not an algorithm that can be trusted");
    }
    fails(Some("workers = 1.5"), &[], none(), "the value of `workers` has the wrong form");
    fails(Some("workers = 1\n\nlisten = \n"), &[], none(), "in line 3");
    fails(
        Some("workers = 65"),
        &[],
        none(),
        "The setting `workers` is `65` (from the file `/concord.toml`), and it has to be a whole number from 0 to 64.",
    );
    fails(None, &[("CONCORD_GRAPHIQL", "maybe")], none(), "`graphiql` is `maybe` (from CONCORD_GRAPHIQL), and it has");
    fails(None, &[], listening("8080"), "`listen` is `8080` (from --listen), and `8080` is not an address");
    fails(None, &[("CONCORD_LOG_LEVEL", "loud")], none(), "error, warn, info, debug or trace");
    fails(None, &[("CONCORD_LOG_FORMAT", "xml")], none(), "text or json");
    fails(None, &[("CONCORD_ALLOWED_ORIGINS", "https://a.example,b.example")], none(), "`b.example` is not an origin");
    fails(None, &[("CONCORD_ALLOWED_ORIGINS", "https://a.example/path")], none(), "is not an origin");
    for hosts in ["https://api.pax8.com", "api.pax8.com,", "*"] {
        fails(None, &[("CONCORD_ALLOWED_PROVIDER_HOSTS", hosts)], none(), "is not a host; write HOST, HOST:PORT or");
    }
    fails(Some("allowed_provider_hosts = []"), &[], none(), "`` is not a host");
    fails(None, &[("CONCORD_PUBLIC_URL", "concord.example")], none(), "(from CONCORD_PUBLIC_URL), and it is not a URL");
    fails(None, &[("CONCORD_CONFIG", "/does/not/exist.toml")], none(), "`/does/not/exist.toml` cannot be read");
}

#[test]
fn a_slip_in_a_variable_is_noticed() {
    let variables = [("CONCORD_LISEN", "x"), ("CONCORD_DEV_DATA", "x"), ("CONCORD_WORKERS", "1")];
    let settings = resolve(None, &variables, ServerArguments::default()).expect("the rest is good");
    assert_eq!(settings.unknown_variables, ["CONCORD_LISEN"]);
}

#[test]
fn secrets_are_never_printed() {
    let variables =
        [("CONCORD_SECRET_KEYS", KEYS), ("CONCORD_DATABASE", "postgres://concord:hunter2@db/concord?password=hunter3")];
    let settings = resolve(None, &variables, ServerArguments::default()).expect("the settings are good");
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hunter") && !shown.contains("AAAA"), "{shown}");
    fails(
        None,
        &[("CONCORD_DATABASE", "mysql://u:hunter2@db/x")],
        ServerArguments::default(),
        "mysql://u:[redacted]@db/x",
    );
    let error = resolve(Some("database = \"postgres://u:hunter2@db/x\n"), &[], ServerArguments::default());
    assert!(!error.expect_err("the string does not end").contains("hunter2"));
}

#[test]
fn keys_open_from_where_they_are() {
    let open = |variables: &[(&str, &str)]| {
        let settings = resolve(None, variables, ServerArguments::default()).expect("the settings are good");
        settings.open_keys(Arc::new(CountingRandom::default())).map_err(|error| error.to_string())
    };
    let (ring, file) = open(&[("CONCORD_SECRET_KEYS", KEYS)]).expect("the key is good");
    assert_eq!((ring.sealing_key_id(), file), ("main", KeyFile::Found));

    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = format!("sqlite://{}/concord.db", folder.path().display());
    assert_eq!(open(&[("CONCORD_DATABASE", &database)]).expect("a key is made").1, KeyFile::Created);
    assert!(folder.path().join("concord.db.key").exists());

    let postgres = ("CONCORD_DATABASE", "postgres://db/concord");
    assert!(open(&[postgres]).expect_err("there are no keys").starts_with("No secret keys were given"));
    let missing = folder.path().join("keys").display().to_string();
    let error = open(&[postgres, ("CONCORD_KEY_FILE", &missing)]).expect_err("the file is not there");
    assert!(error.contains("cannot be read"), "{error}");
    assert!(!Path::new(&missing).exists(), "replicas must not make keys of their own");
}

#[test]
fn an_issuer_is_understood_with_its_defaults() {
    let variables = [("CONCORD_OIDC_ISSUER", "http://localhost:9000/"), ("CONCORD_OIDC_AUDIENCE", "concord")];
    let settings = resolve(None, &variables, ServerArguments::default()).expect("the variables are good");
    let issuer = settings.oidc.understood().expect("enough is said").expect("an issuer");
    assert_eq!(issuer.expectation.issuer, "http://localhost:9000/", "to the last character");
    assert_eq!(issuer.expectation.algorithms, [SigningAlgorithm::Rs256, SigningAlgorithm::Es256]);
    assert!(!issuer.expectation.is_type_required, "many issuers do not write it");
    assert_eq!(issuer.roles_claim, "roles");
    assert_eq!(issuer.membership, crate::service::user::Membership::Everybody("default".to_owned()));
    let settings = resolve(None, &variables[..1], ServerArguments::default()).expect("each is good by itself");
    assert!(matches!(settings.oidc.understood(), Err(SettingsError::NoAudience)));
    let settings = resolve(None, &[], ServerArguments::default()).expect("nothing is said");
    assert_eq!((settings.oidc.understood().expect("nothing is enough"), settings.oidc.is_begun()), (None, false));
}
