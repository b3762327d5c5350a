//! Credentials open where they were sealed, and nowhere else.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    aws::Patience,
    clock::{FixedClock, SharedClock, Timestamp},
    connector::ConnectorKind,
    id::Ids,
    secret::{
        kms::{DataKey, EncryptionContext, KeyError, KeyService, Kms, PlainKey, Rewrapped},
        vault::{CredentialScope, Sealed, Vault, VaultError},
    },
};
use tests::{
    kms::{FakeKms, Fault, KEY_ARN, KmsServer},
    lines::Lines,
    local::sdk,
};
use uuid::Uuid;

const TOKEN: &str = "a-token-that-nobody-may-see";

#[derive(Debug, Deserialize)]
struct Credentials {
    bot_token: SecretString,
}

#[derive(Serialize)]
struct Plain<'a> {
    bot_token: &'a str,
}

struct World {
    kms: FakeKms,
    clock: FixedClock,
    ids: Ids,
    vault: Vault,
}

impl World {
    fn new() -> Self {
        let kms = FakeKms::new();
        let clock = FixedClock::at(Timestamp::UNIX_EPOCH);
        Self {
            vault: Vault::new(Arc::new(kms.clone()), "production", Arc::new(clock.clone())),
            kms,
            clock,
            ids: Ids::seeded(1),
        }
    }

    /// Another process on the same key: nothing in its memory yet.
    fn restart(&self, environment: &str) -> Vault {
        Vault::new(
            Arc::new(self.kms.clone()),
            environment,
            Arc::new(self.clock.clone()),
        )
    }

    fn scope(&self) -> CredentialScope {
        CredentialScope {
            organization: self.ids.organization(),
            connector: ConnectorKind::Slack,
            integration: self.ids.integration(),
        }
    }

    async fn seal(&self, scope: &CredentialScope) -> Sealed {
        self.vault
            .seal(scope, &Plain { bot_token: TOKEN })
            .await
            .expect("sealed")
    }

    async fn open(&self, scope: &CredentialScope, sealed: &Sealed) -> Result<String, VaultError> {
        open(&self.vault, scope, sealed).await
    }
}

async fn open(vault: &Vault, scope: &CredentialScope, sealed: &Sealed) -> Result<String, VaultError> {
    let credentials: Credentials = vault.open(scope, sealed, "test").await?;
    Ok(credentials.bot_token.expose_secret().to_owned())
}

fn is_tampered<T>(outcome: &Result<T, VaultError>) -> bool {
    matches!(outcome, Err(VaultError::Tampered))
}

#[tokio::test]
async fn what_was_sealed_opens_in_its_place_in_this_process_and_the_next() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    assert_eq!(world.open(&scope, &sealed).await.expect("opened"), TOKEN);
    assert_eq!(
        open(&world.restart("production"), &scope, &sealed)
            .await
            .expect("opened"),
        TOKEN
    );
}

#[tokio::test]
async fn kms_is_told_the_deployment_the_tenant_the_connection_and_the_format() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    world.open(&scope, &sealed).await.expect("opened");
    let calls = world.kms.calls();
    assert_eq!(calls.len(), 2);
    for call in calls {
        assert_eq!(
            json!(call.context),
            json!({
                "application": "infragpt",
                "environment": "production",
                "organization": scope.organization.uuid(),
                "connector": "slack",
                "integration": scope.integration.uuid(),
                "version": "1",
            })
        );
    }
}

#[tokio::test]
async fn a_row_that_is_copied_to_another_tenant_or_connection_does_not_open_even_with_its_key_in_memory() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    world
        .open(&scope, &sealed)
        .await
        .expect("its key is in memory now");

    let stranger = world.scope();
    let other_tenant = CredentialScope {
        organization: stranger.organization,
        ..scope
    };
    let other_connection = CredentialScope {
        integration: stranger.integration,
        ..scope
    };
    for elsewhere in [stranger, other_tenant, other_connection] {
        assert!(is_tampered(&world.open(&elsewhere, &sealed).await));
        assert!(is_tampered(
            &open(&world.restart("production"), &elsewhere, &sealed).await
        ));
    }
}

