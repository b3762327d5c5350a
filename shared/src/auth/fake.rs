//! A Clerk instance to sign in at, in tests and on a laptop: it publishes its keys over HTTP, makes session tokens as
//! Clerk makes them, and signs whatever an attacker would.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::{
    encoding::AsDer as _,
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
        RsaKeyPair, RsaPublicKeyComponents,
    },
};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    clock::{Timestamp, after},
    http::fake::{ANY_PORT, Server},
};

/// For how long Clerk's session tokens are good.
const LIFETIME: Duration = Duration::from_mins(1);

/// How a token is signed.
#[derive(Debug, Clone, Copy)]
pub enum Signing<'a> {
    /// RSA with PKCS #1 padding and SHA-256, as Clerk signs.
    Rs256,
    /// The same with SHA-384.
    Rs384,
    /// The same with SHA-512.
    Rs512,
    /// RSA with PSS padding and SHA-256.
    Ps256,
    /// HMAC-SHA256 keyed with these bytes.
    Hs256(&'a [u8]),
    /// Not at all.
    None,
}

/// A key pair that tokens are signed with. Making one takes a while, so a process makes each only once.
pub struct SigningKey {
    number: usize,
    pair: RsaKeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.number).finish()
    }
}

impl SigningKey {
    /// One of the process's keys: the same number, the same key.
    ///
    /// # Panics
    /// When no key can be made.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a fake that cannot be set up has failed")]
    pub fn number(number: usize) -> Arc<Self> {
        static KEYS: LazyLock<Mutex<BTreeMap<usize, Arc<SigningKey>>>> = LazyLock::new(Mutex::default);
        let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("an rsa key");
            Arc::new(Self { number, pair })
        };
        Arc::clone(keys.entry(number).or_insert_with(make))
    }

    /// The id that tokens name the key by.
    #[must_use]
    pub fn kid(&self) -> String {
        format!("ins_fake{}", self.number)
    }

    /// The public key as [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517) writes it, as Clerk does.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(self.pair.public_key());
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid(),
            "n": URL_SAFE_NO_PAD.encode(public.n),
            "e": URL_SAFE_NO_PAD.encode(public.e),
        })
    }

    /// The public key as a `SubjectPublicKeyInfo`.
    ///
    /// # Panics
    /// When it cannot be written as one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a fake that cannot be set up has failed")]
    pub fn public_key_der(&self) -> Vec<u8> {
        let der = self.pair.public_key().as_der().expect("a public key");
        der.as_ref().to_owned()
    }

    /// The public key as Clerk's dashboard shows it.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        let base64 = STANDARD.encode(self.public_key_der());
        let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        for (index, char) in base64.char_indices() {
            if index > 0 && index % 64 == 0 {
                pem.push('\n');
            }
            pem.push(char);
        }
        pem + "\n-----END PUBLIC KEY-----\n"
    }

    /// The header of a session token that this key signs.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({ "alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": self.kid(), "typ": "JWT" })
    }

    /// A token with this header and payload, whatever they say, signed by this key.
    #[must_use]
    pub fn sign(&self, header: &Value, payload: &Value) -> String {
        self.sign_as(Signing::Rs256, header, payload)
    }

    /// As [`sign`](Self::sign), in another way.
    #[must_use]
    pub fn sign_as(&self, signing: Signing<'_>, header: &Value, payload: &Value) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(header), encode(payload));
        let signature = match signing {
            Signing::Rs256 => self.rsa(&RSA_PKCS1_SHA256, &message),
            Signing::Rs384 => self.rsa(&RSA_PKCS1_SHA384, &message),
            Signing::Rs512 => self.rsa(&RSA_PKCS1_SHA512, &message),
            Signing::Ps256 => self.rsa(&RSA_PSS_SHA256, &message),
            Signing::Hs256(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message.as_bytes()).as_ref().to_owned()
            }
            Signing::None => Vec::new(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[expect(clippy::expect_used, reason = "a fake that cannot sign has failed")]
    fn rsa(&self, padding: &'static dyn RsaEncoding, message: &str) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .expect("a signature");
        signature
    }
}

/// The organization that somebody is signed in to.
#[derive(Debug, Clone)]
struct Membership {
    id: String,
    slug: String,
    role: String,
    permissions: Vec<String>,
}

/// Somebody who is signed in, of whom a token is to be made.
#[derive(Debug, Clone)]
pub struct SignedIn {
    user: String,
    session: String,
    authorized_party: String,
    organization: Option<Membership>,
    is_version_1: bool,
}

impl SignedIn {
    /// `user` (`user_…`) in `session` (`sess_…`), signed in from the origin `authorized_party`.
    #[must_use]
    pub fn new(user: &str, session: &str, authorized_party: &str) -> Self {
        Self {
            user: user.to_owned(),
            session: session.to_owned(),
            authorized_party: authorized_party.to_owned(),
            organization: None,
            is_version_1: false,
        }
    }

    /// Working in the organization `id` (`org_…`) with a role such as `org:admin`, and with custom permissions such as
    /// `org:infragpt:manage`: at most 128 of different names in a token of version 2.
    #[must_use]
    pub fn in_organization(self, id: &str, slug: &str, role: &str, permissions: &[&str]) -> Self {
        let organization = Some(Membership {
            id: id.to_owned(),
            slug: slug.to_owned(),
            role: role.to_owned(),
            permissions: permissions
                .iter()
                .map(|&permission| permission.to_owned())
                .collect(),
        });
        Self { organization, ..self }
    }

    /// With a token of version 1, as instances make that have not been moved to version 2.
    #[must_use]
    pub fn version_1(self) -> Self {
        Self {
            is_version_1: true,
            ..self
        }
    }

    /// The payload of the token that `issuer` makes at a time. A template or a test may change it.
    #[must_use]
    pub fn payload(&self, issuer: &str, at: Timestamp) -> Value {
        let mut payload = json!({
            "azp": self.authorized_party,
            "exp": after(at, LIFETIME).timestamp(),
            "fva": [0, -1],
            "iat": at.timestamp(),
            "iss": issuer,
            "jti": format!("{}{}", self.session.trim_start_matches("sess_"), at.timestamp_millis()),
            // Clerk lets a token be good a little before it was made.
            "nbf": at.timestamp() - 10,
            "sid": self.session,
            "sub": self.user,
        });
        if !self.is_version_1 {
            payload["v"] = 2.into();
            payload["sts"] = "active".into();
            payload["pla"] = "u:free".into();
            payload["fea"] = "u:profile".into();
        }
        match &self.organization {
            Some(organization) if self.is_version_1 => {
                payload["org_id"] = organization.id.as_str().into();
                payload["org_slug"] = organization.slug.as_str().into();
                payload["org_role"] = organization.role.as_str().into();
                payload["org_permissions"] = organization.permissions.clone().into();
            }
            Some(organization) => organization.write(&mut payload),
            None => {}
        }
        payload
    }
}

impl Membership {
    /// The claims of version 2. Each permission `org:{feature}:{name}` is a bit in its feature's mask.
    fn write(&self, payload: &mut Value) {
        let mut names: Vec<&str> = Vec::new();
        let mut masks: BTreeMap<&str, u128> = BTreeMap::new();
        for permission in &self.permissions {
            let Some((feature, name)) = permission
                .strip_prefix("org:")
                .and_then(|rest| rest.split_once(':'))
            else {
                continue;
            };
            let index = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            *masks.entry(feature).or_default() |= 1 << index;
        }
        payload["o"] = json!({
            "id": self.id,
            "slg": self.slug,
            "rol": self.role.strip_prefix("org:").unwrap_or(&self.role),
            "per": names.join(","),
            "fpm": masks.values().map(u128::to_string).collect::<Vec<_>>().join(","),
        });
        let features = masks.keys().map(|feature| format!("o:{feature}"));
        let features: Vec<_> = std::iter::once("u:profile".to_owned()).chain(features).collect();
        payload["fea"] = features.join(",").into();
    }
}

/// A running issuer; clones are handles to the same one, which ends with the last of them.
#[derive(Clone)]
pub struct FakeIssuer(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    server: Server,
}

impl fmt::Debug for FakeIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FakeIssuer")
            .field(&self.0.server.address())
            .finish()
    }
}

