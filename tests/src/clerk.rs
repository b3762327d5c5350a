//! Clerk, as a deployed stack sees it: an instance that goes along with the time, its webhooks, signed and sent, and the
//! calls of those who signed in with it.

use anyhow::Context as _;
use http::Request;
use serde_json::Value;
use shared::{
    auth::{MAX_TOKEN_LIFETIME, fake::FakeIssuer},
    clock::{self, Clock as _, SystemClock, Timestamp},
    identity::fake::{FakeClerk, FakeEvent},
    task::ClerkOrganization,
    webhook::svix::sign,
};

use crate::{
    client::{Answer, Client},
    local::ThirdParties,
    people::Person,
    vendors::Vendors,
};

/// Where the web client is, when somebody serves it with its defaults.
pub const WEB_ORIGIN: &str = "http://localhost:5173";

/// A Clerk instance: who there is, and the issuer of their session tokens.
#[derive(Debug, Clone)]
pub struct Clerk {
    fake: FakeClerk,
    issuer: FakeIssuer,
}

impl Clerk {
    /// An instance with nobody in it.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> anyhow::Result<Self> {
        Ok(Self {
            fake: FakeClerk::start().await.context("no Clerk can be played")?,
            issuer: FakeIssuer::start()
                .await
                .context("no issuer of sessions can be played")?,
        })
    }

    /// Clerk at the present time: what happens there from now on is later than what has, and no earlier than it is.
    #[must_use]
    pub fn now(&self) -> &FakeClerk {
        self.fake.set_clock(SystemClock.now().max(self.fake.now()));
        &self.fake
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &FakeIssuer {
        &self.issuer
    }

    /// Where the third parties of a stack are that knows this instance.
    #[must_use]
    pub fn parties(&self, vendors: &Vendors, agent: String) -> ThirdParties {
        ThirdParties {
            connectors: vendors.variables(),
            app_secrets: vendors.secrets(),
            agent,
            clerk_issuer: self.issuer.url(),
            clerk_api: self.fake.url(),
            clerk_api_key: self.fake.secret_key().to_owned(),
            clerk_instance: self.fake.instance_id().to_owned(),
            web_origin: WEB_ORIGIN.to_owned(),
        }
    }

    /// An organization that somebody has founded, as it is at Clerk now.
    #[must_use]
    pub fn organization(&self, founder: &Person, name: &str) -> ClerkOrganization {
        ClerkOrganization {
            id: founder.organization.clone(),
            name: name.to_owned(),
            slug: founder.slug.clone(),
            created_by: Some(founder.id.clone()),
            updated_at: self.fake.now(),
        }
    }

    /// A session token as the web client has one: made now and good for a minute.
    #[must_use]
    pub fn token(&self, person: &Person) -> String {
        let who = person.signed_in_from(WEB_ORIGIN);
        self.issuer.token(&who, SystemClock.now())
    }

    /// A session token that is good for as long as any is taken, which no client of Clerk's ever has: for those who
    /// type their requests.
    #[must_use]
    pub fn long_token(&self, person: &Person) -> String {
        let now = SystemClock.now();
        let mut payload = person.signed_in_from(WEB_ORIGIN).payload(&self.issuer.url(), now);
        payload["exp"] = clock::after(now, MAX_TOKEN_LIFETIME).timestamp().into();
        let key = self.issuer.key();
        key.sign(&key.header(), &payload)
    }
}

/// Sends Clerk's webhooks, as Svix does for it.
#[derive(Debug)]
pub struct WebhookSender {
    client: Client,
    url: String,
    secret: String,
}

impl WebhookSender {
    /// `secret` is the endpoint's signing secret, `whsec_…`.
    #[must_use]
    pub fn new(client: Client, url: &str, secret: &str) -> Self {
        Self {
            client,
            url: url.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// Sends one event, signed as of `at`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, event: &FakeEvent, at: Timestamp) -> anyhow::Result<Answer> {
        let headers = sign(&self.secret, &event.id, at, event.body.as_bytes());
        self.send_signed(&headers, &event.body).await
    }

    /// Sends a body with the headers of a signature, good or not.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send_signed(
        &self,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> anyhow::Result<Answer> {
        self.client.post_signed(&self.url, headers, body.to_owned()).await
    }
}

/// Calls the API as the web client does.
#[derive(Debug)]
pub struct WebClient {
    client: Client,
    url: String,
}

impl WebClient {
    /// `url` is the API's address, without a path.
    #[must_use]
    pub fn new(client: Client, url: &str) -> Self {
        Self {
            client,
            url: url.to_owned(),
        }
    }

    /// Reads a path that asks for no session.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let request = Request::get(format!("{}{path}", self.url));
        self.client.send(request, "").await
    }

    /// Posts with a session token.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = Request::post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .header("origin", WEB_ORIGIN)
            .header("authorization", format!("Bearer {token}"));
        self.client.send(request, body.to_string()).await
    }
}
