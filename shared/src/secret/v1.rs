//! Credentials as the existing system seals them, for taking them over. Nothing is sealed like this here.
//!
//! AES-256-GCM under SHA-256 of a text that each deployment chose, bound to nothing: whoever could write rows could swap
//! them. Stored as base64 of nonce, ciphertext and tag; inside, a JSON object of texts.

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest::{SHA256, digest},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The one key id that the existing system writes.
pub const KEY_ID: &str = "v1";

/// What the existing system uses where nobody has chosen anything. It stands in its source, for everybody to read.
const PUBLIC_SALT: &str = "default-salt-for-development-only";

/// What an operator says about the salt that everybody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicSalt {
    /// It was not used.
    Refused,
    /// It was used, because nobody had chosen another one.
    Used,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SaltError {
    /// There is no salt.
    #[error("there is no salt: it is what the existing system has as ENCRYPTION_SALT")]
    Missing,
    /// Everybody knows it.
    #[error(
        "the salt is the public default of the existing system: whoever has seen its database can read what was sealed \
         with it; this has to be asked for by name"
    )]
    Public,
    /// The public salt was asked for, and there is one of its own.
    #[error("the public default was asked for, and there is another salt: only one of them can be right")]
    Ambiguous,
}

/// Why a credential does not open. What stands in it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum V1Error {
    /// It is not of the form that it should have.
    #[error("it is not base64 of a nonce, a ciphertext and a tag")]
    Form,
    /// It was sealed with another salt, or altered.
    #[error("it was sealed with another salt, or altered")]
    Tampered,
    /// What is in it is not an object of texts.
    #[error("what is in it is not an object of texts")]
    Encoding,
}

/// What opens the credentials of one deployment of the existing system.
pub struct V1Key(RandomizedNonceKey);

impl fmt::Debug for V1Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("V1Key(…)")
    }
}

impl V1Key {
    /// The key of a deployment, made of its `ENCRYPTION_SALT`, byte by byte: the existing system did not trim it.
    ///
    /// # Errors
    /// [`SaltError`] for a salt that is none, and for the public one that nobody has asked for.
    pub fn of_salt(salt: Option<&SecretString>, public: PublicSalt) -> Result<Self, SaltError> {
        // It took a blank variable for one that is not set.
        let salt = salt
            .map(ExposeSecret::expose_secret)
            .filter(|salt| !salt.is_empty());
        let salt = match (salt, public) {
            (None, PublicSalt::Refused) => return Err(SaltError::Missing),
            (Some(PUBLIC_SALT), PublicSalt::Refused) => return Err(SaltError::Public),
            (None | Some(PUBLIC_SALT), PublicSalt::Used) => PUBLIC_SALT,
            (Some(_), PublicSalt::Used) => return Err(SaltError::Ambiguous),
            (Some(salt), PublicSalt::Refused) => salt,
        };
        let key = digest(&SHA256, salt.as_bytes());
        // A digest has the 32 bytes that the key needs.
        RandomizedNonceKey::new(&AES_256_GCM, key.as_ref())
            .map(Self)
            .map_err(|_| SaltError::Missing)
    }

