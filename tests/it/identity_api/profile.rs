//! Who somebody is, before and after Clerk's webhooks come; and what their organization tells about itself.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tests::people::{People, Person, read};

use super::{at_field, plain, refusal};

fn shape(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON")
}

/// The answer with what differs from run to run named instead.
fn named(mut profile: Value, people: &People) -> Value {
    for id in ["id", "organization_id", "user_id"] {
        let uuid = profile[id].as_str().expect("a text").to_owned();
        assert!(
            uuid::Uuid::try_parse(&uuid).is_ok() && uuid.len() == 36,
            "{id} is {uuid}"
        );
    }
    assert_eq!(profile["id"], profile["organization_id"]);
    for id in ["id", "organization_id", "user_id"] {
        profile[id] = format!("<{id}>").into();
    }
    let now = shared::clock::Clock::now(&people.clock);
    assert_eq!(profile["created_at"], shared::http::output::rfc3339(now));
    profile["created_at"] = "<now>".into();
    profile
}

#[tokio::test]
async fn somebody_who_just_signed_up_is_let_in_before_any_webhook_has_come() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let before = people.me(&ada).await;
    assert_snapshot!(shape(&named(before.clone(), &people)), @r#"
    {
      "created_at": "<now>",
      "id": "<id>",
      "metadata": {
        "company_size": "",
        "completed_at": "0001-01-01T00:00:00Z",
        "observability_stack": [],
        "team_size": "",
        "use_cases": []
      },
      "name": "acme",
      "organization_id": "<organization_id>",
      "role": "admin",
      "slug": "acme",
      "user_id": "<user_id>"
    }
    "#);

    people
        .clerk
        .update_organization(&ada.organization, "Acme Inc.", "acme");
    people.webhooks_come().await;
    let after = people.me(&ada).await;
    assert_eq!(
        after["name"], "Acme Inc.",
        "the webhooks fill what the token did not say"
    );
    for same in ["id", "user_id", "role", "slug"] {
        assert_eq!(after[same], before[same], "{same}");
    }
}

#[tokio::test]
async fn a_late_webhook_from_before_the_first_call_still_tells_the_name() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    people
        .clerk
        .update_organization(&ada.organization, "Acme Inc.", "acme");
    let late = people.clerk.drain();
    people.advance(Duration::from_secs(30));
    people.me(&ada).await;
    for event in &late {
        people.deliver(event).await;
    }
    assert_eq!(people.me(&ada).await["name"], "Acme Inc.");
}

#[tokio::test]
async fn calls_that_provision_at_once_make_one_person_and_one_organization() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let answers = futures_util::future::join_all((0..6).map(|_| people.me(&ada))).await;
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn ids_in_the_body_are_compared_with_the_callers_and_may_be_absent() {
    let people = People::start().await.expect("a world");
    let (ada, eve) = (people.founder("acme"), people.founder("rival"));
    people.webhooks_come().await;
    for path in [
        "/identity/me",
        "/identity/me/",
        "/identity/organization",
        "/identity/organization/",
    ] {
        for (body, status) in [
            (
                json!({"clerk_user_id": ada.id, "clerk_org_id": ada.organization}),
                200,
            ),
            (json!({"clerk_org_id": ada.organization}), 200),
            (json!({}), 200),
            (json!({"clerk_user_id": null, "unknown": 1}), 200),
            (
                json!({"clerk_user_id": eve.id, "clerk_org_id": ada.organization}),
                404,
            ),
            (
                json!({"clerk_user_id": ada.id, "clerk_org_id": eve.organization}),
                404,
            ),
            (json!({"clerk_org_id": "org_nobody"}), 404),
            (json!({"clerk_org_id": ""}), 404),
        ] {
            let answer = people.post(&ada, path, &body).await;
            assert_eq!(answer.status, status, "{path} {body}: {}", answer.body);
            assert!(!answer.body.contains("rival"), "{}", answer.body);
        }
    }
    let answer = people
        .post(&ada, "/identity/me", &json!({"clerk_user_id": 7}))
        .await;
    assert_eq!(refusal(&answer), at_field(400, "malformed", "clerk_user_id"));
}

