//! A key service that keeps its two master keys in memory: wraps for real, bound to the encryption context, and fails on
//! demand. Speaks to [`shared::secret::vault::Vault`] directly, and to the AWS SDK over HTTP.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::json;
use shared::secret::kms::{
    DATA_KEY_BYTES, DataKey, EncryptionContext, KeyError, KeyService, PlainKey, Rewrapped,
};
use tokio::{net::TcpListener, task::JoinSet};

/// The ARN of the key that is used.
pub const KEY_ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000001";
/// The ARN of the key that takes its place when keys are rotated.
pub const NEXT_KEY_ARN: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000002";

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Too many requests.
    Throttled,
    /// KMS itself fails.
    Down,
    /// The caller's role may not.
    Denied,
    /// The key is disabled.
    Disabled,
    /// The data key has sixteen bytes.
    ShortKey,
    /// Another key was used than the one asked for.
    OtherKey,
}

/// A call as KMS saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GenerateDataKey`, `Decrypt` or `ReEncrypt`.
    pub operation: &'static str,
    /// The key that was named; of `ReEncrypt`, the one that it comes from.
    pub key_id: String,
    /// The encryption context.
    pub context: BTreeMap<String, String>,
}

/// The key service. Clones share everything.
#[derive(Debug, Clone)]
pub struct FakeKms {
    inner: Arc<Inner>,
    /// What new data keys are wrapped with, for those who do not speak HTTP and name it themselves.
    current: &'static str,
}

#[derive(Debug)]
struct Inner {
    masters: BTreeMap<&'static str, RandomizedNonceKey>,
    state: Mutex<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    next: VecDeque<Fault>,
    always: Option<Fault>,
    calls: Vec<Call>,
}

/// Why a call fails: one of ours, or what KMS says about a ciphertext that it cannot open.
enum Failure {
    Injected(Fault),
    InvalidCiphertext,
    NotFound,
}

struct Opened {
    plaintext: Vec<u8>,
    key_id: String,
}

impl Default for FakeKms {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeKms {
    /// A key service with new master keys.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test cannot go on without")]
    pub fn new() -> Self {
        let masters = [KEY_ARN, NEXT_KEY_ARN].map(|arn| {
            let mut master = [0; 32];
            rand::fill(&mut master).expect("randomness");
            let master = RandomizedNonceKey::new(&AES_256_GCM, &master).expect("32 bytes");
            (arn, master)
        });
        Self {
            inner: Arc::new(Inner {
                masters: masters.into(),
                state: Mutex::default(),
            }),
            current: KEY_ARN,
        }
    }

    /// The same key service for those whose new data keys are wrapped with [`NEXT_KEY_ARN`].
    #[must_use]
    pub fn rotated(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            current: NEXT_KEY_ARN,
        }
    }