/// What the server and the handles share.
struct Shared {
    state: Mutex<Instance>,
    /// Told of every request, so that nobody has to poll.
    fetches: watch::Sender<usize>,
}

struct Instance {
    key: Arc<SigningKey>,
    mood: Mood,
}

/// How the keys are asked for in vain, or not.
#[derive(Clone)]
enum Mood {
    Well,
    Down,
    Hanging,
    Serving(String),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Instance> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FakeIssuer {
    /// An issuer on a free port of this machine. Needs a tokio runtime, and lives on it.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::start_at(ANY_PORT).await
    }

    /// As [`start`](Self::start), at a given address.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start_at(address: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(Instance {
                key: SigningKey::number(0),
                mood: Mood::Well,
            }),
            fetches: watch::Sender::new(0),
        });
        let router = Router::new()
            .route("/.well-known/jwks.json", get(keys))
            .with_state(Arc::clone(&shared));
        let server = Server::start(address, router).await?;
        Ok(Self(Arc::new(Inner { shared, server })))
    }

    /// The issuer, as its tokens write it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.0.server.address())
    }

    /// Where the keys are, for [`Jwks::published`](super::Jwks::published).
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}/.well-known/jwks.json", self.url())
    }

    /// The key that tokens are signed with now.
    #[must_use]
    pub fn key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.0.shared.state().key)
    }

    /// The public key, for [`Jwks::pinned`](super::Jwks::pinned).
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        self.key().public_key_pem()
    }

    /// From now on tokens are signed with another key, and the old one is not published any more.
    pub fn rotate(&self) {
        let mut state = self.0.shared.state();
        state.key = SigningKey::number(state.key.number + 1);
    }

    /// From now on there is no answer but 503, or there are keys again.
    pub fn set_down(&self, is_down: bool) {
        self.be(if is_down { Mood::Down } else { Mood::Well });
    }

    /// From now on there is no answer at all, until [`set_down(false)`](Self::set_down).
    pub fn hang(&self) {
        self.be(Mood::Hanging);
    }

    /// From now on this is published instead of the keys, until [`set_down(false)`](Self::set_down).
    pub fn serve(&self, body: &str) {
        self.be(Mood::Serving(body.to_owned()));
    }

    fn be(&self, mood: Mood) {
        self.0.shared.state().mood = mood;
    }

    /// How often the keys were asked for, in vain or not.
    #[must_use]
    pub fn fetches(&self) -> usize {
        *self.0.shared.fetches.borrow()
    }

    /// Waits until the keys were asked for so often in all.
    pub async fn until_fetches(&self, count: usize) {
        // Ends with an error only when the sender is gone, which this handle holds.
        let _ = self
            .0
            .shared
            .fetches
            .subscribe()
            .wait_for(|fetches| *fetches >= count)
            .await;
    }

    /// The token of somebody who is signed in, made at a time and good for a minute.
    #[must_use]
    pub fn token(&self, who: &SignedIn, at: Timestamp) -> String {
        let key = self.key();
        key.sign(&key.header(), &who.payload(&self.url(), at))
    }
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    let (mood, key) = {
        let state = shared.state();
        (state.mood.clone(), state.key.jwk())
    };
    shared.fetches.send_modify(|fetches| *fetches += 1);
    let body = match mood {
        Mood::Well => json!({ "keys": [key] }).to_string(),
        Mood::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Hanging => std::future::pending().await,
        Mood::Serving(body) => body,
    };
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