#[tokio::test]
async fn a_session_for_no_organization_is_told_to_choose_one() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let nowhere = shared::auth::fake::SignedIn::new(&ada.id, &ada.session, tests::people::WEB_ORIGIN);
    let token = people
        .issuer
        .token(&nowhere, shared::clock::Clock::now(&people.clock));
    let answer = people
        .send(&tests::people::bearer("/identity/me/", &token, &json!({})))
        .await;
    assert_eq!(refusal(&answer), plain(403, "organization_required"));
}

#[tokio::test]
async fn tokens_of_both_versions_and_custom_roles_are_understood() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    people.webhooks_come().await;
    let now = shared::clock::Clock::now(&people.clock);
    let token = people.issuer.token(&ada.signed_in().version_1(), now);
    let answer = people
        .send(&tests::people::bearer("/identity/me/", &token, &json!({})))
        .await;
    assert_eq!(
        (answer.status, read(&answer)["role"].as_str()),
        (200, Some("admin"))
    );

    people.clerk.define_role("org:operator", &["org:infragpt:manage"]);
    let grace = people.joiner("grace", &ada);
    people
        .clerk
        .set_role(&ada.organization, &grace.id, "org:operator");
    people.webhooks_come().await;
    people.advance(Duration::from_secs(1));
    let operator = Person {
        role: "org:operator".to_owned(),
        ..grace
    };
    assert_eq!(
        people.me(&operator).await["role"],
        "admin",
        "by the permission of the role"
    );
}

#[tokio::test]
async fn a_removal_that_clerks_tokens_do_not_know_of_yet_holds_against_them() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let mut grace = people.joiner("grace", &ada);
    people.webhooks_come().await;
    people.advance(Duration::from_mins(1));
    people.clerk.set_role(&ada.organization, &grace.id, "org:admin");
    people.advance(Duration::from_secs(1));
    people.clerk.remove_member(&ada.organization, &grace.id);
    let late = people.clerk.drain();

    // Whatever makes tokens has not heard of the removal, a second later.
    people.advance(Duration::from_secs(1));
    "org:admin".clone_into(&mut grace.role);
    assert_eq!(people.me(&grace).await["role"], "admin");
    for event in &late {
        people.deliver(event).await;
    }
    let answer = people.post(&grace, "/identity/me", &json!({})).await;
    assert_eq!(refusal(&answer), plain(403, "forbidden"));
    let members = read(&people.post(&ada, "/identity/members", &json!({})).await);
    assert_eq!(
        members["members"].as_array().map(Vec::len),
        Some(1),
        "{members:#}"
    );
}

#[tokio::test]
async fn who_is_promoted_joined_when_they_joined() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let mut grace = people.joiner("grace", &ada);
    people.webhooks_come().await;
    let joined = async || {
        let answer = people
            .post(&ada, "/identity/members", &json!({"query": "grace"}))
            .await;
        read(&answer)["members"][0]["joined_at"].clone()
    };
    let before = joined().await;
    people.advance(Duration::from_secs(100));
    people.clerk.set_role(&ada.organization, &grace.id, "org:admin");
    people.advance(Duration::from_secs(30));
    "org:admin".clone_into(&mut grace.role);
    assert_eq!(people.me(&grace).await["role"], "admin");
    assert_eq!(joined().await, before);
    people.webhooks_come().await;
    assert_eq!(joined().await, before);
}

/// What the form of the web client sends.
fn told(organization: &Value) -> Value {
    json!({
        "organization_id": organization,
        "company_size": "small",
        "team_size": "6-20",
        "use_cases": ["incident_response", "cost_optimization", "incident_response"],
        "observability_stack": ["prometheus_grafana", "pagerduty"],
    })
}

