//! A server with a small schema that can fail in every way the transport has to bear.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_graphql::{
    Context, InputValueError, InputValueResult, Object, Scalar, ScalarType, Schema, Subscription, Value,
};
use axum::Router;
use concord::environment::CountingIds;
use concord::http::{
    AllowedOrigins, AuthenticationFailure, Authenticator, Endpoint, EndpointSettings, GraphiqlAssets, GraphiqlPage,
    Identity, Limits, NotReady, Patience, Readiness, ReadyOperation, RequestId, Site,
};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A token that is let in.
pub const TOKEN: &str = "good";

/// How long a busy machine may take for what happens by itself.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the tests turn on and off, and what they count.
#[derive(Default)]
pub struct Switches {
    pub is_revoked: AtomicBool,
    pub is_ready: AtomicBool,
    pub changes: AtomicUsize,
    pub running: AtomicUsize,
    pub produced: AtomicUsize,
    pub release: tokio::sync::Notify,
    /// A reason to look at tokens again.
    pub look: tokio::sync::Notify,
}

#[derive(Clone)]
pub struct Caller(pub String);

struct Tokens(Arc<Switches>);

#[async_trait::async_trait]
impl Authenticator for Tokens {
    async fn authenticate(&self, bearer: &str) -> Result<Identity, AuthenticationFailure> {
        match bearer {
            "brief" => {
                let soon = tokio::time::Instant::now() + Duration::from_millis(300);
                Ok(Identity::new(bearer, Caller("caller brief".to_owned())).ending_at(Some(soon)))
            }
            TOKEN | "other" => Ok(Identity::new(bearer, Caller(format!("caller {bearer}")))),
            "expired" => Err(AuthenticationFailure::Expired),
            "revoked" => Err(AuthenticationFailure::Revoked),
            "unavailable" => Err(AuthenticationFailure::Unavailable("the database is away".to_owned())),
            _ => Err(AuthenticationFailure::Unknown),
        }
    }

    async fn still_valid(&self, identity: &Identity) -> Result<(), AuthenticationFailure> {
        assert!(identity.caller::<Caller>().is_some(), "the identity carries what it was given");
        if self.0.is_revoked.load(Ordering::SeqCst) { Err(AuthenticationFailure::Revoked) } else { Ok(()) }
    }

    fn changes(&self, _: &Identity) -> BoxStream<'static, ()> {
        let switches = Arc::clone(&self.0);
        let look = async move { switches.look.notified().await };
        // Ends after the first reason, which has to leave the socket as it is.
        stream::once(look).boxed()
    }
}

#[async_trait::async_trait]
impl Readiness for Switches {
    async fn check(&self) -> Result<(), NotReady> {
        if self.is_ready.load(Ordering::SeqCst) { Ok(()) } else { Err(NotReady("secret reason".to_owned())) }
    }
}

/// A decimal that refuses numbers.
struct Exact(String);

#[Scalar(name = "Decimal")]
impl ScalarType for Exact {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn panicking() -> Option<String> {
    panic!("a secret in a panic")
}

pub struct Query;

#[Object]
impl Query {
    async fn hello(&self) -> &str {
        "world"
    }

    async fn itself(&self) -> Query {
        Query
    }

    async fn caller(&self, context: &Context<'_>) -> async_graphql::Result<String> {
        Ok(context.data::<Caller>()?.0.clone())
    }

    async fn request_id(&self, context: &Context<'_>) -> async_graphql::Result<String> {
        Ok(context.data::<RequestId>()?.to_string())
    }

    async fn echo(&self, amount: Option<Exact>) -> Option<Exact> {
        amount
    }

    async fn failing(&self) -> Option<async_graphql::Result<String>> {
        Some(Err(async_graphql::Error::new("the provider is away")))
    }

    async fn required(&self) -> async_graphql::Result<String> {
        Err(async_graphql::Error::new("the provider is away"))
    }

    async fn panicking(&self) -> Option<String> {
        panicking()
    }

    /// Runs until the test lets it go.
    async fn waiting(&self, context: &Context<'_>) -> async_graphql::Result<bool> {
        let switches = context.data::<Arc<Switches>>()?;
        switches.running.fetch_add(1, Ordering::SeqCst);
        switches.release.notified().await;
        Ok(true)
    }
}

pub struct Mutation;

#[Object]
impl Mutation {
    async fn change(&self, context: &Context<'_>) -> async_graphql::Result<usize> {
        Ok(context.data::<Arc<Switches>>()?.changes.fetch_add(1, Ordering::SeqCst) + 1)
    }

