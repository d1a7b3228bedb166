//! A person at the login pages of a sandbox: gets pages, fills their forms in and follows redirects, as a browser does
//! and without knowing what stands behind the pages.

use concord::sandbox::credentials;
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use url::{Url, form_urlencoded};

/// What the person decides on the last page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Accept,
    Deny,
}

/// A browser that is led by the forms it is shown.
pub struct Browser {
    client: Client,
    origin: String,
}

/// What the browser shows or where it would go.
#[derive(Debug)]
pub enum Sight {
    /// A page of the sandbox.
    Page(Page),
    /// A redirect to somewhere else, not followed.
    Left(String),
}

/// A page with at most one form.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub text: String,
}

impl Page {
    /// Address that the form is sent to.
    pub fn action(&self) -> &str {
        self.between("action=\"", "\"").expect("a form")
    }

    /// The hidden field.
    pub fn transaction(&self) -> &str {
        self.between("name=\"transaction\" value=\"", "\"").expect("a transaction")
    }

    /// Whether a field can be filled in.
    pub fn asks_for(&self, name: &str) -> bool {
        self.text.contains(&format!("name=\"{name}\""))
    }

    /// The sentence about a wrong answer.
    pub fn complaint(&self) -> Option<&str> {
        self.between("role=\"alert\">", "<")
    }

    fn between(&self, before: &str, after: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(before)?;
        rest.split_once(after).map(|(found, _)| found)
    }
}

impl Sight {
    pub fn page(self) -> Page {
        match self {
            Self::Page(page) => page,
            Self::Left(location) => panic!("the browser left for {location}"),
        }
    }

    pub fn location(self) -> String {
        match self {
            Self::Left(location) => location,
            Self::Page(page) => panic!("the browser stayed on a page ({}): {}", page.status, page.text),
        }
    }
}

impl Browser {
    /// A browser for the pages of one origin.
    pub fn at(url: &str) -> Self {
        // A second installation by another test is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "a test speaks to the sandbox as a stranger would")]
        let client = Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { client, origin: Url::parse(url).expect("an address").origin().ascii_serialization() }
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) -> Sight {
        self.see(self.client.get(url).send().await.expect("an answer")).await
    }

    /// Fills the form of a page in and sends it.
    pub async fn send(&self, page: &Page, fields: &[(&str, &str)]) -> Sight {
        let fields = fields.iter().copied().chain([("transaction", page.transaction())]);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(format!("{}{}", self.origin, page.action()));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        self.see(request.send().await.expect("an answer")).await
    }

    /// Logs in and shows the second factor; gives the page of the decision.
    pub async fn log_in(&self, page: &Page, user: &str) -> Page {
        let fields = [("user", user), ("password", credentials::USER_PASSWORD)];
        let page = self.send(page, &fields).await.page();
        self.send(&page, &[("code", credentials::ONE_TIME_CODE)]).await.page()
    }

    /// Decides on the last page; gives where the browser is sent.
    pub async fn decide(&self, page: &Page, choice: Choice) -> String {
        let choice = match choice {
            Choice::Accept => "accept",
            Choice::Deny => "deny",
        };
        self.send(page, &[("choice", choice)]).await.location()
    }

    async fn see(&self, answer: Response) -> Sight {
        let mut answer = answer;
        loop {
            let location = answer.headers().get(LOCATION).map(|value| value.to_str().expect("text").to_owned());
            let Some(location) = location else {
                let status = answer.status().as_u16();
                return Sight::Page(Page { status, text: answer.text().await.expect("text") });
            };
            let target = answer.url().join(&location).expect("an address");
            if target.origin().ascii_serialization() != self.origin {
                return Sight::Left(location);
            }
            answer = self.client.get(target).send().await.expect("an answer");
        }
    }
}

/// Goes the whole way of a person from an authorization address to the decision, and gives where the browser is sent.
/// A request that is refused without a page ends with that redirect.
pub async fn consent(authorize_url: &str, user: &str, choice: Choice) -> String {
    let browser = Browser::at(authorize_url);
    match browser.open(authorize_url).await {
        Sight::Left(location) => location,
        Sight::Page(page) => {
            let page = browser.log_in(&page, user).await;
            browser.decide(&page, choice).await
        }
    }
}
