//! What CloudFormation gets to hear from the migrator, and what the database is like afterwards.

#![expect(
    clippy::disallowed_methods,
    reason = "no function: what is spawned ends with the test's runtime"
)]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::put,
};
use lambda_runtime::{Context, LambdaEvent};
use migrator::{App, Ready, respond::Responder, run::Settings, schema};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::{
    clock::Timestamp,
    config::Env,
    db::{DatabaseSecret, Db},
    id::Ids,
    secret::manager::{MemorySecrets, SecretSource as _, SecretStore, Stage},
};
use tests::database::Database;
use tokio::{net::TcpListener, sync::mpsc};

const ADMIN: &str = "arn:admin";
const APPLICATION: &str = "arn:application";

/// The place where CloudFormation waits for an answer.
struct CloudFormation {
    url: String,
    answers: mpsc::UnboundedReceiver<(HeaderMap, Value)>,
}

impl CloudFormation {
    /// One that turns away the first `busy` answers.
    async fn new(busy: usize) -> Self {
        let (sender, answers) = mpsc::unbounded_channel();
        let busy = Arc::new(std::sync::atomic::AtomicUsize::new(busy));
        let router = Router::new()
            .route("/answer", put(take))
            .with_state((sender, busy));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!(
            "http://{}/answer?signature=a%2Fb",
            listener.local_addr().expect("an address")
        );
        tokio::task::spawn(async move { axum::serve(listener, router).await });
        Self { url, answers }
    }

    fn event(&self, request_type: &str) -> Value {
        json!({
            "RequestType": request_type,
            "ResponseURL": self.url,
            "StackId": "arn:aws:cloudformation:eu-central-1:000000000000:stack/infragpt/1",
            "RequestId": "request-1",
            "LogicalResourceId": "Migrations",
            "ResourceType": "Custom::Migrations",
            "ResourceProperties": { "ServiceToken": "arn", "Version": "1" },
        })
    }

    /// The one answer that has come.
    fn answer(&mut self) -> Value {
        let (headers, answer) = self.answers.try_recv().expect("CloudFormation was answered");
        assert!(self.answers.try_recv().is_err(), "it was answered twice");
        assert!(
            !headers.contains_key("content-type"),
            "the address is signed for a request without one"
        );
        assert_eq!(answer["PhysicalResourceId"], "infragpt-Migrations");
        assert_eq!(
            (&answer["RequestId"], &answer["LogicalResourceId"]),
            (&json!("request-1"), &json!("Migrations"))
        );
        answer
    }

    fn success(&mut self) -> Value {
        let answer = self.answer();
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        answer["Data"].clone()
    }

    fn failure(&mut self) -> String {
        let answer = self.answer();
        assert_eq!(answer["Status"], "FAILED", "{answer}");
        answer["Reason"].as_str().expect("a reason").to_owned()
    }
}

type Desk = (
    mpsc::UnboundedSender<(HeaderMap, Value)>,
    Arc<std::sync::atomic::AtomicUsize>,
);