const SET: &str = "/identity/organization/set-metadata/";

#[tokio::test]
async fn an_admin_tells_about_the_organization_once_and_again_and_the_first_time_stays() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let id = people.me(&ada).await["id"].clone();
    let first = people.post(&ada, SET, &told(&id)).await;
    assert_eq!((first.status, first.body.as_str()), (200, "{}"));
    let completed_at = people.me(&ada).await["metadata"]["completed_at"].clone();

    people.advance(Duration::from_secs(40));
    let mut changed = told(&id);
    changed["company_size"] = "large".into();
    for body in [&told(&id), &changed, &changed] {
        let answer = people.post(&ada, SET, body).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }
    let metadata = people.me(&ada).await["metadata"].clone();
    assert_eq!(
        metadata,
        json!({
            "company_size": "large",
            "team_size": "6-20",
            "use_cases": ["incident_response", "cost_optimization"],
            "observability_stack": ["prometheus_grafana", "pagerduty"],
            "completed_at": completed_at,
        })
    );
    let record = people
        .post(
            &ada,
            "/identity/audit/",
            &json!({"action": "organization.described"}),
        )
        .await;
    let events = read(&record)["events"].clone();
    assert_eq!(
        events.as_array().map(Vec::len),
        Some(2),
        "what changes nothing is not recorded: {events:#}"
    );
    let by = format!(
        "usr_{}",
        people.me(&ada).await["user_id"]
            .as_str()
            .expect("an id")
            .replace('-', "")
    );
    let of = format!("org_{}", id.as_str().expect("an id").replace('-', ""));
    for (field, expected) in [
        ("actor", by.as_str()),
        ("subject", of.as_str()),
        ("outcome", "succeeded"),
        ("request_id", "JKJaXmPLvHcESHA="),
        ("address", tests::people::ADDRESS),
    ] {
        assert_eq!(events[0][field], expected, "{field}");
    }
}

#[tokio::test]
async fn words_that_are_not_in_their_lists_are_refused_by_field_and_nothing_is_kept() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let id = people.me(&ada).await["id"].clone();
    let with = |field: &str, value: Value| {
        let mut body = told(&id);
        body[field] = value;
        body
    };
    for (body, status, code, field) in [
        (
            with("company_size", json!("tiny")),
            422,
            "invalid",
            "company_size",
        ),
        (with("company_size", json!("")), 422, "invalid", "company_size"),
        (with("team_size", json!("1000")), 422, "invalid", "team_size"),
        (
            with("use_cases", json!(["incident_response", "x"])),
            422,
            "invalid",
            "use_cases[1]",
        ),
        (
            with("observability_stack", json!(["Datadog"])),
            422,
            "invalid",
            "observability_stack[0]",
        ),
        (
            with("observability_stack", json!(["other\u{0}"])),
            422,
            "invalid",
            "observability_stack[0]",
        ),
        (
            with("use_cases", json!("incident_response")),
            400,
            "malformed",
            "use_cases",
        ),
        (with("team_size", Value::Null), 400, "malformed", "team_size"),
    ] {
        let answer = people.post(&ada, SET, &body).await;
        assert_eq!(refusal(&answer), at_field(status, code, field), "{body}");
    }
    let many = people
        .post(&ada, SET, &with("use_cases", json!(vec!["x"; 3_000])))
        .await;
    assert_eq!(read(&many)["fields"].as_array().map(Vec::len), Some(20));
    assert_eq!(people.me(&ada).await["metadata"]["company_size"], "");
    let empty = with("use_cases", json!([]));
    assert_eq!(
        people.post(&ada, SET, &empty).await.status,
        200,
        "a list may be empty"
    );
}