#[tokio::test]
async fn a_row_of_one_deployment_does_not_open_in_another_on_the_same_key() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    let staging = world.restart("staging");
    assert!(is_tampered(&open(&staging, &scope, &sealed).await));
}

#[tokio::test]
async fn a_row_with_the_wrapped_key_of_another_row_does_not_open() {
    let world = World::new();
    let (first, second) = (world.scope(), world.scope());
    let (sealed, other) = (world.seal(&first).await, world.seal(&second).await);
    let again = world.seal(&first).await;
    for swapped in [
        Sealed {
            wrapped_key: other.wrapped_key,
            ..sealed.clone()
        },
        // The key of an earlier credential of the same connection unwraps, but is not this ciphertext's.
        Sealed {
            wrapped_key: again.wrapped_key,
            ..sealed.clone()
        },
    ] {
        assert!(is_tampered(&world.open(&first, &swapped).await));
    }
    assert_eq!(world.open(&first, &sealed).await.expect("untouched"), TOKEN);
}

#[tokio::test]
async fn a_row_whose_version_was_changed_does_not_open() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    world
        .open(&scope, &sealed)
        .await
        .expect("its key is in memory now");
    for version in [0, 2, -1] {
        let changed = Sealed {
            version,
            ..sealed.clone()
        };
        assert!(is_tampered(&world.open(&scope, &changed).await), "{version}");
    }
}

#[tokio::test]
async fn no_bit_of_a_row_can_be_flipped() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    world
        .open(&scope, &sealed)
        .await
        .expect("its key is in memory now");

    let flip = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for bit in 0..sealed.ciphertext.len() * 8 {
        let changed = Sealed {
            ciphertext: flip(&sealed.ciphertext, bit),
            ..sealed.clone()
        };
        assert!(
            is_tampered(&world.open(&scope, &changed).await),
            "ciphertext, bit {bit}"
        );
    }
    for bit in 0..96 {
        let changed = Sealed {
            nonce: flip(&sealed.nonce, bit).try_into().expect("as long as before"),
            ..sealed.clone()
        };
        assert!(
            is_tampered(&world.open(&scope, &changed).await),
            "nonce, bit {bit}"
        );
    }
    for bit in 0..sealed.wrapped_key.len() * 8 {
        let changed = Sealed {
            wrapped_key: flip(&sealed.wrapped_key, bit),
            ..sealed.clone()
        };
        assert!(
            is_tampered(&world.open(&scope, &changed).await),
            "wrapped key, bit {bit}"
        );
    }
}

#[tokio::test]
async fn a_row_that_was_cut_off_does_not_open() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    for length in 0..sealed.ciphertext.len() {
        let cut = Sealed {
            ciphertext: sealed.ciphertext[..length].to_vec(),
            ..sealed.clone()
        };
        assert!(is_tampered(&world.open(&scope, &cut).await), "{length} bytes");
    }
    let no_key = Sealed {
        wrapped_key: Vec::new(),
        ..sealed
    };
    assert!(is_tampered(&world.open(&scope, &no_key).await));
}

#[tokio::test]
async fn the_same_credential_sealed_twice_shares_no_key_nonce_or_ciphertext() {
    let world = World::new();
    let scope = world.scope();
    let (one, two) = (world.seal(&scope).await, world.seal(&scope).await);
    assert_ne!(one.wrapped_key, two.wrapped_key);
    assert_ne!(one.nonce, two.nonce);
    assert_ne!(one.ciphertext, two.ciphertext);
}

/// A key service with one key, for a row that was written long ago.
#[derive(Debug)]
struct OldKey;