    /// Opens a credential: texts by name.
    ///
    /// # Errors
    /// [`V1Error`].
    pub fn open(&self, stored: &str) -> Result<BTreeMap<String, SecretString>, V1Error> {
        let bytes = BASE64_STANDARD.decode(stored.trim()).map_err(|_| V1Error::Form)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or(V1Error::Form)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| V1Error::Form)?;
        let mut text = Zeroizing::new(sealed.to_vec());
        let text = self
            .0
            .open_in_place(nonce, Aad::empty(), &mut text)
            .map_err(|_| V1Error::Tampered)?;
        serde_json::from_slice(text).map_err(|_| V1Error::Encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sealed by OpenSSL through Node, not by this code.
    const SALT: &str = "a salt that some deployment made up";
    const STORED: &str = "AAECAwQFBgcICQoLzop/ipxjsXEHsDxoEyjP85MAVLTNVyt32rSG1rvWrvCGDrPyO1hm5BfcgZqYvNX6TYONUBMC2Wnb\
                          uDrmwmaeT2X06zTzMD3wQyIRw60huTAwEyvk9C+YD0hXa2P/0Oz/XutRjbY2qcbhVK5VpGcx7uow1RQag73n7o4i0JER\
                          3sb48/U/pyf4qWD1H53yoRXJxBq7Y8BF/jKzxPRPgtkjEfNE4K06";

    fn key(salt: &str) -> V1Key {
        V1Key::of_salt(Some(&salt.into()), PublicSalt::Refused).expect("a salt")
    }

    #[test]
    fn what_another_implementation_of_the_format_sealed_opens_with_its_salt_alone() {
        let texts = key(SALT).open(STORED).expect("it opens");
        assert_eq!(texts["bot_access_token"].expose_secret(), "xoxb-from-before");
        assert_eq!(texts["team_id"].expose_secret(), "T1");
        assert_eq!(texts.len(), 7);
        assert!(!format!("{texts:?}").contains("xoxb"));
        assert_eq!(key("another").open(STORED).err(), Some(V1Error::Tampered));
    }

    #[test]
    fn the_salt_that_everybody_knows_is_not_taken_without_being_asked_for() {
        assert_eq!(
            hex::encode(digest(&SHA256, PUBLIC_SALT.as_bytes()).as_ref()),
            "15e98bc5e8d649af47df7020fed56adf7b7d9eacea163cdada0c3dbc11c6c8f1"
        );
        let (public, blank, own) = (PUBLIC_SALT.into(), "".into(), SALT.into());
        for (salt, asked, error) in [
            (Some(&public), PublicSalt::Refused, Some(SaltError::Public)),
            (Some(&blank), PublicSalt::Refused, Some(SaltError::Missing)),
            (None, PublicSalt::Refused, Some(SaltError::Missing)),
            (Some(&own), PublicSalt::Used, Some(SaltError::Ambiguous)),
            (Some(&own), PublicSalt::Refused, None),
            (Some(&public), PublicSalt::Used, None),
            (Some(&blank), PublicSalt::Used, None),
            (None, PublicSalt::Used, None),
        ] {
            assert_eq!(V1Key::of_salt(salt, asked).err(), error, "{asked:?}");
        }
    }

    #[test]
    fn what_opens_and_is_no_object_of_texts_is_told_without_being_repeated() {
        let key = key(SALT);
        for text in ["", "null", "[]", r#"{"a": 1}"#, r#"{"a": {"b": "xoxb-nested"}}"#] {
            let mut sealed = text.as_bytes().to_vec();
            let nonce = key
                .0
                .seal_in_place_append_tag(Aad::empty(), &mut sealed)
                .expect("sealed");
            let stored = BASE64_STANDARD.encode([&nonce.as_ref()[..], &sealed].concat());
            let error = key.open(&stored).expect_err("it is not what it should be");
            assert_eq!(error, V1Error::Encoding);
            assert!(!format!("{error} {error:?}").contains("xoxb"));
        }
    }

    #[test]
    fn no_bit_can_be_flipped_and_nothing_cut_off() {
        let key = key(SALT);
        let bytes = BASE64_STANDARD.decode(STORED).expect("base64");
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                key.open(&BASE64_STANDARD.encode(altered)).err(),
                Some(V1Error::Tampered)
            );
        }
        for length in 0..bytes.len() {
            let error = key.open(&BASE64_STANDARD.encode(&bytes[..length])).err();
            assert!(
                matches!(error, Some(V1Error::Form | V1Error::Tampered)),
                "{length}"
            );
        }
        assert_eq!(key.open("not base64").err(), Some(V1Error::Form));
    }
}
