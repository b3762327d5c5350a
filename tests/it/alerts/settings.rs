//! What the API will read and write.

use shared::{
    clock::Clock as _,
    db::{
        alert_settings,
        alerts::{self, Filter, Place},
    },
    task::{AlertSeverity, AlertState},
};

use super::{World, alert};

#[tokio::test]
async fn nobody_has_settings_until_somebody_decides_and_another_organization_sees_none() {
    let world = World::silent().await;
    let rival = world
        .stack
        .organization("rival", "T2")
        .await
        .expect("an organization");
    let mut db = world.stack.db().await.expect("a connection");
    let tx = db.begin_for(world.acme.id).await.expect("a transaction");
    assert_eq!(
        alert_settings::find(&tx, world.acme.id).await.expect("an answer"),
        None
    );
    tx.rollback().await.expect("undone");

    world.choose(Some("C1"), AlertSeverity::Warning).await;
    let settings = world.settings().await;
    assert_eq!(settings.slack_channel_id.as_deref(), Some("C1"));
    assert_eq!(settings.minimum_severity, AlertSeverity::Warning);
    assert_eq!(settings.updated_at, world.stack.clock.now());

    let tx = db.begin_for(rival.id).await.expect("a transaction");
    for scope in [rival.id, world.acme.id] {
        assert_eq!(alert_settings::find(&tx, scope).await.expect("an answer"), None);
    }
}

#[tokio::test]
async fn alerts_are_listed_in_pages_the_newest_first_and_by_state() {
    let world = World::silent().await;
    for (number, state) in [
        (1, AlertState::Triggered),
        (2, AlertState::Resolved),
        (3, AlertState::Triggered),
    ] {
        let alert = alert(&format!("Q{number}"), state, number);
        let event = number.to_string();
        world
            .done(&world.news_of(world.acme.id, world.pagerduty, &event, alert))
            .await;
        world.stack.clock.advance(std::time::Duration::from_secs(1));
    }
    let mut db = world.stack.db().await.expect("a connection");
    let tx = db.begin_for(world.acme.id).await.expect("a transaction");
    let list = async |filter: Filter, before: Option<Place>, count: i64| {
        let found = alerts::list(&tx, world.acme.id, filter, before, count).await;
        found.expect("a list")
    };
    let keys = |found: &[alerts::StoredAlert]| -> Vec<String> {
        found.iter().map(|found| found.alert.dedupe_key.clone()).collect()
    };

    let first = list(Filter::default(), None, 2).await;
    assert_eq!(keys(&first), ["Q3", "Q2"]);
    let place = Place {
        at: first[1].created_at,
        id: first[1].id,
    };
    assert_eq!(keys(&list(Filter::default(), Some(place), 2).await), ["Q1"]);
    let triggered = Filter {
        state: Some(AlertState::Triggered),
        ..Filter::default()
    };
    assert_eq!(keys(&list(triggered, None, 9).await), ["Q3", "Q1"]);
    let others = Filter {
        integration: Some(world.acme.integration),
        ..Filter::default()
    };
    assert!(list(others, None, 9).await.is_empty());
}