async fn take(State((answers, busy)): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    use std::sync::atomic::Ordering::SeqCst;
    if busy
        .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
        .is_ok()
    {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    assert!(body.len() <= 4096);
    answers
        .send((headers, serde_json::from_slice(&body).expect("JSON")))
        .expect("the test listens");
    StatusCode::OK
}

fn epoch() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

/// The secrets of a stack whose database is `database`: the application's names a role of its own.
fn secrets(database: &Database) -> (Arc<MemorySecrets>, String) {
    let secrets = MemorySecrets::new();
    let admin = database.administrator();
    let place = json!({
        "username": admin.username, "password": admin.password.expose_secret(), "host": admin.host,
        "port": admin.port.map(|port| port.to_string()), "dbname": admin.dbname, "sslmode": "disable",
    });
    secrets.put(ADMIN, &place.to_string(), epoch());
    let role = format!("app_{}", Ids::random().task().uuid().simple());
    let login = json!({ "username": role, "password": "it's \"quoted\" \\ ü", "comment": "kept" });
    secrets.put(APPLICATION, &login.to_string(), epoch());
    (secrets, role)
}

fn app(secrets: &Arc<MemorySecrets>) -> App {
    App {
        ready: Ok(Ready {
            settings: Settings {
                application_secret: APPLICATION.to_owned(),
                admin_secret: ADMIN.to_owned(),
                host: None,
                port: None,
                dbname: None,
            },
            secrets: SecretStore::from_source(secrets.clone()),
        }),
        responder: Responder::new().expect("TLS"),
    }
}

fn invocation(payload: Value, time: Duration) -> LambdaEvent<Value> {
    let deadline = SystemTime::now() + time;
    let mut context = Context::default();
    context.deadline = u64::try_from(
        deadline
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970")
            .as_millis(),
    )
    .expect("before the end of time");
    LambdaEvent::new(payload, context)
}

async fn invoke(app: &App, payload: Value) -> Value {
    migrator::handle(app, invocation(payload, Duration::from_mins(5)))
        .await
        .expect("it is answered")
}

async fn stored(secrets: &MemorySecrets, stage: Stage) -> Value {
    let version = secrets
        .read(APPLICATION, stage)
        .await
        .expect("it can be read")
        .expect("it is there");
    serde_json::from_str(version.value.expose_secret()).expect("JSON")
}

async fn can_log_in(secrets: &MemorySecrets) -> bool {
    let secret: DatabaseSecret =
        serde_json::from_value(stored(secrets, Stage::Current).await).expect("the secret is complete");
    Db::new(&secret, 1).expect("a pool").get().await.is_ok()
}

#[tokio::test]
async fn a_new_stack_gets_schema_role_and_a_secret_that_leads_to_them_and_an_update_changes_nothing() {
    let database = Database::empty().await.expect("a database");
    let (secrets, role) = secrets(&database);
    let app = app(&secrets);
    let mut cloudformation = CloudFormation::new(0).await;

    invoke(&app, cloudformation.event("Create")).await;
    let latest = schema::latest().to_string();
    assert_eq!(
        cloudformation.success(),
        json!({ "Version": latest, "Applied": latest })
    );
    let secret = stored(&secrets, Stage::Current).await;
    let admin = database.administrator();
    assert_eq!(
        secret,
        json!({
            "username": role, "password": "it's \"quoted\" \\ ü", "comment": "kept", "host": admin.host,
            "port": admin.port, "dbname": admin.dbname, "sslmode": "disable",
        })
    );
    assert!(can_log_in(&secrets).await);

    invoke(&app, cloudformation.event("Update")).await;
    assert_eq!(
        cloudformation.success(),
        json!({ "Version": latest, "Applied": "0" })
    );
    let previous = stored(&secrets, Stage::Previous).await;
    assert_eq!(previous.get("host"), None, "the secret was written once");
}

#[tokio::test]
async fn a_password_that_was_changed_in_the_secret_is_the_roles_after_the_next_run() {
    let database = Database::new().await.expect("a database");
    let (secrets, _) = secrets(&database);
    let app = app(&secrets);
    let mut cloudformation = CloudFormation::new(0).await;
    invoke(&app, cloudformation.event("Create")).await;
    cloudformation.success();

    let mut secret = stored(&secrets, Stage::Current).await;
    secret["password"] = json!("another");
    secrets.put(APPLICATION, &secret.to_string(), epoch());
    assert!(!can_log_in(&secrets).await);
    invoke(&app, cloudformation.event("Update")).await;
    cloudformation.success();
    assert!(can_log_in(&secrets).await);
}

#[tokio::test]
async fn two_at_once_wait_for_each_other() {
    let database = Database::empty().await.expect("a database");
    let (secrets, _) = secrets(&database);
    let (first, second) = (app(&secrets), app(&secrets));
    let (mut here, mut there) = (CloudFormation::new(0).await, CloudFormation::new(0).await);
    tokio::join!(
        invoke(&first, here.event("Create")),
        invoke(&second, there.event("Update"))
    );
    let applied: Vec<String> = [here.success(), there.success()]
        .iter()
        .map(|data| data["Applied"].as_str().expect("a number").to_owned())
        .collect();
    let latest = schema::latest().to_string();
    assert!(
        applied == [latest.as_str(), "0"] || applied == ["0", latest.as_str()],
        "{applied:?}"
    );
    assert!(can_log_in(&secrets).await);
}

#[tokio::test]
async fn what_is_missing_in_the_environment_is_told_to_cloudformation_by_name() {
    let app = App::read(Env::from_pairs([
        ("AWS_REGION", "eu-central-1"),
        ("DATABASE_PORT", "many"),
    ]))
    .expect("TLS");
    let mut cloudformation = CloudFormation::new(0).await;
    invoke(&app, cloudformation.event("Create")).await;
    let reason = cloudformation.failure();
    for name in [
        "DATABASE_SECRET_ARN",
        "DATABASE_ADMIN_SECRET_ARN",
        "AWS_SECRET_ACCESS_KEY",
        "DATABASE_PORT",
    ] {
        assert!(reason.contains(name), "{reason}");
    }
}

#[tokio::test]
async fn every_failure_is_told_with_its_reason_and_without_a_secret() {
    let database = Database::new().await.expect("a database");
    let mut cloudformation = CloudFormation::new(0).await;

    let (wrong, _) = secrets(&database);
    let admin = database.administrator();
    let login = json!({
        "username": "administrator", "password": "hunter2", "host": admin.host, "port": admin.port,
        "dbname": admin.dbname, "sslmode": "disable",
    });
    wrong.put(ADMIN, &login.to_string(), epoch());
    invoke(&app(&wrong), cloudformation.event("Create")).await;
    let reason = cloudformation.failure();
    assert!(
        reason.contains("as the administrator") && reason.contains("28P01"),
        "{reason}"
    );
    assert!(!reason.contains("hunter2"), "{reason}");

    wrong.put(
        ADMIN,
        r#"{"username": "administrator", "password": "hunter2"}"#,
        epoch(),
    );
    invoke(&app(&wrong), cloudformation.event("Create")).await;
    let reason = cloudformation.failure();
    assert!(reason.contains("DATABASE_HOST"), "{reason}");

    wrong.set_down(true);
    invoke(&app(&wrong), cloudformation.event("Create")).await;
    let reason = cloudformation.failure();
    assert!(reason.contains("Secrets Manager does not answer"), "{reason}");
}

#[tokio::test]
async fn a_role_that_row_level_security_would_not_bind_is_refused() {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    let mut cloudformation = CloudFormation::new(0).await;
    for (attributes, problem) in [
        ("BYPASSRLS", "bypasses row-level security"),
        ("IN ROLE administrator", "owns tables"),
    ] {
        let (secrets, role) = secrets(&database);
        client
            .batch_execute(&format!("CREATE ROLE {role} {attributes}"))
            .await
            .expect("a superuser may");
        invoke(&app(&secrets), cloudformation.event("Create")).await;
        let reason = cloudformation.failure();
        assert!(reason.contains(&role) && reason.contains(problem), "{reason}");
        assert_eq!(
            stored(&secrets, Stage::Current).await.get("host"),
            None,
            "the secret leads nowhere"
        );
    }
}

#[tokio::test]
async fn a_deletion_succeeds_whatever_is_broken_and_leaves_the_data() {
    let database = Database::new().await.expect("a database");
    database
        .organization("acme", epoch())
        .await
        .expect("an organization");
    let mut cloudformation = CloudFormation::new(0).await;
    let (secrets, _) = secrets(&database);
    invoke(&app(&secrets), cloudformation.event("Delete")).await;
    cloudformation.success();
    let client = database.superuser().await.expect("a connection");
    let left: i64 = client
        .query_one("SELECT count(*) FROM organizations", &[])
        .await
        .expect("it is there")
        .get(0);
    assert_eq!(left, 1);

    let broken = App::read(Env::from_pairs([("A", "b")])).expect("TLS");
    invoke(&broken, cloudformation.event("Delete")).await;
    cloudformation.success();
}

#[tokio::test]
async fn cloudformation_hears_of_it_when_the_time_is_not_enough() {
    let database = Database::new().await.expect("a database");
    let (secrets, _) = secrets(&database);
    let mut holder = Db::new(&database.administrator(), 1)
        .expect("a pool")
        .get()
        .await
        .expect("a connection");
    schema::lock(&mut holder).await.expect("another run is at work");
    let mut cloudformation = CloudFormation::new(0).await;
    let event = invocation(cloudformation.event("Update"), Duration::from_millis(8_500));
    migrator::handle(&app(&secrets), event)
        .await
        .expect("it is answered");
    let reason = cloudformation.failure();
    assert!(reason.contains("time was not enough"), "{reason}");
}

#[tokio::test]
async fn cloudformation_hears_of_it_when_the_code_breaks_down() {
    let database = Database::new().await.expect("a database");
    let (secrets, _) = secrets(&database);
    let client = database.superuser().await.expect("a connection");
    // The migration library cannot read such a time, and panics.
    client
        .batch_execute("UPDATE refinery_schema_history SET applied_on = 'once'")
        .await
        .expect("the history can be changed");
    let mut cloudformation = CloudFormation::new(0).await;
    invoke(&app(&secrets), cloudformation.event("Update")).await;
    let reason = cloudformation.failure();
    assert!(reason.contains("broke down"), "{reason}");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_at_once_is_sent_again_and_one_that_is_never_taken_is_an_error() {
    let app = App::read(Env::from_pairs([("A", "b")])).expect("TLS");
    let mut cloudformation = CloudFormation::new(2).await;
    invoke(&app, cloudformation.event("Delete")).await;
    cloudformation.success();

    let closed = CloudFormation::new(usize::MAX).await;
    let event = invocation(closed.event("Delete"), Duration::from_mins(5));
    let error = migrator::handle(&app, event)
        .await
        .expect_err("Lambda is to try again");
    assert!(error.to_string().contains("503"), "{error}");
}

#[tokio::test]
async fn an_operator_who_invokes_it_by_hand_gets_the_result_or_the_reason() {
    let database = Database::empty().await.expect("a database");
    let (secrets, _) = secrets(&database);
    let latest = schema::latest().to_string();
    assert_eq!(
        invoke(&app(&secrets), json!({})).await,
        json!({ "Version": latest, "Applied": latest })
    );

    let broken = App::read(Env::from_pairs([("A", "b")])).expect("TLS");
    let event = invocation(json!({}), Duration::from_mins(5));
    let error = migrator::handle(&broken, event)
        .await
        .expect_err("it cannot work");
    assert!(error.to_string().contains("DATABASE_SECRET_ARN"), "{error}");
}
