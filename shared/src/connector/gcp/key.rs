//! The key of a service account, as Google writes it into a file.
//!
//! Whoever fills in such a file may have changed it. Libraries that take it as it is send what they sign to whatever
//! `token_uri` says, which makes them post to hosts inside our network, or give somebody else an assertion that is good at
//! Google. So the file is read here, field by field; no address in it is ever used; and what is kept is written anew,
//! from what was checked.
//! Source: <https://cloud.google.com/docs/authentication/client-libraries#external-credentials>.

use std::fmt;

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{KeyPair as _, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{clock::Timestamp, connector::contract::ConnectorError, json};

/// The only `token_uri` that a key may name.
pub(super) const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// The only universe that a key may be of: Google's own cloud, and none that somebody else runs.
const UNIVERSE: &str = "googleapis.com";

/// What a key that was filled in says of itself. Addresses beside these two are not even read.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type")]
    kind: Option<String>,
    project_id: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<SecretString>,
    client_email: Option<String>,
    client_id: Option<String>,
    token_uri: Option<String>,
    universe_domain: Option<String>,
}

/// What is kept of it.
#[derive(Serialize)]
struct Rewritten<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    project_id: &'a str,
    private_key_id: &'a str,
    private_key: &'a str,
    client_email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    token_uri: &'static str,
    universe_domain: &'static str,
}

/// Why a text is not a key that can be used. Repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    /// It is not JSON, or not an object with texts.
    #[error("is not the JSON file that Google gives for a key")]
    Unreadable,
    /// It is for something else than a service account.
    #[error(
        "is not the key of a service account: its type must be service_account, and neither that of a person nor that of \
         another identity provider"
    )]
    OtherKind,
    /// A field is missing, or is not of the form that Google gives it.
    #[error("has no {0} of the form that Google gives it")]
    Field(&'static str),
    /// It wants to be sent somewhere else.
    #[error("has a token_uri that is not {TOKEN_URI}; make a new key and change nothing in it")]
    TokenUri,
    /// It is of another cloud.
    #[error("has a universe_domain that is not {UNIVERSE}")]
    Universe,
    /// What signs is not what Google gives.
    #[error("has a private_key that is not an RSA key of at least 2048 bits in PEM")]
    PrivateKey,
}

/// A key that was checked. Nothing of it was asked of Google yet.
pub(super) struct ServiceAccountKey {
    /// The project that it was made in.
    pub(super) project_id: String,
    /// The account's name.
    pub(super) client_email: String,
    /// The key's name at Google.
    pub(super) private_key_id: String,
    client_id: Option<String>,
    /// PKCS#8 or PKCS#1 in PEM, written by us.
    private_key: SecretString,
    /// The public half, as a digest: two files with it hold the same private key, whatever they say beside.
    pub(super) fingerprint: [u8; 32],
}

impl fmt::Debug for ServiceAccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountKey")
            .field("project_id", &self.project_id)
            .finish_non_exhaustive()
    }
}

/// Whether a text is of a form, from its beginning to its end.
pub(super) fn is_of_form(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|whole| whole.is_match(text))
}

/// A field that must be of a form.
fn field(name: &'static str, pattern: &str, value: Option<String>) -> Result<String, KeyError> {
    value
        .filter(|value| value.len() <= 254 && is_of_form(pattern, value))
        .ok_or(KeyError::Field(name))
}