    fn state(&self) -> MutexGuard<'_, Faults> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn master(&self, key_id: &str) -> Result<&RandomizedNonceKey, Failure> {
        self.inner.masters.get(key_id).ok_or(Failure::NotFound)
    }

    fn wrap(
        &self,
        key_id: &str,
        context: &BTreeMap<String, String>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let mut wrapped = plaintext.to_vec();
        let nonce = self
            .master(key_id)?
            .seal_in_place_append_tag(Aad::from(bound_to(context)), &mut wrapped)
            .map_err(|_| Failure::InvalidCiphertext)?;
        Ok([&nonce.as_ref()[..], &wrapped].concat())
    }

    fn unwrap(
        &self,
        key_id: &str,
        context: &BTreeMap<String, String>,
        wrapped: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let (nonce, sealed) = wrapped
            .split_at_checked(NONCE_LEN)
            .ok_or(Failure::InvalidCiphertext)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Failure::InvalidCiphertext)?;
        let mut sealed = sealed.to_vec();
        self.master(key_id)?
            .open_in_place(nonce, Aad::from(bound_to(context)), &mut sealed)
            .map(|plaintext| plaintext.to_vec())
            .map_err(|_| Failure::InvalidCiphertext)
    }

    /// The next `calls` calls fail.
    pub fn fail_next(&self, calls: usize, fault: Fault) {
        self.state().next.extend(std::iter::repeat_n(fault, calls));
    }

    /// Every call fails until [`FakeKms::recover`].
    pub fn fail(&self, fault: Fault) {
        self.state().always = Some(fault);
    }

    /// Nothing fails any more.
    pub fn recover(&self) {
        let mut state = self.state();
        state.always = None;
        state.next.clear();
    }

    /// All calls so far, failed ones too.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How many calls of an operation there were.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.state()
            .calls
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    }

    fn note(
        &self,
        operation: &'static str,
        key_id: &str,
        context: &BTreeMap<String, String>,
    ) -> Option<Fault> {
        let mut state = self.state();
        state.calls.push(Call {
            operation,
            key_id: key_id.to_owned(),
            context: context.clone(),
        });
        let next = state.next.pop_front();
        next.or(state.always)
    }

    fn generate(
        &self,
        key_id: &str,
        context: &BTreeMap<String, String>,
    ) -> Result<(Opened, Vec<u8>), Failure> {
        let fault = self.note("GenerateDataKey", key_id, context);
        let opened = answer(fault, key_id, || {
            let mut plaintext = vec![0; DATA_KEY_BYTES];
            rand::fill(&mut plaintext).map_err(|_| Failure::NotFound)?;
            Ok(plaintext)
        })?;
        let wrapped = self.wrap(key_id, context, &opened.plaintext)?;
        Ok((opened, wrapped))
    }

    fn decrypt(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &BTreeMap<String, String>,
    ) -> Result<Opened, Failure> {
        let fault = self.note("Decrypt", key_id, context);
        answer(fault, key_id, || self.unwrap(key_id, context, wrapped))
    }

    /// Answers the key wrapped anew, and the name of the key that it was wrapped with.
    fn re_encrypt(
        &self,
        wrapped: &[u8],
        (from, from_context): (&str, &BTreeMap<String, String>),
        (to, to_context): (&str, &BTreeMap<String, String>),
    ) -> Result<(Vec<u8>, String), Failure> {
        let fault = self.note("ReEncrypt", from, from_context);
        let opened = answer(fault, to, || self.unwrap(from, from_context, wrapped))?;
        Ok((self.wrap(to, to_context, &opened.plaintext)?, opened.key_id))
    }

    /// Answers the AWS SDK over HTTP, in the JSON protocol of KMS, until the returned server is dropped.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn serve(&self) -> anyhow::Result<KmsServer> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/", post(http)).with_state(self.clone());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await });
        Ok(KmsServer { url, _task: task })
    }
}

fn bound_to(context: &BTreeMap<String, String>) -> String {
    json!(context).to_string()
}

fn answer(
    fault: Option<Fault>,
    key_id: &str,
    plaintext: impl FnOnce() -> Result<Vec<u8>, Failure>,
) -> Result<Opened, Failure> {
    let mut opened = Opened {
        plaintext: Vec::new(),
        key_id: key_id.to_owned(),
    };
    match fault {
        None => opened.plaintext = plaintext()?,
        Some(Fault::ShortKey) => opened.plaintext = vec![7; 16],
        Some(Fault::OtherKey) => {
            opened.plaintext = plaintext()?;
            "arn:aws:kms:eu-central-1:999999999999:key/ffffffff-0000-4000-8000-000000000002"
                .clone_into(&mut opened.key_id);
        }
        Some(fault @ (Fault::Throttled | Fault::Down | Fault::Denied | Fault::Disabled)) => {
            return Err(Failure::Injected(fault));
        }
    }
    Ok(opened)
}

/// The fake behind an address.
#[derive(Debug)]
pub struct KmsServer {
    url: String,
    _task: JoinSet<std::io::Result<()>>,
}

impl KmsServer {
    /// The address, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn owned(context: &EncryptionContext) -> BTreeMap<String, String> {
    context
        .pairs()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl From<Failure> for KeyError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Injected(fault @ (Fault::Throttled | Fault::Down)) => {
                Self::Unavailable(format!("{fault:?}").into())
            }
            Failure::Injected(fault) => Self::Denied(format!("{fault:?}").into()),
            Failure::NotFound => Self::Denied("NotFoundException".into()),
            Failure::InvalidCiphertext => Self::Mismatch,
        }
    }
}

