//! Data keys: made and unwrapped by AWS KMS, behind a trait so that tests need no AWS.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_kms::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::DataKeySpec,
};
use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

/// The length of a data key in bytes: AES-256.
pub const DATA_KEY_BYTES: usize = 32;

/// What a wrapped key is bound to. KMS unwraps it only for exactly these names and values, and writes them in clear
/// into `CloudTrail`, so no secret belongs here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EncryptionContext(BTreeMap<&'static str, String>);

impl EncryptionContext {
    /// A context of these names and values.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// Names and values, sorted by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// One sequence of bytes per context, never the same for two: sorted by name, and every name and value with its
    /// length (four bytes, big-endian) before it. Sealed credentials are bound to these bytes: they must never change.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        for (name, value) in self.pairs() {
            append(&mut bytes, name.as_bytes());
            append(&mut bytes, value.as_bytes());
        }
        bytes
    }
}

/// Appends a part with its length before it.
pub(super) fn append(bytes: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(part);
}

/// A data key in clear. Wiped from memory when the last holder lets go of it; never printed.
#[derive(Clone)]
pub struct PlainKey(Arc<SecretBox<[u8; DATA_KEY_BYTES]>>);

impl PlainKey {
    /// Takes a key as KMS answers it, and wipes where it came from.
    ///
    /// # Errors
    /// [`KeyError::Protocol`] unless there are exactly [`DATA_KEY_BYTES`] bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(bytes);
        if bytes.len() != DATA_KEY_BYTES {
            return Err(KeyError::Protocol("a data key has the wrong length"));
        }
        Ok(Self(Arc::new(SecretBox::init_with_mut(
            |key: &mut [u8; DATA_KEY_BYTES]| key.copy_from_slice(&bytes),
        ))))
    }

    /// The bytes, for a cipher.
    #[must_use]
    pub fn expose(&self) -> &[u8; DATA_KEY_BYTES] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey(…)")
    }
}

/// A new data key: in clear for use now, wrapped for keeping.
pub struct DataKey {
    /// In clear.
    pub plaintext: PlainKey,
    /// As only KMS can open it.
    pub wrapped: Vec<u8>,
    /// The KMS key that wrapped it, as KMS names it.
    pub key_id: String,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey")
            .field("plaintext", &self.plaintext)
            .field("wrapped_bytes", &self.wrapped.len())
            .field("key_id", &self.key_id)
            .finish()
    }
}

/// A data key that was wrapped anew.
#[derive(Clone, PartialEq, Eq)]
pub struct Rewrapped {
    /// As only KMS can open it.
    pub wrapped: Vec<u8>,
    /// The KMS key that wraps it now, as KMS names it.
    pub key_id: String,
}