#[async_trait::async_trait]
impl KeyService for OldKey {
    async fn generate(&self, _: &EncryptionContext) -> Result<DataKey, KeyError> {
        Err(KeyError::Protocol("only opens"))
    }

    async fn decrypt(&self, _: &[u8], _: &str, _: &EncryptionContext) -> Result<PlainKey, KeyError> {
        PlainKey::new((0..32).collect())
    }

    async fn rewrap(&self, _: &[u8], _: &str, _: &EncryptionContext) -> Result<Rewrapped, KeyError> {
        Err(KeyError::Protocol("only opens"))
    }
}

/// Sealed by OpenSSL's AES-256-GCM, not by this code: key 00…1f, nonce 0b × 12, and as additional data the six names
/// and values of the context, each behind its length.
#[tokio::test]
async fn a_row_that_another_implementation_of_the_format_sealed_opens() {
    let vault = Vault::new(
        Arc::new(OldKey),
        "production",
        Arc::new(FixedClock::at(Timestamp::UNIX_EPOCH)),
    );
    let scope = CredentialScope {
        organization: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001).into(),
        connector: ConnectorKind::Slack,
        integration: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0002).into(),
    };
    let sealed = Sealed {
        ciphertext: hex::decode(
            "d3ac70cefb33f9c6b0ac759d9f6ab4b5db9e6377206e8c7ddb6acd01e7c9b983b1592f0935ef30be2d750e314334ec82953816f028e8858928d9f4",
        )
        .expect("hex"),
        nonce: [0x0b; 12],
        wrapped_key: b"wrapped".to_vec(),
        key_id: KEY_ARN.to_owned(),
        version: 1,
    };
    assert_eq!(
        open(&vault, &scope, &sealed).await.expect("the format stays"),
        TOKEN
    );
}

#[tokio::test]
async fn a_key_stays_in_memory_for_five_minutes_and_a_hundred_uses() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    for _ in 0..100 {
        world.open(&scope, &sealed).await.expect("opened");
    }
    assert_eq!(world.kms.count("Decrypt"), 1);
    world.open(&scope, &sealed).await.expect("opened");
    assert_eq!(world.kms.count("Decrypt"), 2, "after a hundred uses");

    world.clock.advance(Duration::from_secs(299));
    world.open(&scope, &sealed).await.expect("opened");
    assert_eq!(world.kms.count("Decrypt"), 2, "just before five minutes");
    world.clock.advance(Duration::from_secs(1));
    world.open(&scope, &sealed).await.expect("opened");
    assert_eq!(world.kms.count("Decrypt"), 3, "after five minutes");
}

#[tokio::test]
async fn no_more_than_256_keys_are_in_memory() {
    let world = World::new();
    let mut rows = Vec::new();
    for _ in 0..257 {
        let scope = world.scope();
        let sealed = world.seal(&scope).await;
        rows.push((scope, sealed));
    }
    for (scope, sealed) in &rows {
        world.open(scope, sealed).await.expect("opened");
    }
    assert_eq!(world.kms.count("Decrypt"), 257);
    for (scope, sealed) in &rows[1..] {
        world.open(scope, sealed).await.expect("opened");
    }
    assert_eq!(world.kms.count("Decrypt"), 257, "the last 256 are in memory");
    let (scope, sealed) = &rows[0];
    world.open(scope, sealed).await.expect("opened");
    assert_eq!(world.kms.count("Decrypt"), 258, "the first one is not");
}

