//! What every delivery pays for: `cargo bench --package tests`.
//!
//! Everything here is the code that runs on Lambda, without its network: a signature and a classification before the
//! queue, and behind it the credentials, the history and the pages of an answer.

#![expect(
    clippy::expect_used,
    reason = "a measurement that cannot be set up has failed"
)]

use std::{hint::black_box, sync::Arc, time::Duration};

use axum::{body::Bytes, http::HeaderMap};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::{
    auth::{
        Jwks, SessionVerifier,
        fake::{FakeIssuer, SignedIn},
    },
    clock::{FixedClock, Timestamp},
    connector::ConnectorKind,
    conversation::{answer, history},
    id::{Ids, TaskId},
    secret::vault::{CredentialScope, Sealed, Vault},
    task::Envelope,
    webhook::{
        Keys, Unverified,
        slack::{Slack, sign},
    },
};
use slack_events::{Verdict, classify};
use tests::kms::FakeKms;

const APP: &str = "A0PNCHHK2";
const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A mention as Slack sends it, with a text of about `words` words in both of its spellings.
fn mention(words: usize) -> Bytes {
    let said = "why is checkout slow ".repeat(words.div_ceil(4));
    let event = json!({
        "token": "XXYYZZ",
        "team_id": "T0001",
        "context_team_id": "T0001",
        "context_enterprise_id": null,
        "api_app_id": APP,
        "event": {
            "client_msg_id": "5b8e2f8c-0f7e-4f0d-9d2e-3f7f1b6c9a10",
            "type": "app_mention",
            "text": format!("<@U0BOT> {said}"),
            "user": "U061F7AUR",
            "ts": "1515449522.000016",
            "team": "T0001",
            "blocks": [{
                "type": "rich_text",
                "block_id": "Xj2",
                "elements": [{
                    "type": "rich_text_section",
                    "elements": [
                        { "type": "user", "user_id": "U0BOT" },
                        { "type": "text", "text": said },
                    ],
                }],
            }],
            "thread_ts": "1515449438.000011",
            "parent_user_id": "U061F7AUR",
            "channel": "C0LAN2Q65",
            "event_ts": "1515449522.000016",
        },
        "type": "event_callback",
        "event_id": "Ev0LAN670R",
        "event_time": 1_515_449_522,
        "authorizations": [{
            "enterprise_id": null,
            "team_id": "T0001",
            "user_id": "U0BOT",
            "is_bot": true,
            "is_enterprise_install": false,
        }],
        "is_ext_shared_channel": false,
        "event_context": "4-eyJldCI6ImFwcF9tZW50aW9uIn0",
    });
    Bytes::from(event.to_string())
}

fn signed(body: &Bytes) -> Unverified {
    let headers: HeaderMap = sign(SIGNING_SECRET, NOW, body)
        .into_iter()
        .map(|(name, value)| {
            (
                name.parse().expect("a header's name"),
                value.parse().expect("a header's value"),
            )
        })
        .collect();
    Unverified::new(headers, body.clone())
}

/// All that happens to a delivery before it is on the queue.
fn receive(delivery: &Unverified, keys: &Keys<Slack>, id: TaskId) -> String {
    let verified = delivery.verify::<Slack>(keys, NOW).expect("signed");
    match classify(verified.body(), APP, id, verified.received_at(), None).expect("readable") {
        Verdict::Put(put) => put.envelope.encode().expect("JSON"),
        other => panic!("{other:?}"),
    }
}

fn edge(c: &mut Criterion) {
    let mut group = c.benchmark_group("edge");
    let keys = Keys::new(&SecretString::from(SIGNING_SECRET)).expect("a secret");
    let id = Ids::seeded(1).task();
    for words in [40, 2_000] {
        let body = mention(words);
        let delivery = signed(&body);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_with_input(
            BenchmarkId::new("verify", body.len()),
            &delivery,
            |b, delivery| b.iter(|| black_box(delivery.verify::<Slack>(&keys, NOW).expect("signed"))),
        );
        group.bench_with_input(
            BenchmarkId::new("verify_classify_encode", body.len()),
            &delivery,
            |b, delivery| b.iter(|| black_box(receive(delivery, &keys, id))),
        );
        let envelope = receive(&delivery, &keys, id);
        group.throughput(Throughput::Bytes(envelope.len() as u64));
        group.bench_with_input(
            BenchmarkId::new("decode_envelope", envelope.len()),
            &envelope,
            |b, envelope| b.iter(|| black_box(serde_json::from_str::<Envelope>(envelope).expect("JSON"))),
        );
    }
    group.finish();
}

