//! People sign up, call, and leave.

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::auth::fake::SigningKey;
use tests::{clerk::WEB_ORIGIN, local::repository};

use crate::world::World;

/// The health of what calls need, and what they are, for whoever asks.
pub(crate) async fn public(world: &World) {
    for (path, status) in [
        ("/health/live", "live"),
        ("/health/live/", "live"),
        ("/health/ready", "ready"),
        ("/health/ready/", "ready"),
    ] {
        let answer = world.web.get(path).await.expect("the API answers");
        assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.body);
        assert_eq!(
            answer.json().expect("JSON"),
            json!({ "status": status }),
            "{path}"
        );
    }
    let answer = world.web.get("/openapi.json").await.expect("the API answers");
    assert_eq!(answer.header("content-type"), "application/json");
    let committed = repository().join("functions/identity-api/openapi.json");
    let committed = std::fs::read_to_string(committed).expect("the committed document");
    assert!(
        answer.body == committed,
        "what is served is not what is committed:\n{}",
        answer.body
    );
}

/// Two people call before any of Clerk's webhooks has come, and are let in by what their tokens say. The webhooks bring
/// the names.
pub(crate) async fn signing_up(world: &World) {
    let (founder, founder_names) = world.founder("Fern Works", "fern-works");
    let (joiner, joiner_names) = world.joiner(&founder);

    let before = world.me(&founder).await;
    let beside = world.me(&joiner).await;
    assert_eq!(
        (&before["name"], &before["role"]),
        (&json!("fern-works"), &json!("admin"))
    );
    assert_eq!(before["metadata"]["company_size"], "");
    assert_eq!(beside["role"], "member");
    assert_eq!(beside["organization_id"], before["organization_id"]);
    assert_ne!(beside["user_id"], before["user_id"]);

    world.webhooks_come().await;
    let after = world.me(&founder).await;
    assert_eq!(after["name"], "Fern Works");
    for same in ["organization_id", "user_id", "created_at", "role"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(world.me(&joiner).await["user_id"], beside["user_id"]);

    // Colleagues see names, and admins addresses.
    let page = world.post(&founder, "/identity/members/", &json!({})).await;
    let shown = |field: &str| -> Vec<Value> {
        let members = page["members"].as_array().expect("a list");
        members.iter().map(|member| member[field].clone()).collect()
    };
    assert_eq!(
        shown("first_name"),
        [founder_names.first, joiner_names.first.clone()]
    );
    assert_eq!(shown("last_name"), [founder_names.last, joiner_names.last]);
    assert_eq!(shown("email"), [founder_names.email, joiner_names.email]);
    let page = world.post(&joiner, "/identity/members/", &json!({})).await;
    assert_eq!(page["members"][1]["first_name"], joiner_names.first);
    assert!(!page.to_string().contains('@'), "{page}");

    // Each was made room for once, and told of what the organization needs.
    let provisioned = world.record(&founder, "member.provisioned").await;
    assert_eq!(provisioned.len(), 2, "{provisioned:?}");
    let form = json!({
        "organization_id": after["organization_id"], "company_size": "small", "team_size": "6-20",
        "use_cases": ["log_management"], "observability_stack": ["datadog"],
    });
    let set = "/identity/organization/set-metadata/";
    for _ in 0..2 {
        assert_eq!(world.post(&founder, set, &form).await, json!({}));
    }
    assert_eq!(world.me(&joiner).await["metadata"]["team_size"], "6-20");
    let described = world.record(&founder, "organization.described").await;
    assert_eq!(
        described.len(),
        1,
        "the same again changes nothing: {described:?}"
    );
    assert_eq!(
        world.me(&founder).await["metadata"]["observability_stack"],
        json!(["datadog"])
    );
}

/// Clerk sends at least once, sometimes at the same time.
pub(crate) async fn five_times(world: &World) {
    let (founder, _) = world.founder("Moss", "moss");
    world.webhooks_come().await;
    let clerk = world.clerk.now();
    clerk.update_organization(&founder.organization, "Moss & Stone", "moss");
    let [renamed] = &clerk.drain()[..] else {
        panic!("one change is told of once");
    };
    join_all([renamed; 4].map(|event| world.tell(event))).await;
    world.until_applied(renamed).await;
    world.tell(renamed).await;
    // Behind it in the queue, so when this is applied the others have been dealt with.
    world
        .clerk
        .now()
        .update_organization(&founder.organization, "Moss & Sons", "moss");
    world.webhooks_come().await;

    assert_eq!(world.me(&founder).await["name"], "Moss & Sons");
    let updates = world.record(&founder, "organization.updated").await;
    let by_it = updates
        .iter()
        .filter(|entry| entry["request_id"] == renamed.id.as_str());
    assert_eq!(by_it.count(), 1, "{updates:?}");
    assert_eq!(updates.len(), 3, "founded, renamed, renamed again: {updates:?}");
}

/// Whoever is removed, or signs out, is refused as soon as Clerk has told of it, though their token is good for hours.
pub(crate) async fn leaving(world: &World) {
    let (founder, _) = world.founder("Reed", "reed");
    let (joiner, _) = world.joiner(&founder);
    world.webhooks_come().await;
    let me = "/identity/me/";
    let (founders, joiners) = (world.long_token(&founder), world.long_token(&joiner));
    for token in [&founders, &joiners] {
        assert_eq!(world.post_with(token, me, &json!({})).await.status.as_u16(), 200);
    }

    world.clerk.now().remove_member(&founder.organization, &joiner.id);
    world.webhooks_come().await;
    let answer = world.post_with(&joiners, me, &json!({})).await;
    assert_eq!(answer.status.as_u16(), 403, "{}", answer.body);
    let members = world.post(&founder, "/identity/members/", &json!({})).await;
    assert_eq!(members["members"].as_array().map(Vec::len), Some(1));

    world.clerk.now().end_session(&founder.session);
    world.webhooks_come().await;
    let answer = world.post_with(&founders, me, &json!({})).await;
    assert_eq!(answer.status.as_u16(), 401, "{}", answer.body);
    assert_eq!(answer.header("www-authenticate"), "Bearer");

    // It was the session that ended, not the person.
    let again = tests::people::Person {
        session: world.clerk.now().start_session(&founder.id),
        ..founder
    };
    world.webhooks_come().await;
    assert_eq!(world.me(&again).await["role"], "admin");
}

/// What is another organization's is not there, and who did not sign in is nobody.
pub(crate) async fn strangers(world: &World) {
    let (ours, _) = world.founder("Ivy", "ivy");
    let (colleague, _) = world.joiner(&ours);
    let (theirs, _) = world.founder("Oak", "oak");
    world.webhooks_come().await;
    let own = world.me(&ours).await;
    let other = world.me(&theirs).await;

    let token = world.token(&ours);
    let form = |organization: &Value| {
        json!({
            "organization_id": organization, "company_size": "large", "team_size": "100+",
            "use_cases": [], "observability_stack": [],
        })
    };
    let set = "/identity/organization/set-metadata/";
    for (path, body) in [
        ("/identity/me/", json!({ "clerk_org_id": theirs.organization })),
        ("/identity/me/", json!({ "clerk_user_id": theirs.id })),
        (
            "/identity/me/",
            json!({ "clerk_org_id": other["organization_id"] }),
        ),
        (
            "/identity/organization/",
            json!({ "clerk_org_id": theirs.organization }),
        ),
        (set, form(&other["organization_id"])),
        (set, form(&json!(theirs.organization))),
    ] {
        let answer = world.post_with(&token, path, &body).await;
        assert_eq!(answer.status.as_u16(), 404, "{path} {body}: {}", answer.body);
    }
    let answer = world
        .post_with(&world.token(&colleague), set, &form(&own["organization_id"]))
        .await;
    assert_eq!(answer.status.as_u16(), 403, "{}", answer.body);
    let refused = world.record(&ours, "access.refused").await;
    assert_eq!(
        refused.len(),
        1,
        "who tries what they may not is on record: {refused:?}"
    );
    for person in [&ours, &theirs] {
        let metadata = world.me(person).await["metadata"].clone();
        assert_eq!(metadata["company_size"], "", "{metadata}");
    }

    let issuer = world.clerk.issuer();
    let payload = ours
        .signed_in_from(WEB_ORIGIN)
        .payload(&issuer.url(), world.clerk.now().now());
    let forged = SigningKey::number(1).sign(&issuer.key().header(), &payload);
    for token in [forged.as_str(), "", "not.a.token"] {
        let answer = world.post_with(token, "/identity/me/", &json!({})).await;
        assert_eq!(answer.status.as_u16(), 401, "{}", answer.body);
    }
}