#[tokio::test]
async fn a_failure_is_not_remembered_and_a_key_in_memory_outlives_an_outage() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;

    world.kms.fail_next(1, Fault::Throttled);
    let error = world.open(&scope, &sealed).await.expect_err("throttled");
    assert!(error.is_outage(), "{error}");
    world.kms.fail_next(1, Fault::Denied);
    let error = world.open(&scope, &sealed).await.expect_err("denied");
    assert!(matches!(error, VaultError::Key(KeyError::Denied(_))) && !error.is_outage());
    world.open(&scope, &sealed).await.expect("nothing was remembered");

    world.kms.fail(Fault::Down);
    world.open(&scope, &sealed).await.expect("the key is in memory");
    let error = world
        .vault
        .seal(&scope, &Plain { bot_token: TOKEN })
        .await
        .expect_err("a new key is needed");
    assert!(error.is_outage(), "{error}");
    world.clock.advance(Duration::from_mins(5));
    assert!(
        world
            .open(&scope, &sealed)
            .await
            .expect_err("too old")
            .is_outage()
    );
    world.kms.recover();
    world.open(&scope, &sealed).await.expect("opened");
}

#[tokio::test]
async fn a_ciphertext_that_does_not_open_leaves_no_key_in_memory() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    let changed = Sealed {
        nonce: [0; 12],
        ..sealed.clone()
    };
    for asked in 1..=2 {
        assert!(is_tampered(&world.open(&scope, &changed).await));
        assert_eq!(world.kms.count("Decrypt"), asked);
    }
}

#[tokio::test]
async fn every_opening_is_logged_once_with_who_and_what_for_and_nothing_shows_the_credential() {
    let log = Lines::default();
    let _guard = log.listen("trace");

    let world = World::new();
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    let opened: Credentials = world
        .vault
        .open(&scope, &sealed, "answer a question")
        .await
        .expect("opened");
    world
        .open(&world.scope(), &sealed)
        .await
        .expect_err("another place");

    let lines = log.read();
    let openings: Vec<_> = lines
        .iter()
        .filter(|line| line["message"] == "credentials opened")
        .collect();
    assert_eq!(openings.len(), 1, "{lines:#?}");
    let line = openings[0];
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["organization.id"], scope.organization.to_string());
    assert_eq!(line["connector.kind"], "slack");
    assert_eq!(line["integration.id"], scope.integration.to_string());
    assert_eq!(line["purpose"], "answer a question");

    // What would give the credential away: itself, its data key, and the ciphertext in any usual spelling.
    let shown = format!("{} {:?} {sealed:?} {opened:?}", log.whole(), world.vault);
    for secret in [
        TOKEN.to_owned(),
        hex::encode(&sealed.ciphertext),
        BASE64_STANDARD.encode(&sealed.ciphertext),
        format!("{:?}", sealed.ciphertext),
        format!("{:?}", sealed.wrapped_key),
    ] {
        assert!(!shown.contains(&secret), "{shown}");
    }
}

#[tokio::test]
async fn a_credential_of_another_form_is_an_error_that_does_not_quote_it() {
    let world = World::new();
    let scope = world.scope();
    let sealed = world.vault.seal(&scope, TOKEN).await.expect("sealed");
    let error = world
        .open(&scope, &sealed)
        .await
        .expect_err("a string is no struct");
    assert!(matches!(error, VaultError::Encoding));
    assert!(!format!("{error} {error:?}").contains(TOKEN));
}

/// The SDK's client against the fake over HTTP, with so many attempts a call.
async fn kms_over_http(kms: &FakeKms, attempts: u32, key: &str) -> (KmsServer, Kms) {
    let server = kms.serve().await.expect("a port");
    let patience = Patience {
        attempts,
        ..Patience::BEHIND_A_QUEUE
    };
    let config = sdk(server.url(), patience).expect("no CA bundle is named");
    (server, Kms::new(&config, key).expect("an arn"))
}

fn clock() -> SharedClock {
    Arc::new(FixedClock::at(Timestamp::UNIX_EPOCH))
}