/// What every call of a web client pays for, once the keys are known.
fn session(c: &mut Criterion) {
    const APP: &str = "https://app.infragpt.example";
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let issuer = runtime.block_on(FakeIssuer::start()).expect("a free port");
    // No token is good before the beginning of time.
    let now = NOW + Duration::from_hours(1);
    let clock = Arc::new(FixedClock::at(now));
    let keys = Jwks::published(&issuer.jwks_url(), clock.clone()).expect("a loopback url");
    let verifier = SessionVerifier::new(issuer.url(), keys, vec![APP.to_owned()], clock);
    let who = SignedIn::new("user_2alice", "sess_2alice", APP).in_organization(
        "org_2acme",
        "acme",
        "org:oncall",
        &["org:teams:read", "org:infragpt:read", "org:infragpt:manage"],
    );
    let token = issuer.token(&who, now);
    let verify = || runtime.block_on(verifier.verify(&token)).expect("a good token");
    verify();

    let mut group = c.benchmark_group("session");
    group.throughput(Throughput::Bytes(token.len() as u64));
    group.bench_function("verify", |b| b.iter(|| black_box(verify())));
    group.finish();
    assert_eq!(issuer.fetches(), 1, "the keys were known");
}

fn vault(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let ids = Ids::seeded(1);
    let scope = CredentialScope {
        organization: ids.organization(),
        connector: ConnectorKind::Slack,
        integration: ids.integration(),
    };
    let kms = FakeKms::new();
    let new_vault = || Vault::new(Arc::new(kms.clone()), "production", Arc::new(FixedClock::at(NOW)));
    let vault = new_vault();
    let credentials = json!({ "bot_token": "x".repeat(60), "app_id": APP });
    let seal = || {
        runtime
            .block_on(vault.seal(&scope, &credentials))
            .expect("sealed")
    };
    let open = |vault: &Vault, sealed: &Sealed| {
        runtime
            .block_on(vault.open::<Value>(&scope, sealed, "measure"))
            .expect("opened")
    };
    let sealed = seal();

    let mut group = c.benchmark_group("vault");
    group.bench_function("seal", |b| b.iter(|| black_box(seal())));
    // Every hundredth opening asks the key service again, as it does on Lambda.
    group.bench_function("open", |b| b.iter(|| black_box(open(&vault, &sealed))));
    group.bench_function("open_with_a_new_key", |b| {
        b.iter_batched(
            new_vault,
            |vault| black_box(open(&vault, &sealed)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn conversation(c: &mut Criterion) {
    let mut group = c.benchmark_group("conversation");

    let history: Vec<String> = (0..200)
        .map(|turn| format!("turn {turn}: ") + &"the pods restart since the deploy ".repeat(20))
        .collect();
    for tokens in [4_000, 100_000] {
        group.bench_with_input(
            BenchmarkId::new("budget_of_200_messages", tokens),
            &tokens,
            |b, &tokens| {
                b.iter_batched(
                    || history.clone(),
                    |mut history| {
                        history::budget(&mut history, tokens, |text| text);
                        history
                    },
                    BatchSize::SmallInput,
                );
            },
        );
    }

    let section = "## Findings\n\nCheckout is slow since the deploy of *payments*; see \
        [the dashboard](https://grafana.example.com/d/checkout) and ask <@U061F7AUR>.\n\n\
        - p99 rose from 200 ms to 3 s\n- `payments-7c9` restarts\n\n```yaml\nreplicas: 1\nlimits:\n  memory: 64Mi\n```\n\n";
    for sections in [5, 200] {
        let markdown = section.repeat(sections);
        group.throughput(Throughput::Bytes(markdown.len() as u64));
        group.bench_with_input(
            BenchmarkId::new("pages_of_an_answer", markdown.len()),
            &markdown,
            |b, markdown| b.iter(|| black_box(answer::pages(markdown))),
        );
    }
    group.finish();
}

criterion_group! {
    name = hot_paths;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = edge, session, vault, conversation
}
criterion_main!(hot_paths);
