//! The record of who did what: it can be added to and read and never changed, it says nothing that did not happen, what
//! happens is in it, and it holds nobody's name, address or token.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use shared::{
    clock::Clock as _,
    connector::fake::Trouble,
    db::audit_events,
    id::{Ids, OrganizationId},
    task::{DeliveryKey, Envelope, SlackLifecycle, SlackLifecycleChange, Source, Task},
};
use tests::{
    database::Database,
    integrations::World,
    people::{ADDRESS, People, Person},
    stack::record,
};
use tokio_postgres::{Client, error::SqlState};
use uuid::Uuid;

use super::{answers, count, now, sealed};

const SET_METADATA: &str = "/identity/organization/set-metadata";

fn metadata(person: &Person) -> Value {
    json!({
        "organization_id": person.organization, "company_size": "small", "team_size": "1-5", "use_cases": [],
        "observability_stack": ["other"],
    })
}

/// Slack says that our app is gone from the workspace.
fn uninstalled(people: &People, team: &str) -> Envelope {
    Envelope {
        id: Ids::random().task(),
        delivery: DeliveryKey {
            source: Source::Slack,
            key: format!("uninstalled {team}"),
        },
        event_id: "Ev1".to_owned(),
        received_at: people.clock.now(),
        traceparent: None,
        task: Task::ApplySlackLifecycleV1(SlackLifecycle {
            change: SlackLifecycleChange::Uninstalled,
            team_id: Some(team.to_owned()),
            enterprise_id: None,
            event_time: people.clock.now(),
        }),
        raw: None,
    }
}

/// The next webhook of Clerk's that is used for anything.
fn told(people: &People) -> Envelope {
    people
        .clerk
        .drain()
        .iter()
        .find_map(|event| people.envelope(event))
        .expect("a webhook")
}

/// Whether the processor of events did what it was told.
async fn processed(people: &People, envelope: &Envelope) -> bool {
    let handled = people.process(vec![record("one", 1, envelope)]).await;
    assert!(people.inbox.buried().is_empty(), "it is to be tried again");
    handled.returned.is_empty()
}

/// The organization that a person works for, with a workspace.
async fn connected(people: &People, client: &Client, person: &Person, team: &str) -> OrganizationId {
    let id: Uuid = client
        .query_one(
            "SELECT organization_id FROM organizations WHERE clerk_org_id = $1",
            &[&person.organization],
        )
        .await
        .expect("it is mirrored")
        .get(0);
    people
        .database
        .connect_slack(id.into(), team, &sealed(team), people.clock.now())
        .await
        .expect("a workspace");
    id.into()
}

/// All that is kept, by table; but not how often somebody called, which counts what is refused too.
async fn everything(client: &Client) -> BTreeMap<String, String> {
    let tables = client
        .query(
            "SELECT relname::text FROM pg_class
              WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'rate_limits'",
            &[],
        )
        .await
        .expect("the catalogue can be read");
    let mut everything = BTreeMap::new();
    for table in tables {
        let table: String = table.get(0);
        let messages = client
            .simple_query(&format!("SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1"))
            .await
            .expect("it can be read");
        let rows: Vec<String> = answers(messages)
            .into_iter()
            .flatten()
            .flatten()
            .flatten()
            .collect();
        everything.insert(table, rows.join("\n"));
    }
    everything
}