    async fn change_slowly(&self, context: &Context<'_>) -> async_graphql::Result<usize> {
        let switches = context.data::<Arc<Switches>>()?;
        switches.running.fetch_add(1, Ordering::SeqCst);
        switches.release.notified().await;
        Ok(switches.changes.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

pub struct SubscriptionRoot;

#[Subscription]
impl SubscriptionRoot {
    /// Numbered events, as a durable job gives them: a reader resumes after the last one seen.
    async fn count(&self, to: usize, #[graphql(default = 0)] after: usize) -> impl Stream<Item = usize> {
        stream::iter(after + 1..=to)
    }

    async fn silence(&self) -> impl Stream<Item = usize> {
        stream::pending()
    }

    async fn flood(&self, context: &Context<'_>, bytes: usize) -> async_graphql::Result<impl Stream<Item = String>> {
        let switches = Arc::clone(context.data::<Arc<Switches>>()?);
        Ok(stream::repeat("x".repeat(bytes)).inspect(move |_| {
            switches.produced.fetch_add(1, Ordering::SeqCst);
        }))
    }

    async fn refused(&self) -> async_graphql::Result<impl Stream<Item = usize>> {
        Err::<stream::Empty<usize>, _>(async_graphql::Error::new("not yours"))
    }

    async fn panicking(&self) -> impl Stream<Item = usize> {
        stream::iter([1_usize, 2]).map(|number| if number == 2 { panic!("a secret in a panic") } else { number })
    }
}

/// How a test wants its server.
#[derive(Default)]
pub struct Setup {
    pub limits: Limits,
    pub origins: Vec<&'static str>,
    pub assets: GraphiqlAssets,
    pub others: Router,
    /// How long requests may go on when the server stops; 200 milliseconds when not said.
    pub grace: Option<Duration>,
    /// How long the head of a request may take; as long as in production when not said.
    pub head: Option<Duration>,
}

impl Setup {
    pub async fn start(self) -> Server {
        let switches = Arc::new(Switches::default());
        let schema = Schema::build(Query, Mutation, SubscriptionRoot).data(Arc::clone(&switches)).finish();
        let operations = vec![
            ReadyOperation {
                title: "Greeting".to_owned(),
                document: "query Greeting($amount: Decimal) {\n  hello\n  echo(amount: $amount)\n}".to_owned(),
                variables: "{\"amount\": \"1.50\"}".to_owned(),
            },
            ReadyOperation {
                title: "Follow </script><b>".to_owned(),
                document: "subscription Follow($to: Int!) {\n  count(to: $to)\n}".to_owned(),
                variables: "{\"to\": 3}".to_owned(),
            },
        ];
        let shutdown = CancellationToken::new();
        let origins = self.origins.iter().map(|origin| origin.parse().expect("a test gives good origins")).collect();
        let settings = EndpointSettings {
            limits: self.limits,
            origins: AllowedOrigins::new(origins),
            page: Some(GraphiqlPage::new(&self.assets, operations).expect("a test gives good assets")),
            shutdown: shutdown.clone(),
            ids: Arc::new(CountingIds::default()),
        };
        let endpoint = Endpoint::new(schema, Arc::new(Tokens(Arc::clone(&switches))), settings);
        let readiness: Arc<dyn Readiness> = Arc::clone(&switches) as Arc<dyn Readiness>;
        let router = concord::http::router(Site { endpoint, readiness, others: self.others });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let patience = Patience {
            grace: self.grace.unwrap_or(Duration::from_millis(200)),
            head: self.head.unwrap_or(Patience::default().head),
        };
        let task = tokio::spawn(concord::http::serve_with(listener, router, shutdown.clone(), patience));
        Server { address, switches, shutdown, task }
    }
}

/// A running server; it stops with the test's runtime.
pub struct Server {
    pub address: SocketAddr,
    pub switches: Arc<Switches>,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<std::io::Result<()>>,
}

pub async fn start() -> Server {
    Setup::default().start().await
}

impl Server {
    /// Waits until something the server counts has happened.
    pub async fn until(&self, what: &str, happened: impl Fn(&Switches) -> bool) {
        let patience = Instant::now() + PATIENCE;
        while !happened(&self.switches) {
            assert!(Instant::now() < patience, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until the flood has produced something and has long produced no more, and says how much.
    pub async fn until_still(&self) -> usize {
        let patience = Instant::now() + PATIENCE;
        let (mut before, mut looks) = (0, 0);
        while Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let now = self.switches.produced.load(Ordering::SeqCst);
            looks = if now > 0 && now == before { looks + 1 } else { 0 };
            // A busy machine pauses the producer too, so one look at rest proves nothing.
            if looks == 15 {
                return now;
            }
            before = now;
        }
        panic!("the flood does not stop");
    }

    /// Waits until the server has ended after its shutdown.
    pub async fn stopped(self) {
        tokio::time::timeout(PATIENCE, self.task).await.expect("it stops").unwrap().unwrap();
    }
}
