//! A key service that keeps its master key in memory: wraps for real, bound to the encryption context, and fails on
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
use shared::secret::kms::{DATA_KEY_BYTES, DataKey, EncryptionContext, KeyError, KeyService, PlainKey};
use tokio::{net::TcpListener, task::JoinSet};

/// The ARN of the one key there is.
pub const KEY_ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000001";

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
    /// `GenerateDataKey` or `Decrypt`.
    pub operation: &'static str,
    /// The key that was named.
    pub key_id: String,
    /// The encryption context.
    pub context: BTreeMap<String, String>,
}

/// The key service. Clones share everything.
#[derive(Debug, Clone)]
pub struct FakeKms(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    master: RandomizedNonceKey,
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
    /// A key service with a new master key.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test cannot go on without")]
    pub fn new() -> Self {
        let mut master = [0; 32];
        rand::fill(&mut master).expect("randomness");
        Self(Arc::new(Inner {
            master: RandomizedNonceKey::new(&AES_256_GCM, &master).expect("32 bytes"),
            state: Mutex::default(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, Faults> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        let opened = answer(fault, || {
            let mut plaintext = vec![0; DATA_KEY_BYTES];
            rand::fill(&mut plaintext).map_err(|_| Failure::NotFound)?;
            Ok(plaintext)
        })?;
        if key_id != KEY_ARN {
            return Err(Failure::NotFound);
        }
        let mut wrapped = opened.plaintext.clone();
        let nonce = self
            .0
            .master
            .seal_in_place_append_tag(Aad::from(bound_to(context)), &mut wrapped)
            .map_err(|_| Failure::InvalidCiphertext)?;
        Ok((opened, [&nonce.as_ref()[..], &wrapped].concat()))
    }

    fn decrypt(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &BTreeMap<String, String>,
    ) -> Result<Opened, Failure> {
        let fault = self.note("Decrypt", key_id, context);
        answer(fault, || {
            if key_id != KEY_ARN {
                return Err(Failure::NotFound);
            }
            let (nonce, sealed) = wrapped
                .split_at_checked(NONCE_LEN)
                .ok_or(Failure::InvalidCiphertext)?;
            let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Failure::InvalidCiphertext)?;
            let mut sealed = sealed.to_vec();
            self.0
                .master
                .open_in_place(nonce, Aad::from(bound_to(context)), &mut sealed)
                .map(|plaintext| plaintext.to_vec())
                .map_err(|_| Failure::InvalidCiphertext)
        })
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
    plaintext: impl FnOnce() -> Result<Vec<u8>, Failure>,
) -> Result<Opened, Failure> {
    let mut opened = Opened {
        plaintext: Vec::new(),
        key_id: KEY_ARN.to_owned(),
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
        let (opened, wrapped) = self.generate(KEY_ARN, &owned(context))?;
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
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    key_id: String,
    #[serde(default)]
    key_spec: Option<String>,
    #[serde(default)]
    ciphertext_blob: Option<String>,
    #[serde(default)]
    encryption_context: BTreeMap<String, String>,
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
        ("TrentService.Decrypt", None) => {
            let wrapped = BASE64_STANDARD
                .decode(body.ciphertext_blob.unwrap_or_default())
                .unwrap_or_default();
            kms.decrypt(&wrapped, &body.key_id, context).map(|opened| {
                json!({
                    "Plaintext": BASE64_STANDARD.encode(&opened.plaintext),
                    "KeyId": opened.key_id,
                    "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
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
