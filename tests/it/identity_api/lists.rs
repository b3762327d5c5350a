//! Members, and the record of who did what, page by page.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use tests::people::{People, Person, read};

use super::{at_field, plain, refusal};

const MEMBERS: &str = "/identity/members/";
const AUDIT: &str = "/identity/audit/";

async fn members(people: &People, person: &Person, body: Value) -> Value {
    let answer = people.post(person, MEMBERS, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    read(&answer)
}

fn names(page: &Value) -> Vec<String> {
    let members = page["members"].as_array().expect("a list");
    members
        .iter()
        .map(|member| member["first_name"].as_str().expect("a name").to_owned())
        .collect()
}

/// An organization with some members, in the order in which they joined.
async fn team(names: &[&str]) -> (People, Person, Vec<Person>) {
    let people = People::start().await.expect("a world");
    let ada = people.founder("ada");
    let mut others = Vec::new();
    for name in names {
        people.advance(Duration::from_secs(1));
        others.push(people.joiner(name, &ada));
    }
    people.webhooks_come().await;
    (people, ada, others)
}

#[tokio::test]
async fn members_are_listed_once_each_also_when_somebody_leaves_between_two_pages() {
    let (people, ada, others) = team(&["bea", "cid", "dan", "eve"]).await;
    assert_eq!(
        names(&members(&people, &ada, json!({})).await),
        ["ada", "bea", "cid", "dan", "eve"]
    );
    let first = members(&people, &ada, json!({"limit": 2})).await;
    assert_eq!(names(&first), ["ada", "bea"]);

    // The one that the cursor stands at, and one before it, go.
    people.clerk.remove_member(&ada.organization, &others[0].id);
    people.webhooks_come().await;
    let second = members(&people, &ada, json!({"limit": 2, "cursor": first["next_cursor"]})).await;
    assert_eq!(names(&second), ["cid", "dan"]);
    let third = members(
        &people,
        &ada,
        json!({"limit": 2, "cursor": second["next_cursor"]}),
    )
    .await;
    assert_eq!(
        (names(&third), third["next_cursor"].clone()),
        (vec!["eve".to_owned()], Value::Null)
    );

    // Those who left, and those whose account is gone, are not listed; an empty list is a list.
    people.clerk.delete_user(&others[3].id);
    people.webhooks_come().await;
    assert_eq!(
        names(&members(&people, &ada, json!({})).await),
        ["ada", "cid", "dan"]
    );
    let none = members(&people, &ada, json!({"query": "zzz"})).await;
    assert_eq!(none, json!({"members": [], "next_cursor": null}));
}

#[tokio::test]
async fn only_admins_are_told_addresses_and_members_cannot_guess_them_by_searching() {
    let (people, ada, others) = team(&["bea", "cid"]).await;
    people
        .clerk
        .change_email(&others[1].id, "secret-address@example.com");
    people.webhooks_come().await;

    let seen = members(&people, &ada, json!({"query": "SECRET-addr"})).await;
    assert_eq!(names(&seen), ["cid"]);
    assert_eq!(seen["members"][0]["email"], "secret-address@example.com");

    let all = people.post(&others[0], MEMBERS, &json!({})).await;
    assert!(
        !all.body.contains("email") && !all.body.contains('@'),
        "{}",
        all.body
    );
    for query in ["secret-address@example.com", "secret", "s"] {
        let found = members(&people, &others[0], json!({"query": query})).await;
        assert_eq!(found["members"], json!([]), "{query}");
    }
}

#[tokio::test]
async fn members_are_found_by_the_beginning_of_a_name_in_any_case_and_by_role() {
    let (people, ada, others) = team(&["bea", "Bob", "%x"]).await;
    people.clerk.update_user(&others[0].id, "Beatrice", "O'Neil");
    people
        .clerk
        .set_role(&ada.organization, &others[1].id, "org:admin");
    people.webhooks_come().await;
    let found = async |body: Value| names(&members(&people, &ada, body).await);
    assert_eq!(found(json!({"query": "b"})).await, ["Beatrice", "Bob"]);
    assert_eq!(found(json!({"query": "o'n"})).await, ["Beatrice"]);
    assert_eq!(found(json!({"query": "beatrice o"})).await, ["Beatrice"]);
    assert_eq!(found(json!({"query": "eatrice"})).await, [""; 0]);
    assert_eq!(
        found(json!({"query": "%"})).await,
        ["%x"],
        "a wildcard is a letter like any other"
    );
    assert_eq!(found(json!({"query": "  "})).await.len(), 4);
    assert_eq!(found(json!({"role": "admin"})).await, ["ada", "Bob"]);
    assert_eq!(found(json!({"role": "member", "query": "B"})).await, ["Beatrice"]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_its_field() {
    let (people, ada, _) = team(&[]).await;
    for (path, body, field) in [
        (MEMBERS, json!({"limit": 0}), "limit"),
        (MEMBERS, json!({"limit": 201}), "limit"),
        (MEMBERS, json!({"cursor": "b2ggbm8"}), "cursor"),
        (MEMBERS, json!({"role": "owner"}), "role"),
        (MEMBERS, json!({"query": "a\u{0}b"}), "query"),
        (MEMBERS, json!({"query": "x".repeat(101)}), "query"),
        (AUDIT, json!({"outcome": "ok"}), "outcome"),
        (AUDIT, json!({"since": "yesterday"}), "since"),
        (AUDIT, json!({"until": "99999-01-01T00:00:00Z"}), "until"),
        (AUDIT, json!({"actor": "\u{0}"}), "actor"),
        (AUDIT, json!({"cursor": "!"}), "cursor"),
    ] {
        let answer = people.post(&ada, path, &body).await;
        assert_eq!(refusal(&answer), at_field(422, "invalid", field), "{path} {body}");
    }
    for (body, field) in [(json!({"limit": -1}), "limit"), (json!({"limit": "5"}), "limit")] {
        let answer = people.post(&ada, MEMBERS, &body).await;
        assert_eq!(refusal(&answer), at_field(400, "malformed", field), "{body}");
    }
}

async fn audit(people: &People, person: &Person, body: Value) -> Value {
    let answer = people.post(person, AUDIT, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    read(&answer)
}

fn actions(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().expect("a list");
    events
        .iter()
        .map(|event| event["action"].as_str().expect("a text"))
        .collect()
}

#[tokio::test]
async fn the_record_tells_admins_who_did_what_newest_first_and_page_by_page() {
    let (people, ada, others) = team(&["bea"]).await;
    people.advance(Duration::from_mins(1));
    people.clerk.remove_member(&ada.organization, &others[0].id);
    people.webhooks_come().await;

    let whole = audit(&people, &ada, json!({})).await;
    let all = actions(&whole);
    assert_eq!(all.first(), Some(&"member.removed"));
    assert_eq!(
        all.iter().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(["member.removed", "member.updated", "organization.updated"])
    );

    let mut paged = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let page = audit(&people, &ada, json!({"limit": 1, "cursor": cursor})).await;
        paged.extend(page["events"].as_array().expect("a list").clone());
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(Value::from(paged), whole["events"]);

    let removed = &whole["events"][0];
    assert_eq!(removed["actor"], "event-processor");
    assert_eq!(removed["address"], Value::Null);
    assert!(
        removed["request_id"]
            .as_str()
            .is_some_and(|id| id.starts_with("msg_"))
    );
    for (filter, expected) in [
        (json!({"action": "member.removed"}), 1),
        (
            json!({"actor": "event-processor", "subject": removed["subject"]}),
            2,
        ),
        (json!({"actor": "nobody"}), 0),
        (json!({"since": removed["at"]}), 1),
        (json!({"until": removed["at"]}), all.len() - 1),
        (json!({"outcome": "failed"}), 0),
    ] {
        assert_eq!(
            actions(&audit(&people, &ada, filter.clone()).await).len(),
            expected,
            "{filter}"
        );
    }

    let bea = people.joiner("cid", &ada);
    people.webhooks_come().await;
    let answer = people.post(&bea, AUDIT, &json!({})).await;
    assert_eq!(refusal(&answer), plain(403, "forbidden"));
}