impl ServiceAccountKey {
    /// Reads a file that somebody filled in, or that was kept by an earlier release.
    ///
    /// # Errors
    /// [`KeyError`]
    pub(super) fn parse(text: &SecretString) -> Result<Self, KeyError> {
        let written: Written =
            json::read(text.expose_secret().trim().as_bytes()).map_err(|_| KeyError::Unreadable)?;
        if written.kind.as_deref() != Some("service_account") {
            return Err(KeyError::OtherKind);
        }
        if written.token_uri.is_some_and(|uri| uri != TOKEN_URI) {
            return Err(KeyError::TokenUri);
        }
        if written.universe_domain.is_some_and(|domain| domain != UNIVERSE) {
            return Err(KeyError::Universe);
        }
        // It becomes part of paths. Old projects are of a domain, as in `example.com:project`.
        let project = "([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]";
        let email = r"[a-z0-9.-]+@([a-z0-9-]+\.)+gserviceaccount\.com";
        let (private_key, fingerprint) = private_key(written.private_key.as_ref())?;
        Ok(Self {
            project_id: field("project_id", project, written.project_id)?,
            client_email: field("client_email", email, written.client_email)?,
            private_key_id: field("private_key_id", "[0-9A-Za-z]+", written.private_key_id)?,
            client_id: written.client_id.filter(|id| is_of_form("[0-9]{1,32}", id)),
            private_key,
            fingerprint,
        })
    }

    /// The key as a file again, with nothing in it that was not checked: for tools that open Google with it.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which is a defect.
    pub(super) fn to_json(&self) -> Result<SecretString, ConnectorError> {
        let file = Rewritten {
            kind: "service_account",
            project_id: &self.project_id,
            private_key_id: &self.private_key_id,
            private_key: self.private_key.expose_secret(),
            client_email: &self.client_email,
            client_id: self.client_id.as_deref(),
            token_uri: TOKEN_URI,
            universe_domain: UNIVERSE,
        };
        serde_json::to_string(&file)
            .map(SecretString::from)
            .map_err(|_| ConnectorError::Protocol {
                what: "a key that cannot be written".to_owned(),
            })
    }

    /// Says that it is the account who asks `audience` for a token: issued a minute ago because clocks differ, good for
    /// less than the hour that Google allows.
    /// Source: <https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests>.
    ///
    /// # Errors
    /// When the key does not sign, which it would not have been taken for.
    pub(super) fn assertion(
        &self,
        audience: &str,
        scope: &str,
        now: Timestamp,
    ) -> Result<SecretString, ConnectorError> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.private_key_id.clone());
        let seconds = now.timestamp();
        let claims = json!({
            "iss": self.client_email, "scope": scope, "aud": audience, "iat": seconds - 60, "exp": seconds + 9 * 60,
        });
        // No error is looked at: it may say something of the key.
        EncodingKey::from_rsa_pem(self.private_key.expose_secret().as_bytes())
            .and_then(|key| jsonwebtoken::encode(&header, &claims, &key))
            .map(SecretString::from)
            .map_err(|_| ConnectorError::Protocol {
                what: "a key that does not sign".to_owned(),
            })
    }
}

/// A private key that Google could have given: written anew, and the digest of its public half.
fn private_key(pem: Option<&SecretString>) -> Result<(SecretString, [u8; 32]), KeyError> {
    let pem = pem.ok_or(KeyError::PrivateKey)?;
    let der = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes());
    // aws-lc-rs takes RSA keys of 2048 to 8192 bits and no others.
    let (label, der, pair) = match &der {
        Ok(PrivateKeyDer::Pkcs8(der)) => {
            let der = der.secret_pkcs8_der();
            ("PRIVATE KEY", der, RsaKeyPair::from_pkcs8(der))
        }
        Ok(PrivateKeyDer::Pkcs1(der)) => {
            let der = der.secret_pkcs1_der();
            ("RSA PRIVATE KEY", der, RsaKeyPair::from_der(der))
        }
        _ => return Err(KeyError::PrivateKey),
    };
    let pair = pair.map_err(|_| KeyError::PrivateKey)?;
    let body = Zeroizing::new(STANDARD.encode(der));
    // Large enough from the beginning: what grows leaves copies behind.
    let mut pem = String::with_capacity(body.len() + body.len() / 64 + 100);
    pem.extend(["-----BEGIN ", label, "-----\n"]);
    for line in body.as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from).chain(['\n']));
    }
    pem.extend(["-----END ", label, "-----\n"]);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, pair.public_key().as_ref()).as_ref());
    Ok((SecretString::from(pem), fingerprint))
}