impl fmt::Debug for Rewrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewrapped")
            .field("wrapped_bytes", &self.wrapped.len())
            .field("key_id", &self.key_id)
            .finish()
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// KMS throttles, is down or cannot be reached, after all attempts of the client. Later may help.
    #[error("the key service is not available")]
    Unavailable(#[source] BoxError),
    /// KMS will not do it for us: no permission, or the key is disabled or about to be deleted.
    #[error("the key service refused")]
    Denied(#[source] BoxError),
    /// The wrapped key does not belong to this context or to this KMS key, or was tampered with.
    #[error("the wrapped key does not belong here")]
    Mismatch,
    /// KMS answered something it should not.
    #[error("the key service answered nonsense: {0}")]
    Protocol(&'static str),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Whoever makes and unwraps data keys.
#[async_trait]
pub trait KeyService: Send + Sync + fmt::Debug {
    /// A new data key, wrapped for this context.
    ///
    /// # Errors
    /// Any [`KeyError`] but [`KeyError::Mismatch`].
    async fn generate(&self, context: &EncryptionContext) -> Result<DataKey, KeyError>;

    /// Unwraps a key that was wrapped by the KMS key `key_id` for exactly this context.
    ///
    /// # Errors
    /// [`KeyError::Mismatch`] when it was not; any other where KMS does not say.
    async fn decrypt(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<PlainKey, KeyError>;

    /// Wraps a key, which the KMS key `key_id` wrapped for exactly this context, anew with the KMS key that wraps new
    /// ones, for the same context. Nobody sees the key in clear.
    ///
    /// # Errors
    /// [`KeyError::Mismatch`] when it was not; any other where KMS does not say.
    async fn rewrap(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<Rewrapped, KeyError>;
}

/// AWS KMS, with one customer-managed key, and the one before it while credentials are moved from that one.
#[derive(Debug)]
pub struct Kms {
    client: Client,
    key_id: String,
    previous: Option<String>,
}

/// The configured KMS key is not named in a way that pins it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the KMS key must be named by its arn or key id; an alias can be pointed at another key")]
pub struct KeyNameError;

impl Kms {
    /// KMS with the key that wraps new data keys: its ARN or key id. Connects on the first call.
    ///
    /// # Errors
    /// [`KeyNameError`] for an alias.
    pub fn new(config: &SdkConfig, key_id: &str) -> Result<Self, KeyNameError> {
        Ok(Self {
            client: Client::new(config),
            key_id: pinned(key_id)?,
            previous: None,
        })
    }

    /// The same, which also opens what another key has wrapped, if one is named: the key that credentials are being
    /// moved from. It wraps nothing any more.
    ///
    /// # Errors
    /// [`KeyNameError`] for an alias.
    pub fn with_previous(self, key_id: Option<&str>) -> Result<Self, KeyNameError> {
        Ok(Self {
            previous: key_id.map(pinned).transpose()?,
            ..self
        })
    }

    /// The one of our keys that a row names, in our spelling. Whoever can write rows could otherwise put in a data key of
    /// their own, wrapped by a KMS key of their own.
    fn ours(&self, key_id: &str) -> Result<&str, KeyError> {
        let mut keys = [Some(&self.key_id), self.previous.as_ref()].into_iter().flatten();
        keys.find(|key| is_same_key(key, key_id))
            .map(String::as_str)
            .ok_or(KeyError::Mismatch)
    }
}

fn pinned(key_id: &str) -> Result<String, KeyNameError> {
    if key_id.starts_with("alias/") || key_id.contains(":alias/") {
        return Err(KeyNameError);
    }
    Ok(key_id.to_owned())
}

/// Whether two spellings, as an ARN or as a key id, name the same KMS key.
#[must_use]
pub fn is_same_key(one: &str, other: &str) -> bool {
    key_name(one) == key_name(other)
}

impl Kms {
    /// Asks whether the key is there and can be used.
    ///
    /// # Errors
    /// [`KeyError`]: KMS is away, or the key is gone, disabled or about to be deleted.
    pub async fn look(&self) -> Result<(), KeyError> {
        let answer = self.client.describe_key().key_id(&self.key_id).send().await;
        let is_enabled = answer
            .map_err(classify)?
            .key_metadata
            .is_some_and(|key| key.enabled);
        is_enabled
            .then_some(())
            .ok_or(KeyError::Protocol("the key is not enabled"))
    }
}

/// The part of a key's ARN that names the key; a plain key id is that already.
fn key_name(key_id: &str) -> &str {
    key_id.rsplit_once(":key/").map_or(key_id, |(_, name)| name)
}

#[async_trait]
impl KeyService for Kms {
    async fn generate(&self, context: &EncryptionContext) -> Result<DataKey, KeyError> {
        let mut call = self
            .client
            .generate_data_key()
            .key_id(&self.key_id)
            .key_spec(DataKeySpec::Aes256);
        for (name, value) in context.pairs() {
            call = call.encryption_context(name, value);
        }
        let output = call.send().await.map_err(classify)?;
        let plaintext = output
            .plaintext
            .ok_or(KeyError::Protocol("no data key in the answer"))
            .and_then(|key| PlainKey::new(key.into_inner()))?;
        let wrapped = output
            .ciphertext_blob
            .ok_or(KeyError::Protocol("no wrapped key in the answer"))?
            .into_inner();
        let key_id = output
            .key_id
            .ok_or(KeyError::Protocol("no key id in the answer"))?;
        if !is_same_key(&key_id, &self.key_id) {
            return Err(KeyError::Protocol("another key was used than the one asked for"));
        }
        Ok(DataKey {
            plaintext,
            wrapped,
            key_id,
        })
    }

    async fn decrypt(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<PlainKey, KeyError> {
        let key = self.ours(key_id)?;
        let mut call = self
            .client
            .decrypt()
            .ciphertext_blob(Blob::new(wrapped))
            .key_id(key);
        for (name, value) in context.pairs() {
            call = call.encryption_context(name, value);
        }
        let output = call.send().await.map_err(classify)?;
        if !output.key_id.is_some_and(|used| is_same_key(&used, key)) {
            return Err(KeyError::Mismatch);
        }
        output
            .plaintext
            .ok_or(KeyError::Protocol("no data key in the answer"))
            .and_then(|key| PlainKey::new(key.into_inner()))
    }

    async fn rewrap(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<Rewrapped, KeyError> {
        let from = self.ours(key_id)?;
        let mut call = self
            .client
            .re_encrypt()
            .ciphertext_blob(Blob::new(wrapped))
            .source_key_id(from)
            .destination_key_id(&self.key_id);
        for (name, value) in context.pairs() {
            call = call
                .source_encryption_context(name, value)
                .destination_encryption_context(name, value);
        }
        let output = call.send().await.map_err(classify)?;
        if !output.source_key_id.is_some_and(|used| is_same_key(&used, from)) {
            return Err(KeyError::Mismatch);
        }
        let key_id = output
            .key_id
            .filter(|used| is_same_key(used, &self.key_id))
            .ok_or(KeyError::Protocol("another key was used than the one asked for"))?;
        let wrapped = output
            .ciphertext_blob
            .ok_or(KeyError::Protocol("no wrapped key in the answer"))?
            .into_inner();
        Ok(Rewrapped { wrapped, key_id })
    }
}

/// Sorts an error of KMS. Codes as in the AWS KMS API reference, `Decrypt`, `GenerateDataKey`,
/// `ReEncrypt` and Common Errors.
fn classify<E>(error: SdkError<E, HttpResponse>) -> KeyError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let SdkError::ServiceError(answer) = &error else {
        // Not reached, timed out, or cut off in the middle of the answer.
        return KeyError::Unavailable(error.into());
    };
    match answer.err().code().unwrap_or_default() {
        "InvalidCiphertextException" | "IncorrectKeyException" => KeyError::Mismatch,
        "ThrottlingException" | "RequestLimitExceeded" | "LimitExceededException" => {
            KeyError::Unavailable(error.into())
        }
        _ if answer.raw().status().is_server_error() || answer.raw().status().as_u16() == 429 => {
            KeyError::Unavailable(error.into())
        }
        _ => KeyError::Denied(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_contexts_never_have_the_same_bytes() {
        let split = EncryptionContext::new([("a", "bc".to_owned()), ("d", String::new())]);
        let moved = EncryptionContext::new([("a", "b".to_owned()), ("cd", String::new())]);
        assert_ne!(split.canonical(), moved.canonical());
        assert_eq!(
            hex::encode(EncryptionContext::new([("b", "2".to_owned()), ("a", "1".to_owned())]).canonical()),
            "0000000161000000013100000001620000000132",
            "sorted by name, with lengths"
        );
    }

    #[test]
    fn a_key_of_the_wrong_length_is_refused() {
        for length in [0, 16, 31, 33] {
            assert!(
                matches!(PlainKey::new(vec![7; length]), Err(KeyError::Protocol(_))),
                "{length} bytes"
            );
        }
        assert_eq!(PlainKey::new(vec![7; 32]).expect("32 bytes").expose(), &[7; 32]);
    }

    #[test]
    fn an_arn_and_a_key_id_name_the_same_key_and_an_alias_names_none() {
        assert_eq!(
            key_name("arn:aws:kms:eu-central-1:111122223333:key/mrk-1"),
            "mrk-1"
        );
        assert_eq!(key_name("mrk-1"), "mrk-1");
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .build();
        for alias in [
            "alias/credentials",
            "arn:aws:kms:eu-central-1:111122223333:alias/credentials",
        ] {
            assert_eq!(Kms::new(&config, alias).err(), Some(KeyNameError));
            let kms = Kms::new(&config, "mrk-1").expect("a key id");
            assert_eq!(kms.with_previous(Some(alias)).err(), Some(KeyNameError));
        }
    }

    #[test]
    fn neither_kind_of_key_shows_itself() {
        let key = DataKey {
            plaintext: PlainKey::new(b"0123456789abcdef0123456789abcdef".to_vec()).expect("32 bytes"),
            wrapped: vec![1, 2, 3],
            key_id: "key".to_owned(),
        };
        assert_eq!(
            format!("{key:?}"),
            r#"DataKey { plaintext: PlainKey(…), wrapped_bytes: 3, key_id: "key" }"#
        );
    }

    #[test]
    fn a_key_is_wiped_when_its_last_holder_lets_go() {
        fn wiped_on_drop<T: zeroize::ZeroizeOnDrop + ?Sized>(_: &T) {}
        let key = PlainKey::new(vec![7; 32]).expect("32 bytes");
        wiped_on_drop(&*key.0);
        let memory = Arc::downgrade(&key.0);
        let other = key.clone();
        drop(key);
        assert!(memory.upgrade().is_some());
        drop(other);
        assert!(memory.upgrade().is_none());
    }
}