#[tokio::test]
async fn the_sdks_client_seals_and_opens_and_names_the_key_both_times() {
    let world = World::new();
    let (_server, kms) = kms_over_http(&world.kms, 1, KEY_ARN).await;
    let vault = Vault::new(Arc::new(kms), "production", clock());
    let scope = world.scope();
    let sealed = vault
        .seal(&scope, &Plain { bot_token: TOKEN })
        .await
        .expect("sealed");
    assert_eq!(sealed.key_id, KEY_ARN);
    assert_eq!(open(&vault, &scope, &sealed).await.expect("opened"), TOKEN);
    assert!(
        world
            .kms
            .calls()
            .iter()
            .all(|call| call.key_id == KEY_ARN && call.context.len() == 6)
    );
    assert!(is_tampered(&open(&vault, &world.scope(), &sealed).await));
}

#[tokio::test]
async fn a_row_that_names_another_kms_key_is_refused_before_kms_is_asked() {
    let world = World::new();
    let (_server, kms) = kms_over_http(&world.kms, 1, KEY_ARN).await;
    let vault = Vault::new(Arc::new(kms), "production", clock());
    let scope = world.scope();
    let sealed = Sealed {
        key_id: "arn:aws:kms:eu-central-1:999999999999:key/of-an-attacker".to_owned(),
        ..world.seal(&scope).await
    };
    assert!(is_tampered(&open(&vault, &scope, &sealed).await));
    assert_eq!(world.kms.count("Decrypt"), 0);
}

#[tokio::test]
async fn an_answer_that_used_another_kms_key_or_a_short_data_key_is_not_taken() {
    let world = World::new();
    let (_server, kms) = kms_over_http(&world.kms, 1, KEY_ARN).await;
    let vault = Vault::new(Arc::new(kms), "production", clock());
    let scope = world.scope();
    let sealed = world.seal(&scope).await;

    world.kms.fail_next(1, Fault::OtherKey);
    assert!(is_tampered(&open(&vault, &scope, &sealed).await));
    for fault in [Fault::OtherKey, Fault::ShortKey] {
        world.kms.fail_next(1, fault);
        let outcome = vault.seal(&scope, &Plain { bot_token: TOKEN }).await;
        assert!(
            matches!(outcome, Err(VaultError::Key(KeyError::Protocol(_)))),
            "{outcome:?}"
        );
    }
    world.kms.fail_next(1, Fault::ShortKey);
    let outcome = open(&vault, &scope, &sealed).await;
    assert!(matches!(outcome, Err(VaultError::Key(KeyError::Protocol(_)))));
}

#[tokio::test]
async fn errors_of_kms_are_sorted_by_what_helps() {
    let world = World::new();
    let (server, kms) = kms_over_http(&world.kms, 1, KEY_ARN).await;
    let vault = Vault::new(Arc::new(kms), "production", clock());
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    for (fault, is_outage) in [
        (Fault::Throttled, true),
        (Fault::Down, true),
        (Fault::Denied, false),
        (Fault::Disabled, false),
    ] {
        world.kms.fail_next(2, fault);
        let opening = open(&vault, &scope, &sealed).await.expect_err("injected");
        let sealing = vault
            .seal(&scope, &Plain { bot_token: TOKEN })
            .await
            .expect_err("injected");
        for error in [opening, sealing] {
            assert_eq!(error.is_outage(), is_outage, "{fault:?}: {error:?}");
            assert!(matches!(error, VaultError::Key(_)));
        }
    }
    drop(server);
    let error = open(&vault, &scope, &sealed).await.expect_err("nobody listens");
    assert!(error.is_outage(), "{error:?}");
}

#[tokio::test]
async fn a_throttled_call_is_tried_again_by_the_client() {
    let world = World::new();
    let (_server, kms) = kms_over_http(&world.kms, 3, KEY_ARN).await;
    let vault = Vault::new(Arc::new(kms), "production", clock());
    let scope = world.scope();
    let sealed = world.seal(&scope).await;
    world.kms.fail_next(1, Fault::Throttled);
    assert_eq!(open(&vault, &scope, &sealed).await.expect("opened"), TOKEN);
    assert_eq!(world.kms.count("Decrypt"), 2);
}