/// Tries something while the record cannot take one kind of entry, and once more when it can.
async fn without_a_record(client: &Client, action: &str, attempt: impl AsyncFn() -> bool) {
    let before = everything(client).await;
    client
        .batch_execute(&format!(
            "ALTER TABLE audit_events ADD CONSTRAINT refused CHECK (action <> '{action}') NOT VALID"
        ))
        .await
        .expect("it is refused from now on");
    assert!(!attempt().await, "{action} is done without being recorded");
    assert_eq!(
        everything(client).await,
        before,
        "{action}: something stays of what was not recorded"
    );

    client
        .batch_execute("ALTER TABLE audit_events DROP CONSTRAINT refused")
        .await
        .expect("it is taken again");
    let recorded = format!("SELECT count(*) FROM audit_events WHERE action = '{action}'");
    let entries = count(client, &recorded).await;
    assert!(attempt().await, "{action} is not done though it is recorded");
    let after = everything(client).await;
    let changed = after
        .iter()
        .filter(|(table, rows)| before[*table] != **rows)
        .count();
    assert!(changed > 1, "{action} changes nothing but the record");
    assert_eq!(
        count(client, &recorded).await,
        entries + 1,
        "{action} is recorded once"
    );
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_happen() {
    let people = People::start().await.expect("a world");
    let client = people.database.superuser().await.expect("a connection");

    // Somebody calls before any webhook has come.
    let early = people.founder("early");
    without_a_record(&client, "member.provisioned", async || {
        let body = json!({});
        people.post(&early, "/identity/me/", &body).await.status == 200
    })
    .await;
    people.webhooks_come().await;

    let ada = people.founder("acme");
    let grace = people.joiner("grace", &ada);
    people.webhooks_come().await;
    without_a_record(&client, "organization.described", async || {
        people.post(&ada, SET_METADATA, &metadata(&ada)).await.status == 200
    })
    .await;

    connected(&people, &client, &ada, "T1").await;
    let envelope = uninstalled(&people, "T1");
    without_a_record(&client, "integration.ended", async || {
        processed(&people, &envelope).await
    })
    .await;

    connected(&people, &client, &ada, "T1").await;
    let organization = ada.organization.as_str();
    let clerk = &people.clerk;
    let changes: [(&str, &dyn Fn()); 5] = [
        ("member.updated", &|| {
            clerk.set_role(organization, &grace.id, "org:admin");
        }),
        ("organization.updated", &|| {
            clerk.update_organization(organization, "Acme Inc.", "inc");
        }),
        ("member.removed", &|| {
            clerk.remove_member(organization, &grace.id);
        }),
        // Its connection and credentials have gone by the time that this is written down.
        ("organization.deleted", &|| {
            clerk.delete_organization(organization);
        }),
        ("user.deleted", &|| {
            clerk.delete_user(&early.id);
        }),
    ];
    for (action, change) in changes {
        change();
        let envelope = told(&people);
        without_a_record(&client, action, async || processed(&people, &envelope).await).await;
    }
}

/// What is told of people and organizations: what must not be found in the record.
async fn private(client: &Client) -> BTreeSet<String> {
    let messages = client
        .simple_query(
            "SELECT email, first_name, last_name, image_url FROM users;
             SELECT name, slug FROM organizations",
        )
        .await
        .expect("the mirror can be read");
    answers(messages)
        .into_iter()
        .flatten()
        .flatten()
        .flatten()
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase())
        .collect()
}

/// The words for what is done that stand in the functions' sources.
fn actions_in_sources() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders: Vec<PathBuf> = vec![root.join("shared/src"), root.join("functions")];
    let mut actions = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the workspace") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a file");
                actions.extend(text.split(".entry(").skip(1).filter_map(action));
            }
        }
    }
    actions
}

/// The first text among the arguments of a call, if it is of the form `area.verb`.
fn action(arguments: &str) -> Option<String> {
    let (call, _) = arguments.split_once(';')?;
    let word = call.split('"').nth(1)?;
    let (area, verb) = word.split_once('.')?;
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    (is_word(area) && is_word(verb)).then(|| word.to_owned())
}