#[tokio::test]
async fn a_member_may_not_tell_and_that_they_tried_is_recorded() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let grace = people.joiner("grace", &ada);
    people.webhooks_come().await;
    let id = people.me(&ada).await["id"].clone();
    let answer = people.post(&grace, SET, &told(&id)).await;
    assert_eq!(refusal(&answer), plain(403, "forbidden"));
    assert_eq!(people.me(&grace).await["metadata"]["company_size"], "");

    let record = people
        .post(&ada, "/identity/audit", &json!({"outcome": "refused"}))
        .await;
    let events = read(&record)["events"].clone();
    assert_eq!(events.as_array().map(Vec::len), Some(1));
    assert_eq!(events[0]["action"], "access.refused");
    assert_eq!(events[0]["subject"], "/identity/organization/set-metadata");
}

#[tokio::test]
async fn another_organization_cannot_be_told_about() {
    let people = People::start().await.expect("a world");
    let (ada, eve) = (people.founder("acme"), people.founder("rival"));
    let (own, other) = (
        people.me(&ada).await["id"].clone(),
        people.me(&eve).await["id"].clone(),
    );
    for id in [
        other,
        json!(eve.organization),
        json!(uuid::Uuid::nil()),
        json!("nonsense"),
    ] {
        let answer = people.post(&ada, SET, &told(&id)).await;
        assert_eq!(refusal(&answer), plain(404, "not_found"), "{id}");
    }
    assert_eq!(people.me(&eve).await["metadata"]["company_size"], "");
    // Ours and Clerk's name of the organization, and ours with its prefix, are the same.
    let prefixed = format!("org_{}", own.as_str().expect("an id").replace('-', ""));
    for id in [own, json!(ada.organization), json!(prefixed)] {
        assert_eq!(people.post(&ada, SET, &told(&id)).await.status, 200, "{id}");
    }
}

/// Somebody who administers the Clerk instance may sign in as a person; the record tells the two apart.
#[tokio::test]
async fn what_an_administrator_of_clerk_does_in_a_persons_place_is_recorded_as_that() {
    let people = People::start().await.expect("a world");
    let ada = people.founder("acme");
    let id = people.me(&ada).await["id"].clone();
    let issuer = &people.issuer;
    let now = shared::clock::Clock::now(&people.clock);
    let token = |actor: Value| {
        let mut payload = ada.signed_in().payload(&issuer.url(), now);
        payload["act"] = actor;
        issuer.key().sign(&issuer.key().header(), &payload)
    };
    let call = |actor| tests::people::bearer(SET, &token(actor), &told(&id));
    assert_eq!(
        people
            .send(&call(json!({"sub": "user_2support", "iss": "x"})))
            .await
            .status,
        200
    );
    let record = people
        .post(
            &ada,
            "/identity/audit/",
            &json!({"action": "organization.described"}),
        )
        .await;
    assert_eq!(
        read(&record)["events"][0]["details"]["impersonated_by"],
        "user_2support"
    );
    for nonsense in [
        json!({}),
        json!({"sub": ""}),
        json!({"sub": "user_1\n{}"}),
        json!("user_1"),
    ] {
        assert_eq!(
            people.send(&call(nonsense.clone())).await.status,
            401,
            "{nonsense}"
        );
    }
}

/// The lists of the form are those of the schema, word by word.
#[tokio::test]
async fn every_word_of_the_lists_is_one_that_the_database_takes_and_no_other() {
    let people = People::start().await.expect("a world");
    let client = people.database.superuser().await.expect("a connection");
    for (column, words) in [
        ("company_size", identity_api::CompanySize::WORDS),
        ("team_size", identity_api::TeamSize::WORDS),
        ("use_cases", identity_api::UseCase::WORDS),
        ("observability_stack", identity_api::ObservabilityTool::WORDS),
    ] {
        let check: String = client
            .query_one(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1",
                &[&format!("organization_metadata_{column}_check")],
            )
            .await
            .expect("a check")
            .get(0);
        let allowed: Vec<&str> = check.split('\'').skip(1).step_by(2).collect();
        assert_eq!(allowed, words, "{column}");
    }
}