#[async_trait]
impl KeyService for FakeKms {
    async fn generate(&self, context: &EncryptionContext) -> Result<DataKey, KeyError> {
        let (opened, wrapped) = self.generate(self.current, &owned(context))?;
        Ok(DataKey {
            plaintext: PlainKey::new(opened.plaintext)?,
            wrapped,
            key_id: opened.key_id,
        })
    }

    async fn decrypt(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<PlainKey, KeyError> {
        PlainKey::new(self.decrypt(wrapped, key_id, &owned(context))?.plaintext)
    }

    async fn rewrap(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<Rewrapped, KeyError> {
        let context = owned(context);
        let (wrapped, key_id) = self.re_encrypt(wrapped, (key_id, &context), (self.current, &context))?;
        Ok(Rewrapped { wrapped, key_id })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    #[serde(default)]
    key_id: String,
    #[serde(default)]
    key_spec: Option<String>,
    #[serde(default)]
    ciphertext_blob: Option<String>,
    #[serde(default)]
    encryption_context: BTreeMap<String, String>,
    #[serde(default)]
    source_key_id: String,
    #[serde(default)]
    source_encryption_context: BTreeMap<String, String>,
    #[serde(default)]
    destination_key_id: String,
    #[serde(default)]
    destination_encryption_context: BTreeMap<String, String>,
}

async fn http(State(kms): State<FakeKms>, headers: HeaderMap, body: String) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let Ok(body) = serde_json::from_str::<Body>(&body) else {
        return error(StatusCode::BAD_REQUEST, "ValidationException");
    };
    let context = &body.encryption_context;
    let wrapped = BASE64_STANDARD
        .decode(body.ciphertext_blob.unwrap_or_default())
        .unwrap_or_default();
    let outcome = match (target, body.key_spec.as_deref()) {
        ("TrentService.GenerateDataKey", Some("AES_256")) => {
            kms.generate(&body.key_id, context).map(|(opened, wrapped)| {
                json!({
                    "CiphertextBlob": BASE64_STANDARD.encode(wrapped),
                    "Plaintext": BASE64_STANDARD.encode(&opened.plaintext),
                    "KeyId": opened.key_id,
                })
            })
        }
        ("TrentService.Decrypt", None) => kms.decrypt(&wrapped, &body.key_id, context).map(|opened| {
            json!({
                "Plaintext": BASE64_STANDARD.encode(&opened.plaintext),
                "KeyId": opened.key_id,
                "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            })
        }),
        ("TrentService.ReEncrypt", None) => {
            let from = (body.source_key_id.as_str(), &body.source_encryption_context);
            let to = (
                body.destination_key_id.as_str(),
                &body.destination_encryption_context,
            );
            kms.re_encrypt(&wrapped, from, to).map(|(wrapped, key_id)| {
                json!({
                    "CiphertextBlob": BASE64_STANDARD.encode(wrapped),
                    "SourceKeyId": body.source_key_id,
                    "KeyId": key_id,
                    "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                    "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                })
            })
        }
        _ => return error(StatusCode::BAD_REQUEST, "UnknownOperationException"),
    };
    match outcome {
        Ok(answer) => Json(answer).into_response(),
        Err(Failure::InvalidCiphertext) => error(StatusCode::BAD_REQUEST, "InvalidCiphertextException"),
        Err(Failure::NotFound) => error(StatusCode::BAD_REQUEST, "NotFoundException"),
        Err(Failure::Injected(fault)) => match fault {
            Fault::Throttled => error(StatusCode::BAD_REQUEST, "ThrottlingException"),
            Fault::Down => error(StatusCode::INTERNAL_SERVER_ERROR, "KMSInternalException"),
            Fault::Disabled => error(StatusCode::BAD_REQUEST, "DisabledException"),
            Fault::Denied | Fault::ShortKey | Fault::OtherKey => {
                error(StatusCode::BAD_REQUEST, "AccessDeniedException")
            }
        },
    }
}

fn error(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "__type": code, "message": "injected" }))).into_response()
}