#[tokio::test]
async fn nobodys_name_address_or_token_is_in_the_record() {
    let world = World::start().await.expect("a world");
    let people = &world.people;
    let client = people.database.superuser().await.expect("a connection");
    let mut private_words = BTreeSet::new();

    let early = people.founder("quillon");
    people.me(&early).await;
    people.webhooks_come().await;
    let joiner = people.joiner("worthing", &early);
    let leaver = people.joiner("porthouse", &early);
    people.webhooks_come().await;
    private_words.extend(private(&client).await);
    let mut tokens = Vec::new();
    for (person, path) in [
        (&early, SET_METADATA),
        (&joiner, SET_METADATA),
        (&joiner, "/identity/audit"),
    ] {
        people.post(person, path, &metadata(&early)).await;
        tokens.push(people.token(person));
    }
    people.clerk.update_user(&joiner.id, "Wilhelmina", "Yttrium");
    people.clerk.change_email(&joiner.id, "wilhelmina@other.example");
    people
        .clerk
        .update_organization(&early.organization, "Quillon & Sons", "quillon-sons");
    people
        .clerk
        .set_role(&early.organization, &joiner.id, "org:admin");
    people.webhooks_come().await;
    connected(people, &client, &early, "T1").await;
    assert!(processed(people, &uninstalled(people, "T1")).await);
    let github = world.connect(&early, "github", 0).await;
    world.vendor("github").trouble(Some(Trouble::Fails));
    world.revoke(&early, &github["id"]).await;
    world
        .post(&early, "/integrations/alerts/settings", &json!({}))
        .await;
    private_words.extend(private(&client).await);
    people.clerk.remove_member(&early.organization, &leaver.id);
    people.clerk.delete_user(&joiner.id);
    people.clerk.delete_organization(&early.organization);
    people.webhooks_come().await;

    assert!(
        ["quillon@example.com", "yttrium", "quillon & sons", "worthing"]
            .iter()
            .all(|word| private_words.contains(*word)),
        "{private_words:?}"
    );
    // The parts of a token too: its header is the same in all, and its payload names a person.
    private_words.extend(
        tokens
            .iter()
            .flat_map(|token| token.split('.'))
            .map(str::to_lowercase),
    );
    let messages = client
        .simple_query("SELECT to_jsonb(e)::text FROM audit_events e")
        .await
        .expect("the record can be read");
    let record: Vec<String> = answers(messages)
        .into_iter()
        .flatten()
        .flatten()
        .flatten()
        .collect();
    for entry in &record {
        let found = entry.to_lowercase();
        let shown = private_words.iter().find(|word| found.contains(*word));
        assert_eq!(shown, None, "{entry}");
        // Nor is there anybody's whom this story does not know.
        assert!(!entry.contains('@') && !entry.contains("eyJ"), "{entry}");
    }
    // It is there for somebody to be found by what they did, from where.
    assert!(
        record
            .iter()
            .any(|entry| entry.contains(ADDRESS) && entry.contains("\"usr_")),
        "{record:?}"
    );
    let actions = client
        .query("SELECT DISTINCT action FROM audit_events", &[])
        .await
        .expect("the record can be read");
    let actions: BTreeSet<String> = actions.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        actions,
        actions_in_sources(),
        "an entry of each kind must be looked at here: let it happen"
    );
}

#[tokio::test]
async fn the_record_can_be_added_to_and_read_and_never_changed() {
    let database = Database::new().await.expect("a database");
    let organization = database
        .organization("acme", now())
        .await
        .expect("an organization");
    let db = database.pool(1).expect("a pool");
    let mut connection = db.get().await.expect("a connection");
    let event = audit_events::AuditEvent {
        id: Ids::random().audit_event(),
        actor: "slack-events".to_owned(),
        action: "integration.connected".to_owned(),
        subject: "int_1".to_owned(),
        details: json!({ "team": "T1" }),
        outcome: audit_events::Outcome::Succeeded,
        request_id: Some("r1".to_owned()),
        address: Some("192.0.2.1".to_owned()),
        at: now(),
    };
    let tx = connection.begin_for(organization).await.expect("it begins");
    audit_events::insert(&tx, organization, &event)
        .await
        .expect("it is added");
    assert_eq!(
        audit_events::list(&tx, organization, audit_events::Filter::default(), None, 9)
            .await
            .expect("it answers"),
        [event]
    );
    tx.commit().await.expect("it commits");

    let client = database.plain().await.expect("a connection");
    for forbidden in [
        "UPDATE audit_events SET actor = 'x'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
    ] {
        let error = client.batch_execute(forbidden).await.expect_err(forbidden);
        assert_eq!(
            error.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{forbidden}"
        );
    }
}
