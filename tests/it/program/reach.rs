//! What the operator lets connections reach, of whatever organization: hosts, and directories of files.

use concord::connector::address::{AllowedHosts, HostPattern};
use concord::service::reach::{FilesRoot, Reach};
use serde_json::{Value, json};

use super::callers::Server;
use super::command;
use super::harness::{self, Client, app_reaching, codes, each_database, pax8_credentials, tiny_world};

async fn server(url: &str, reach: Reach) -> Server {
    Server::of(app_reaching(url, reach).await).await
}

async fn admin(server: &Server, organization: &str) -> Client {
    server.client(&server.token(organization, "admin", None).await)
}

fn only(hosts: &[String]) -> Reach {
    let hosts = hosts.iter().map(|host| HostPattern::parse(host).expect("a host")).collect();
    Reach { hosts: AllowedHosts::Only(hosts), ..Reach::default() }
}

fn files(path: String) -> Reach {
    Reach { files_root: Some(FilesRoot::new(path)), ..Reach::default() }
}

const ACCOUNT: &str = "account { status failureMessage }";

#[tokio::test]
async fn accounts_go_to_the_hosts_that_the_operator_names_alone() {
    let sandbox = harness::sandbox(&tiny_world(), std::time::Duration::ZERO).await;
    let place = url::Url::parse(&sandbox.pax8_base_url()).expect("an address");
    let place = format!("127.0.0.1:{}", place.port().expect("a port of its own"));
    for database in each_database().await {
        let narrow = server(&database.url, only(std::slice::from_ref(&place))).await;
        let token = narrow.token("default", "admin", None).await;
        let ask = narrow.client(&token);
        let integration = harness::integration(&ask, "A").await;
        let good = pax8_credentials(&sandbox, &integration.pax8);
        for (field, address) in [("baseUrl", "https://api.pax8.com/v1"), ("tokenUrl", "http://127.0.0.1:1/token")] {
            let mut input = good.clone();
            input["credentials"]["pax8"][field] = json!(address);
            let payload = ask.change("providerCredentialsSet", ACCOUNT, input).await;
            assert_eq!(codes(&payload), ["INVALID_INPUT"], "{address}: {payload}");
            let error = &payload["userErrors"][0];
            assert_eq!(error["field"], json!(["input", "credentials", "pax8", field]), "{payload}");
            assert!(error["message"].to_string().contains("--allowed-provider-hosts"), "{payload}");
        }
        let payload = ask.done("providerCredentialsSet", ACCOUNT, good.clone()).await;
        assert_eq!(payload["account"]["status"], "CONNECTED", "{payload}");
        let mut application = super::authorization::pax8_application(&sandbox, &integration.pax8);
        application["application"]["tokenUrl"] = json!("https://login.pax8.com/oauth/token");
        let payload = ask.change("providerAccountAuthorizationStart", "authorizationUrl", application).await;
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "application", "tokenUrl"]), "{payload}");
        // The operator thinks better of it: what was connected before is not asked any more.
        let other = server(&database.url, only(&["api.pax8.com".to_owned()])).await;
        let input = json!({ "providerAccountId": integration.pax8 });
        let payload = other.client(&token).change("providerAccountVerify", ACCOUNT, input).await;
        assert_eq!(payload["account"]["status"], "FAILED", "{payload}");
        let said = payload["account"]["failureMessage"].to_string();
        assert!(said.contains(&place) && said.contains("--allowed-provider-hosts"), "{said}");
    }
    sandbox.shutdown().await;
}

async fn connect(admin: &Client, account: &Value, directory: &str) -> Value {
    let input = json!({ "providerAccountId": account, "credentials": { "files": { "directory": directory } } });
    admin.change("providerCredentialsSet", ACCOUNT, input).await
}

#[tokio::test]
async fn organizations_do_not_name_each_others_files() {
    for database in each_database().await {
        let root = tempfile::tempdir().expect("a temporary folder");
        harness::copy_directory(&tiny_world(), &root.path().join("exports"));
        let shared = server(&database.url, files(root.path().display().to_string())).await;
        let first = admin(&shared, "default").await;
        let ours = harness::integration(&first, "Ours").await;
        let payload = connect(&first, &ours.psa, "exports").await;
        assert_eq!(payload["account"]["status"], "CONNECTED", "{payload}");

        let second = admin(&shared, "Borealis").await;
        let theirs = harness::integration(&second, "Theirs").await;
        let payload = connect(&second, &theirs.psa, "exports").await;
        assert_eq!(codes(&payload), ["INVALID_INPUT"], "{payload}");
        let error = &payload["userErrors"][0];
        assert_eq!(error["field"], json!(["input", "credentials", "files", "directory"]), "{payload}");
        assert!(error["message"].to_string().contains("{organization}"), "{payload}");
        let verify = json!({ "providerAccountId": ours.psa });
        let payload = first.done("providerAccountVerify", ACCOUNT, verify).await;
        assert_eq!(payload["account"]["status"], "CONNECTED", "what was connected stays so: {payload}");
        let doctor = command::concord(&database.url, harness::SECRET_KEYS)
            .args(["doctor", "--listen", "127.0.0.1:0", "--files-root", &root.path().display().to_string()])
            .output()
            .await
            .expect("the program runs");
        command::Said::of(&doctor).check(0, &["warning  There are 2 organizations and one files_root for all"]);

        let apart = server(&database.url, files(root.path().join("{organization}").display().to_string())).await;
        let second = admin(&apart, "Borealis").await;
        let message = connect(&second, &theirs.psa, "exports").await["userErrors"][0]["message"].to_string();
        let id = message.split('`').nth(3).expect("the id of the organization").to_owned();
        harness::copy_directory(&tiny_world(), &root.path().join(&id).join("mine"));
        let payload = connect(&second, &theirs.psa, "mine").await;
        assert_eq!(payload["account"]["status"], "CONNECTED", "{payload}");
        let payload = connect(&second, &theirs.psa, "../exports").await;
        assert_eq!(codes(&payload), ["INVALID_INPUT"], "{payload}");
    }
}
