//! Secrets and what people say stay where they belong: whole runs with all that can go wrong, and a search for what
//! was planted in them.

use std::{
    fmt::Write as _,
    sync::{Arc, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::{
    agent::{Agent as _, GrpcAgent, Question},
    clock::Clock as _,
    config::Env,
    connector::{
        ConnectorKind,
        slack::{Place, SlackCredentials, api::SlackApi, fake::Trouble},
    },
    db::{Access, DatabaseSecret, Db},
    secret::{manager::SecretStore, vault::CredentialScope},
    task::Envelope,
    telemetry::Causes,
    webhook::{DoorConfig as _, Keyring, slack::Slack, svix::Clerk},
};
use tests::{
    agent::{AgentServer, Behaviour},
    door::{Sender as _, secret},
    gateway::{Answer, Call},
    kms::{Fault, KEY_ARN},
    lines::Lines,
    people::People,
    queue::Mood,
    stack::{Organization, Stack, raw_record, record},
};
use tonic::Code;

use crate::{clerk_webhook, slack_events::Door};

/// In the place of a word that somebody wrote; whatever shows a part of it shows enough to be found.
const QUESTION: &str = "heliotrope-question";
const ANSWER: &str = "vermilion-answer";
const REFUSAL: &str = "cerulean-refusal";
const PERSON: &str = "Marigold Quill";
const EMAIL: &str = "marigold.quill@planted.example";
const PRIVATE: &str = "viridian-private-metadata";
/// In the place of secrets.
const OLD_SECRET: &str = "previous-signing-secret-0001";
const VERIFICATION: &str = "outdated-verification-token-0002";
const PASSWORD: &str = "database-password-0003";

/// What must not be found, with its name.
#[derive(Clone)]
struct Planted(Vec<(&'static str, String)>);

impl Planted {
    fn new<const N: usize>(planted: [(&'static str, &str); N]) -> Self {
        Self(planted.map(|(name, value)| (name, value.to_owned())).to_vec())
    }

    /// The names of what stands in `text`: as it is, cut after its beginning, or in another notation.
    fn found_in(&self, text: &str) -> Vec<&'static str> {
        let forms = |value: &str| {
            let bytes = format!("{:?}", value.as_bytes());
            [
                value.chars().take(12.max(value.len() * 2 / 3)).collect(),
                hex::encode(value),
                BASE64_STANDARD.encode(value).trim_end_matches('=').to_owned(),
                bytes.trim_matches(['[', ']']).to_owned(),
            ]
        };
        self.0
            .iter()
            .filter(|(_, value)| forms(value).iter().any(|form| text.contains(form.as_str())))
            .map(|(name, _)| *name)
            .collect()
    }

    /// Nothing of it stands in `text`.
    #[track_caller]
    fn nowhere_in(&self, place: &str, text: &str) {
        assert!(!text.is_empty(), "{place}: there is nothing to search");
        for (line, found) in text.lines().map(|line| (line, self.found_in(line))) {
            assert!(found.is_empty(), "{place} shows {found:?}: {line}");
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }
}

fn said() -> Planted {
    Planted::new([
        ("a question", QUESTION),
        ("an answer", ANSWER),
        ("the agent's words", REFUSAL),
        ("a person's name", PERSON),
    ])
}

#[test]
fn what_is_planted_is_found_in_whatever_form_it_gets_out() {
    let planted = Planted::new([("the token", "xoxb-planted-0123456789")]);
    for text in [
        "the token is xoxb-planted-0123456789",
        "the token begins with xoxb-planted-01",
        "786f78622d706c616e7465642d30313233343536373839",
        r#"{"authorization":"eG94Yi1wbGFudGVkLTAxMjM0NTY3ODk="}"#,
        "SealedBytes([120, 111, 120, 98, 45, 112, 108, 97, 110, 116, 101, 100, 45, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57])",
    ] {
        assert_eq!(planted.found_in(text), ["the token"], "{text}");
    }
    assert!(planted.found_in("xoxb-[redacted]").is_empty());
}

#[test]
#[should_panic(expected = "the log shows [\"the token\"]")]
fn a_line_that_tells_a_secret_is_caught() {
    let lines = Lines::default();
    {
        let _guard = lines.listen("info");
        let _span = tracing::info_span!("test.leak", token = "xoxb-planted-0123456789").entered();
        tracing::info!("harmless");
    }
    Planted::new([("the token", "xoxb-planted-0123456789")]).nowhere_in("the log", &lines.whole());
}

fn written(metrics: &std::sync::Mutex<Vec<u8>>) -> String {
    let bytes = metrics.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(bytes).expect("text")
}

/// The mention as Slack sends it, with something planted wherever a person or Slack could put it.
fn mention() -> Vec<u8> {
    Door::changed(
        "app_mention",
        &[
            ("/token", json!(VERIFICATION)),
            ("/event/text", json!(format!("<@U0BOT> {QUESTION}"))),
            (
                "/event/attachments",
                json!([{"title": QUESTION, "text": QUESTION}]),
            ),
            (
                "/event/files",
                json!([{"id": "F1", "name": QUESTION, "preview": QUESTION, "mimetype": "text/plain"}]),
            ),
        ],
    )
}

#[tokio::test]
async fn the_door_tells_nothing_whatever_knocks() {
    let door = Door::new();
    let before = door.clock.now() - std::time::Duration::from_hours(1);
    door.secrets.put(Slack::SECRET_ARN, &secret(OLD_SECRET), before);
    door.secrets
        .put(Slack::SECRET_ARN, &secret(Slack::SECRET), before);
    let lines = Lines::default();
    let mut answers: Vec<Answer> = Vec::new();
    {
        let _guard = lines.listen("trace");
        for name in Door::fixtures() {
            answers.push(door.send(&door.signed(Door::fixture(&name))).await);
        }
        for call in [
            door.signed(mention()),
            door.signed_with(OLD_SECRET, mention()),
            door.signed_with("somebody else's", mention()),
            door.signed(mention()).without("x-slack-signature"),
            door.signed(mention()).with("x-slack-signature", QUESTION),
            door.signed(mention()).with("x-slack-request-timestamp", QUESTION),
            door.signed(mention())
                .without("content-type")
                .with("content-type", QUESTION),
            door.signed(QUESTION),
            door.signed([&mention()[..], QUESTION.as_bytes()].concat()),
            door.signed(Door::changed("app_mention", &[("/api_app_id", json!(QUESTION))])),
            door.signed(Door::changed(
                "app_mention",
                &[("/event/channel", json!({QUESTION: QUESTION}))],
            )),
            door.signed(Door::changed("app_mention", &[("/event/ts", json!(QUESTION))])),
        ] {
            answers.push(door.send(&call).await);
        }
        for mood in [Mood::Down, Mood::Hanging] {
            door.queue.be(mood);
            answers.push(door.send(&door.signed(mention())).await);
        }
        // What somebody may paste where the signing secret belongs; and no secret at all.
        for content in [
            Slack::SECRET.to_owned(),
            format!("\"{}\"", Slack::SECRET),
            json!({"secret": Slack::SECRET}).to_string(),
            json!({"signing_secret": [Slack::SECRET]}).to_string(),
        ] {
            let door = Door::new();
            door.secrets.put(Slack::SECRET_ARN, &content, door.clock.now());
            answers.push(door.send(&door.signed(mention())).await);
        }
        let away = Door::new();
        away.secrets.set_down(true);
        answers.push(away.send(&away.signed(mention())).await);
    }

    let statuses: std::collections::BTreeSet<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(
        statuses.into_iter().collect::<Vec<_>>(),
        [200, 400, 401, 403, 415, 503]
    );
    let secrets = Planted::new([
        ("the signing secret", Slack::SECRET),
        ("the previous signing secret", OLD_SECRET),
        ("the verification token", VERIFICATION),
    ]);
    let everything = said()
        .0
        .into_iter()
        .fold(secrets.clone(), |all, (name, value)| all.with(name, &value));
    everything.nowhere_in("the log", &lines.whole());
    everything.nowhere_in("a metric", &written(&door.metrics));
    for answer in &answers {
        everything.nowhere_in("an answer", &format!("{answer:?}"));
    }
    let queued = door.queue.recorded();
    assert!(
        queued.iter().any(|one| one.body.contains(QUESTION)),
        "the question travels"
    );
    for one in queued {
        secrets.nowhere_in("the queue", &format!("{one:?}"));
    }
    assert!(lines.read().len() > answers.len(), "hardly anything was logged");
}

/// A person as Clerk tells of them, with something planted wherever they or the team could put it.
fn person() -> Vec<u8> {
    let email = json!([{"id": "idn_1", "email_address": EMAIL}]);
    clerk_webhook::Door::changed(
        "user.updated",
        &[
            ("/data/first_name", json!(PERSON)),
            ("/data/last_name", json!(PERSON)),
            ("/data/email_addresses", email),
            ("/data/primary_email_address_id", json!("idn_1")),
            ("/data/private_metadata", json!({PRIVATE: PRIVATE})),
            ("/data/phone_numbers", json!([{"phone_number": PRIVATE}])),
            ("/event_attributes/http_request/user_agent", json!(PRIVATE)),
        ],
    )
}

#[tokio::test]
async fn the_door_for_clerk_tells_nothing_whatever_knocks() {
    use clerk_webhook::Door;
    let door = Door::new();
    let before = door.clock.now() - std::time::Duration::from_hours(1);
    door.secrets
        .put(Clerk::SECRET_ARN, &secret(Clerk::OTHER_SECRET), before);
    door.secrets
        .put(Clerk::SECRET_ARN, &secret(Clerk::SECRET), before);
    let odd = |pointer: &str| Door::changed("user.updated", &[(pointer, json!({PERSON: EMAIL}))]);
    let lines = Lines::default();
    let mut answers: Vec<Answer> = Vec::new();
    {
        let _guard = lines.listen("trace");
        for name in Door::fixtures() {
            answers.push(door.send(&door.signed(Door::fixture(&name))).await);
        }
        for call in [
            door.signed(person()),
            door.signed_with(Clerk::OTHER_SECRET, person()),
            door.signed_with("somebody else's", person()),
            door.signed(person()).without("svix-signature"),
            door.signed(person()).with("svix-signature", PERSON),
            door.signed(person()).instead("svix-timestamp", PERSON),
            door.signed(person()).instead("svix-id", PERSON),
            door.signed(person()).instead("content-type", PERSON),
            door.signed(PERSON),
            door.signed([&person()[..], PERSON.as_bytes()].concat()),
            door.signed(Door::changed("user.updated", &[("/instance_id", json!(PRIVATE))])),
            door.signed(odd("/data/id")),
            door.signed(odd("/data/email_addresses")),
            door.signed(odd("/data/updated_at")),
            door.signed(odd("/type")),
        ] {
            answers.push(door.send(&call).await);
        }
        for mood in [Mood::Down, Mood::Hanging] {
            door.queue.be(mood);
            answers.push(door.send(&door.signed(person())).await);
        }
        // What somebody may paste where the signing secret belongs; and no secret at all.
        for content in [
            Clerk::SECRET.to_owned(),
            json!({"secret": Clerk::SECRET}).to_string(),
            json!({"signing_secret": [Clerk::SECRET]}).to_string(),
            json!({"signing_secret": format!("{}!", Clerk::SECRET)}).to_string(),
        ] {
            let door = Door::new();
            door.secrets.put(Clerk::SECRET_ARN, &content, door.clock.now());
            answers.push(door.send(&door.signed(person())).await);
        }
        let away = Door::new();
        away.secrets.set_down(true);
        answers.push(away.send(&away.signed(person())).await);
    }

    let statuses: std::collections::BTreeSet<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(
        statuses.into_iter().collect::<Vec<_>>(),
        [200, 400, 401, 403, 415, 503]
    );
    let secrets = Planted::new([
        ("the signing secret", &Clerk::SECRET[6..]),
        ("the previous signing secret", &Clerk::OTHER_SECRET[6..]),
        ("what is nobody's business", PRIVATE),
    ]);
    let everything = secrets
        .clone()
        .with("a person's name", PERSON)
        .with("a person's address", EMAIL);
    everything.nowhere_in("the log", &lines.whole());
    everything.nowhere_in("a metric", &written(&door.metrics));
    for answer in &answers {
        everything.nowhere_in("an answer", &format!("{answer:?}"));
    }
    let queued = door.queue.recorded();
    assert!(
        queued.iter().any(|one| one.body.contains(EMAIL)),
        "the address travels"
    );
    for one in queued {
        secrets.nowhere_in("the queue", &format!("{one:?}"));
    }
    assert!(lines.read().len() > answers.len(), "hardly anything was logged");
}

/// People who sign in, everything that they may ask, and all that can go wrong: no line tells who they are, and none
/// holds what would let somebody else in as them.
#[tokio::test]
async fn the_api_and_the_processor_tell_nobody_who_somebody_is() {
    const EMAIL: &str = "marigold.quill@periwinkle.example";
    let people = People::start().await.expect("a world");
    let lines = Lines::default();
    let mut tokens = Vec::new();
    let mut answers = Vec::new();
    {
        let _guard = lines.listen("trace");
        let ada = people.founder("acme");
        let grace = people.joiner("grace", &ada);
        people.clerk.change_email(&grace.id, EMAIL);
        people.clerk.update_user(&grace.id, PERSON, "Marigoldson");
        people.me(&grace).await;
        people.webhooks_come().await;
        let organization = people.me(&ada).await["id"].clone();
        let told = json!({
            "organization_id": organization, "company_size": QUESTION, "team_size": "1-5", "use_cases": [QUESTION],
            "observability_stack": [],
        });
        for person in [&ada, &grace] {
            for (path, body) in [
                ("/identity/me/", json!({"clerk_user_id": QUESTION})),
                ("/identity/members/", json!({"query": PERSON})),
                ("/identity/members/", json!({"query": EMAIL, "cursor": QUESTION})),
                ("/identity/audit/", json!({"actor": QUESTION})),
                ("/identity/organization/set-metadata/", told.clone()),
                ("/identity/nothing", json!({})),
            ] {
                answers.push(people.post(person, path, &body).await);
            }
            let token = people.token(person);
            let forged = format!("{}x", &token[..token.len() - 4]);
            for token in [&token, &forged] {
                let cookie = format!("__session={token}");
                let call = Call::post("/identity/me/", "{}");
                answers.push(people.send(&call.clone().with("cookie", &cookie)).await);
                let same = call.with("cookie", &cookie).with("sec-fetch-site", "same-origin");
                answers.push(people.send(&same).await);
            }
            tokens.extend([token, forged]);
        }
        // Postgres quotes the values of a row that it refuses.
        let client = people.database.superuser().await.expect("a connection");
        client
            .batch_execute(
                "ALTER TABLE users ADD CONSTRAINT nobody CHECK (first_name <> 'Marigold Quill') NOT VALID",
            )
            .await
            .expect("a constraint");
        people.clerk.change_email(&grace.id, &format!("{EMAIL}.example"));
        let event = people.clerk.drain().pop().expect("an event");
        let envelope = people.envelope(&event).expect("a change");
        assert_eq!(
            people
                .process(vec![record("1", 1, &envelope)])
                .await
                .returned
                .len(),
            1
        );
        people.issuer.set_down(true);
        people.advance(std::time::Duration::from_hours(30));
        answers.push(people.post(&grace, "/identity/me/", &json!({})).await);
        tokens.push(people.token(&grace));
    }

    let log = lines.whole();
    assert!(
        log.contains("somebody calls") && log.contains("a task will be tried again"),
        "{log}"
    );
    let mut planted = Planted::new([
        ("a question", QUESTION),
        ("a person's name", PERSON),
        ("a family name", "Marigoldson"),
        ("an address", EMAIL),
    ]);
    for token in &tokens {
        planted = planted.with("a session token", token);
        let (_, signature) = token.rsplit_once('.').expect("three parts");
        planted = planted.with("a signature", signature);
    }
    planted.nowhere_in("the log", &log);
    planted.nowhere_in("the metrics", &written(&people.metrics));
    // Those who are told of a colleague are told by the list of members, and by nothing else.
    for answer in answers
        .iter()
        .filter(|answer| !answer.body.contains("next_cursor"))
    {
        planted.nowhere_in("an answer", &answer.body);
    }
}

/// Somebody asks, and the first event of it is on the queue, with a trace.
fn asked(stack: &Stack, organization: &Organization, number: u32) -> Envelope {
    let text = organization.mention(&format!("{QUESTION} {number}"));
    let ts = organization.workspace.say("C1", "U1", &text, None);
    let mut envelope = stack
        .envelopes(&organization.workspace, "C1", &ts)
        .into_iter()
        .next()
        .expect("an event");
    envelope.traceparent = Some(format!(
        "00-4bf92f3577b34da6a3ce929d{number:08x}-00f067aa0ba902b7-01"
    ));
    envelope
}

#[tokio::test]
async fn the_dispatcher_tells_nothing_whatever_goes_wrong() {
    let stack = Stack::start().await.expect("a stack");
    let lines = Lines::default();
    let guard = lines.listen("trace");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let other = stack.organization("globex", "T2").await.expect("another");
    acme.workspace.user("U1", PERSON);
    stack.agent.always(Behaviour::Answer(format!("It is {ANSWER}.")));
    let mut numbers = 1..;
    let mut turns = 0;
    let mut run = async |stack: &Stack, organization: &Organization, attempt: u32| {
        let envelope = asked(stack, organization, numbers.next().expect("a number"));
        let dispatcher = stack.dispatcher().expect("a process");
        turns += 1;
        let handled = stack
            .handle(&dispatcher, vec![record("r", attempt, &envelope)])
            .await;
        handled.returned.is_empty()
    };

    assert!(run(&stack, &acme, 1).await, "a mention is answered");
    for behaviour in [
        Behaviour::Refuse(format!("{REFUSAL}: {} said {QUESTION}", acme.token)),
        Behaviour::Empty,
        Behaviour::Fail(Code::Internal),
        Behaviour::Fail(Code::Unavailable),
        Behaviour::DropConnections,
    ] {
        stack.agent.next(behaviour);
        run(&stack, &acme, 1).await;
    }
    for fault in [
        Fault::Denied,
        Fault::Throttled,
        Fault::Disabled,
        Fault::ShortKey,
        Fault::OtherKey,
    ] {
        stack.kms.fail(fault);
        assert!(
            !run(&stack, &acme, 1).await || fault != Fault::Throttled,
            "{fault:?}"
        );
        stack.kms.recover();
    }
    for method in [
        "chat.postMessage",
        "reactions.add",
        "reactions.remove",
        "users.info",
    ] {
        for trouble in [
            Trouble::Malformed,
            Trouble::Status(500),
            Trouble::Status(403),
            Trouble::Code("internal_error"),
            Trouble::FailAfterEffect,
        ] {
            stack.slack.trouble(method, 1, &trouble);
            run(&stack, &acme, 1).await;
            stack.slack.no_more_trouble();
        }
    }
    stack.database.goes_away().await.expect("it goes");
    assert!(
        !run(&stack, &acme, 1).await,
        "nothing is answered without the database"
    );
    stack.database.comes_back().await.expect("it comes back");
    stack
        .move_credentials(acme.integration, other.integration)
        .await
        .expect("an intruder");
    run(&stack, &other, 1).await;
    acme.workspace.archive("C1");
    run(&stack, &acme, 1).await;
    let dispatcher = stack.dispatcher().expect("a process");
    for body in [
        format!("{QUESTION} {}", acme.token),
        json!({"task": QUESTION, "token": acme.token}).to_string(),
    ] {
        stack
            .handle(&dispatcher, vec![raw_record("poison", 1, "g", body)])
            .await;
    }
    drop(guard);

    assert_eq!(turns, 34);
    assert!(lines.read().len() > turns, "hardly anything was logged");
    nothing_got_out(&stack, &lines, &acme, &other).await;
}

async fn nothing_got_out(stack: &Stack, lines: &Lines, acme: &Organization, other: &Organization) {
    let secrets = Planted::new([
        ("acme's token", &acme.token),
        ("globex's token", &other.token),
        (
            "the database's password",
            stack.database.application().password.expose_secret(),
        ),
    ]);
    let everything = said()
        .0
        .into_iter()
        .fold(secrets.clone(), |all, (name, value)| all.with(name, &value));
    everything.nowhere_in("the log", &lines.whole());
    everything.nowhere_in("a metric", &written(&stack.metrics));
    everything.nowhere_in("a dead letter's reason", &format!("{:?}", stack.inbox.buried()));

    // What people read holds the answer, and nothing that it should not.
    let posted = acme.workspace.transcript("C1", None);
    assert!(posted.contains(ANSWER), "{posted}");
    secrets
        .clone()
        .with("the agent's words", REFUSAL)
        .nowhere_in("a thread", &posted);
    // What is kept holds the conversation, and no secret in the clear.
    let kept = rows(stack).await;
    assert!(
        kept.contains(ANSWER) && kept.contains("T1"),
        "the database was read"
    );
    secrets.nowhere_in("the database", &kept);
}

/// Every row of every table, as text.
async fn rows(stack: &Stack) -> String {
    let superuser = stack.database.superuser().await.expect("a connection");
    let tables = superuser
        .query(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
            &[],
        )
        .await
        .expect("the tables");
    let mut rows = String::new();
    for table in tables {
        let table: String = table.get(0);
        let found = superuser
            .query(&format!("SELECT t::text FROM \"{table}\" t"), &[])
            .await
            .expect("the rows");
        rows.extend(
            found
                .iter()
                .map(|row| format!("{table}: {}\n", row.get::<_, String>(0))),
        );
    }
    rows
}

#[tokio::test]
async fn every_line_of_a_turn_is_one_json_object_that_names_its_task_its_delivery_and_its_trace() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    for (number, behaviour) in [
        (1, Behaviour::Answer(ANSWER.to_owned())),
        (2, Behaviour::Refuse(REFUSAL.to_owned())),
        (3, Behaviour::Fail(Code::Unavailable)),
    ] {
        stack.agent.next(behaviour.clone());
        let envelope = asked(&stack, &acme, number);
        let dispatcher = stack.dispatcher().expect("a process");
        let lines = Lines::default();
        {
            let _guard = lines.listen("info");
            stack.handle(&dispatcher, vec![record("r", 1, &envelope)]).await;
        }
        let lines = lines.read();
        assert!(!lines.is_empty(), "{behaviour:?}");
        for line in lines {
            let spans = line["spans"].as_array().cloned().unwrap_or_default();
            let task = spans.iter().find(|span| span["name"] == "task.handle");
            let field = |name: &str| task.map_or(&Value::Null, |task| &task[name]);
            assert_eq!(*field("task.id"), envelope.id.to_string(), "{line}");
            assert_eq!(*field("delivery.id"), envelope.delivery.to_string(), "{line}");
            assert_eq!(
                *field("trace_id"),
                format!("4bf92f3577b34da6a3ce929d{number:08x}"),
                "{line}"
            );
        }
    }
}

/// An error with its causes, as a log line has them and as a panic would show them.
fn shown(error: &(dyn std::error::Error + 'static)) -> String {
    format!("{}\n{error:?}\n", Causes(error))
}

#[tokio::test]
async fn no_debug_output_of_what_holds_a_secret_shows_it() {
    let stack = Stack::start().await.expect("a stack");
    let acme = stack.organization("acme", "T1").await.expect("an organization");
    let door = Door::new();
    let store = SecretStore::from_source(door.secrets.clone());
    let keyring = Keyring::<Slack>::new(store.clone(), Slack::SECRET_ARN, Arc::new(door.clock.clone()));
    let keys = keyring.keys().await.expect("the signing secret");
    let login: DatabaseSecret = serde_json::from_value(json!({
        "username": "app", "password": PASSWORD, "host": "127.0.0.1", "port": 1, "dbname": "d", "sslmode": "disable",
    }))
    .expect("a login");
    let db = Db::new(&login, 1).expect("a way in");
    let dispatcher = stack.dispatcher().expect("a process");
    stack
        .handle(&dispatcher, vec![record("r", 1, &asked(&stack, &acme, 1))])
        .await;
    let token = acme.token.as_str().into();
    let credentials = SlackCredentials::lasting(acme.token.as_str().into());
    let scope = CredentialScope {
        organization: acme.id,
        connector: ConnectorKind::Slack,
        integration: acme.integration,
    };
    let vault = &dispatcher.answering.vault;
    let sealed = vault
        .seal(&scope, &credentials)
        .await
        .expect("sealed credentials");
    let mut env = Env::from_pairs([
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", PASSWORD),
        ("AWS_REGION", "eu-central-1"),
    ]);
    let aws = shared::aws::config(&mut env, shared::aws::Patience::BEHIND_A_QUEUE).expect("a configuration");

    let mut output = String::new();
    for value in [
        &keyring as &dyn std::fmt::Debug,
        &keys,
        &store,
        &login,
        &db,
        &Access::from(db.clone()),
        &dispatcher.answering,
        vault,
        &credentials,
        &sealed,
        &dispatcher.answering.slack,
        &aws,
        &SecretStore::new(&aws),
        &shared::secret::kms::Kms::new(&aws, KEY_ARN).expect("a key"),
        &slack_events::Config::read(&mut env),
        &agent_dispatcher::Config::read(&mut env),
        &migrator::run::Settings::read(&mut env),
    ] {
        writeln!(output, "{value:?}\n{value:#?}").expect("a string grows");
    }

    // Errors of all that handles them, each with its causes.
    output.push_str(&shown(&db.get().await.expect_err("nobody listens there")));
    door.secrets.put(
        "other",
        &json!({"password": [PASSWORD]}).to_string(),
        door.clock.now(),
    );
    let malformed = store.json::<DatabaseSecret>("other").await;
    output.push_str(&shown(&malformed.expect_err("that is no login")));
    let elsewhere = CredentialScope {
        organization: stack.ids.organization(),
        ..scope
    };
    let moved = vault.open::<SlackCredentials>(&elsewhere, &sealed, "test").await;
    output.push_str(&shown(&moved.expect_err("that is another tenant's")));
    let misread = vault.open::<Vec<String>>(&scope, &sealed, "test").await;
    output.push_str(&shown(&misread.expect_err("that is no list")));
    let place = Place {
        channel: "C1".to_owned(),
        thread_ts: None,
    };
    let client = SlackApi::new(&stack.slack.url()).expect("a client");
    for trouble in [Trouble::Malformed, Trouble::Status(500), Trouble::Status(403)] {
        stack.slack.trouble("conversations.history", 1, &trouble);
        let read = client.find_posted(&token, &place, "1.000001", "key").await;
        output.push_str(&shown(&read.expect_err("Slack is in trouble")));
    }
    for behaviour in [
        Behaviour::Refuse(format!("{REFUSAL} {}", acme.token)),
        Behaviour::Fail(Code::Internal),
    ] {
        output.push_str(&shown(&refusal(&stack.agent, behaviour, &stack).await));
    }

    Planted::new([
        ("the signing secret", Slack::SECRET),
        ("a password", PASSWORD),
        ("the token", &acme.token),
        ("the agent's words", REFUSAL),
        ("a question", QUESTION),
    ])
    .nowhere_in("Debug", &output);
}

#[tokio::test]
async fn no_debug_output_of_clerks_signing_secret_shows_it() {
    let door = clerk_webhook::Door::new();
    let store = SecretStore::from_source(door.secrets.clone());
    let clock = Arc::new(door.clock.clone());
    let keyring = Keyring::<Clerk>::new(store, Clerk::SECRET_ARN, clock);
    let keys = keyring.keys().await.expect("the signing secret");
    let encoded = &Clerk::SECRET[6..];
    let key = BASE64_STANDARD.decode(encoded).expect("base64");
    let planted = Planted::new([
        ("the signing secret", encoded),
        ("its key", &hex::encode(&key)),
        ("its key's bytes", format!("{key:?}").trim_matches(['[', ']'])),
    ]);
    planted.nowhere_in("Debug", &format!("{keyring:?} {keyring:#?} {keys:?} {keys:#?}"));
}

async fn refusal(agent: &AgentServer, behaviour: Behaviour, stack: &Stack) -> impl std::error::Error + use<> {
    agent.next(behaviour);
    let client = GrpcAgent::new(agent.url(), Arc::new(stack.clock.clone())).expect("a client");
    let question = Question {
        conversation: stack.ids.conversation(),
        message: stack.ids.message(),
        organization: stack.ids.organization(),
        text: QUESTION.to_owned(),
        history: Vec::new(),
        user_id: "U1".to_owned(),
        user_name: Some(PERSON.to_owned()),
        channel_id: "C1".to_owned(),
        channel_type: None,
        traceparent: None,
        request_id: "r1".to_owned(),
    };
    client
        .ask(question, std::time::Duration::from_secs(5))
        .await
        .expect_err("there is no answer")
}
