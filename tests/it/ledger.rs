//! One effect per delivery, whoever dies on the way; and what a turn costs in round trips.

#![expect(
    clippy::disallowed_methods,
    reason = "no function: what is spawned ends with the test's runtime"
)]

use std::time::Duration;

use chrono::TimeDelta;
use shared::{
    clock::Timestamp,
    db::{
        Connection, Db, DbError, channels,
        conversations::{Entry, Place},
        deliveries::{self, Claim, Lease, Outcome},
        integrations::{self, Health, Status},
        messages::{self, Earlier, New, NewAnswer, Role},
        turns::{self, Claimed, Term},
    },
    id::{ConversationId, Ids, MessageId, OrganizationId},
    secret::vault::Sealed,
    task::{DeliveryKey, Source},
};
use tests::database::Database;
use tokio::{net::TcpListener, task::JoinSet};

const LEASE: TimeDelta = TimeDelta::seconds(60);
const PLACE: Place<'static> = Place {
    team: "T1",
    channel: "C1",
    thread: "1790000000.000100",
    begins_here: false,
};

fn now() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).expect("in range")
}

fn key(name: &str) -> DeliveryKey {
    DeliveryKey {
        source: Source::Slack,
        key: name.to_owned(),
    }
}

fn sealed() -> Sealed {
    Sealed {
        ciphertext: vec![1, 2, 3],
        nonce: [7; 12],
        wrapped_key: vec![4, 5],
        key_id: "arn:aws:kms:eu-central-1:000000000000:key/k".to_owned(),
        version: 1,
    }
}

const fn said<'a>(id: MessageId, ts: &'a str, text: &'a str) -> New<'a> {
    New {
        id,
        ts,
        sender: Some("U1"),
        sender_name: None,
        text,
    }
}

async fn connection(db: &Db) -> Connection {
    db.get().await.expect("a connection")
}

async fn claim(db: &Db, key: &DeliveryKey, at: Timestamp) -> Claim {
    let mut connection = connection(db).await;
    let transaction = connection.begin().await.expect("it begins");
    let claim = deliveries::claim(&transaction, key, at, at + LEASE)
        .await
        .expect("it can be claimed");
    transaction.commit().await.expect("it commits");
    claim
}

fn lease(claim: Claim) -> Lease {
    match claim {
        Claim::Claimed(lease) => lease,
        other => panic!("not claimed: {other:?}"),
    }
}

/// A story up to a question that is stored and claimed.
struct Asked {
    organization: OrganizationId,
    conversation: ConversationId,
    question: MessageId,
    key: DeliveryKey,
    lease: Lease,
}

async fn ask(database: &Database, db: &Db, ids: &Ids) -> Asked {
    let organization = database
        .organization("acme", now())
        .await
        .expect("an organization");
    database
        .connect_slack(organization, "T1", &sealed(), now())
        .await
        .expect("a workspace");
    let key = key("T1:C1:1790000000.000100");
    let mut connection = connection(db).await;
    let (transaction, installation) = turns::open(&mut connection, Some("T1"), None)
        .await
        .expect("it opens");
    assert_eq!(installation.expect("it is connected").organization, organization);
    let term = Term {
        now: now(),
        lease_until: now() + LEASE,
    };
    let claimed = turns::claim(
        &transaction,
        organization,
        &key,
        term,
        &PLACE,
        Entry::Open,
        ids.conversation(),
    )
    .await
    .expect("it claims");
    let Claimed::Ours {
        lease,
        conversation: Some(conversation),
    } = claimed
    else {
        panic!("{claimed:?}")
    };
    let new = said(ids.message(), "1790000000.000100", "why is checkout slow?");
    let taken = turns::take(&transaction, organization, conversation.id, &new, 50, now())
        .await
        .expect("it takes");
    transaction.commit().await.expect("it commits");
    Asked {
        organization,
        conversation: conversation.id,
        question: taken.question.id,
        key,
        lease,
    }
}

impl Asked {
    fn answer<'a>(&self, id: MessageId, text: &'a str) -> NewAnswer<'a> {
        NewAnswer {
            id,
            conversation: self.conversation,
            in_reply_to: self.question,
            role: Role::Assistant,
            text,
            asked_by: Some("Ada"),
        }
    }
}

#[tokio::test]
async fn of_many_who_claim_at_once_one_wins_and_the_others_are_told_until_when_to_wait() {
    let database = Database::new().await.expect("a database");
    let mut workers = JoinSet::new();
    for _ in 0..12 {
        let db = database.pool(1).expect("a pool");
        workers.spawn(async move { claim(&db, &key("contended"), now()).await });
    }
    let claims = workers.join_all().await;
    let winners = claims
        .iter()
        .filter(|claim| matches!(claim, Claim::Claimed(_)))
        .count();
    let waiting = claims
        .iter()
        .filter(|claim| **claim == Claim::Held { until: now() + LEASE })
        .count();
    assert_eq!((winners, waiting), (1, 11), "{claims:?}");
}

#[tokio::test]
async fn a_claim_that_waits_for_another_transaction_is_told_what_that_one_did() {
    let database = Database::new().await.expect("a database");
    let (first, second) = (
        database.pool(1).expect("a pool"),
        database.pool(1).expect("a pool"),
    );
    let mut holder = connection(&first).await;
    let transaction = holder.begin().await.expect("it begins");
    let won = deliveries::claim(&transaction, &key("k"), now(), now() + LEASE)
        .await
        .expect("it claims");
    assert_eq!(lease(won), Lease { fence: 1, attempt: 1 });

    let waiting = tokio::task::spawn(async move { claim(&second, &key("k"), now()).await });
    let watcher = database.superuser().await.expect("a connection");
    let blocked = "SELECT count(*) > 0 FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while !watcher
        .query_one(blocked, &[])
        .await
        .expect("it can be asked")
        .get::<_, bool>(0)
    {
        tokio::task::yield_now().await;
    }
    transaction.commit().await.expect("it commits");
    assert_eq!(
        waiting.await.expect("it ends"),
        Claim::Held { until: now() + LEASE }
    );
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over_with_a_higher_fence_and_the_old_one_can_do_nothing_more() {
    let database = Database::new().await.expect("a database");
    let ids = Ids::random();
    let db = database.pool(1).expect("a pool");
    let asked = ask(&database, &db, &ids).await;

    let before = now() + LEASE - TimeDelta::microseconds(1);
    assert_eq!(
        claim(&db, &asked.key, before).await,
        Claim::Held { until: now() + LEASE }
    );
    let taken_over = lease(claim(&db, &asked.key, now() + LEASE).await);
    assert_eq!(
        taken_over,
        Lease {
            fence: asked.lease.fence + 1,
            attempt: 2
        }
    );

    let mut late = connection(&db).await;
    let answer = asked.answer(ids.message(), "too late");
    let until = now() + LEASE * 2;
    let error = messages::store_answer(
        &mut late,
        asked.organization,
        &asked.key,
        asked.lease,
        &answer,
        now(),
    )
    .await;
    assert!(matches!(error, Err(DbError::LeaseLost)), "{error:?}");
    assert!(
        !deliveries::extend(&late, &asked.key, asked.lease, until, now())
            .await
            .expect("it answers")
    );
    let error = deliveries::finish(&late, &asked.key, asked.lease, Outcome::Done, now()).await;
    assert!(matches!(error, Err(DbError::LeaseLost)), "{error:?}");
    let error = messages::finish_posted(
        &mut late,
        asked.organization,
        &asked.key,
        asked.lease,
        Outcome::Done,
        asked.question,
        "1790000009.000000",
        now(),
    )
    .await;
    assert!(matches!(error, Err(DbError::LeaseLost)), "{error:?}");

    let watcher = database.superuser().await.expect("a connection");
    let row = watcher
        .query_one(
            "SELECT count(*), count(*) FILTER (WHERE role = 'user' AND slack_message_ts = '1790000000.000100'
                                                 AND sender_name IS NULL) FROM messages",
            &[],
        )
        .await
        .expect("messages can be read");
    assert_eq!(
        (row.get::<_, i64>(0), row.get::<_, i64>(1)),
        (1, 1),
        "the question stands alone, as it was"
    );

    // The one that took over goes on undisturbed.
    let answer = asked.answer(ids.message(), "in time");
    messages::store_answer(
        &mut late,
        asked.organization,
        &asked.key,
        taken_over,
        &answer,
        now(),
    )
    .await
    .expect("it holds the lease");
}

#[tokio::test]
async fn a_lease_is_prolonged_given_back_and_finished_once() {
    let database = Database::new().await.expect("a database");
    let db = database.pool(2).expect("a pool");
    let key = key("k");
    let first = lease(claim(&db, &key, now()).await);
    let worker = connection(&db).await;
    assert!(
        deliveries::extend(&worker, &key, first, now() + LEASE * 3, now())
            .await
            .expect("it answers")
    );
    assert_eq!(
        claim(&db, &key, now() + LEASE * 2).await,
        Claim::Held {
            until: now() + LEASE * 3
        }
    );

    assert!(
        deliveries::extend(&worker, &key, first, now(), now())
            .await
            .expect("it answers")
    );
    let second = lease(claim(&db, &key, now()).await);
    assert_eq!(second, Lease { fence: 2, attempt: 2 });

    deliveries::finish(
        &worker,
        &key,
        second,
        Outcome::Failed {
            reason: "agent_refused",
        },
        now(),
    )
    .await
    .expect("it ends");
    assert_eq!(claim(&db, &key, now() + LEASE * 9).await, Claim::Finished);
    let again = deliveries::finish(&worker, &key, second, Outcome::Done, now()).await;
    assert!(matches!(again, Err(DbError::LeaseLost)), "{again:?}");
    let stored = deliveries::find(&worker, &key)
        .await
        .expect("it answers")
        .expect("it is there");
    assert_eq!(
        (stored.state.as_str(), stored.reason.as_deref()),
        ("failed", Some("agent_refused"))
    );
}

#[tokio::test]
async fn a_turn_that_is_dropped_leaves_neither_claim_nor_conversation_and_the_connection_can_be_used() {
    let database = Database::new().await.expect("a database");
    let ids = Ids::random();
    let organization = database
        .organization("acme", now())
        .await
        .expect("an organization");
    let db = database.pool(1).expect("a pool");
    let key = key("k");
    let term = Term {
        now: now(),
        lease_until: now() + LEASE,
    };
    for attempt in 0..2 {
        let mut connection = connection(&db).await;
        let (transaction, _) = turns::open(&mut connection, Some("T1"), None)
            .await
            .expect("it opens");
        let claimed = turns::claim(
            &transaction,
            organization,
            &key,
            term,
            &PLACE,
            Entry::Open,
            ids.conversation(),
        )
        .await
        .expect("it claims");
        let Claimed::Ours {
            lease,
            conversation: Some(conversation),
        } = claimed
        else {
            panic!("{claimed:?}")
        };
        assert_eq!(
            (lease.attempt, conversation.created),
            (1, true),
            "attempt {attempt}"
        );
        drop(transaction);
    }
    let connection = connection(&db).await;
    assert_eq!(
        deliveries::find(&connection, &key).await.expect("it answers"),
        None
    );
}

#[tokio::test]
async fn an_answer_is_stored_once_found_again_and_stands_in_the_history_when_it_is_posted() {
    let database = Database::new().await.expect("a database");
    let ids = Ids::random();
    let db = database.pool(1).expect("a pool");
    let asked = ask(&database, &db, &ids).await;
    let organization = asked.organization;
    let mut worker = connection(&db).await;
    let later = now() + TimeDelta::seconds(2);

    let answer = asked.answer(ids.message(), "the cache is cold");
    messages::store_answer(&mut worker, organization, &asked.key, asked.lease, &answer, later)
        .await
        .expect("it is stored");
    let second = asked.answer(ids.message(), "the cache is warm");
    let error =
        messages::store_answer(&mut worker, organization, &asked.key, asked.lease, &second, later).await;
    assert!(
        matches!(&error, Err(DbError::Conflict { constraint }) if constraint == "messages_in_reply_to_key"),
        "{error:?}"
    );

    // Another attempt at the same post finds what was stored, and the name that was learnt.
    let transaction = worker.begin_for(organization).await.expect("it begins");
    let new = said(ids.message(), "1790000000.000100", "why is checkout slow?");
    let taken = turns::take(&transaction, organization, asked.conversation, &new, 50, now())
        .await
        .expect("it takes");
    transaction.commit().await.expect("it commits");
    assert_eq!(
        (taken.question.id, taken.question.sender_name.as_deref()),
        (asked.question, Some("Ada"))
    );
    let found = taken.answer.expect("it was stored");
    assert_eq!(
        (found.id, found.role, found.text.as_str()),
        (answer.id, Role::Assistant, "the cache is cold")
    );
    assert_eq!((found.slack_message_ts, taken.history.len()), (None, 0));

    messages::finish_posted(
        &mut worker,
        organization,
        &asked.key,
        asked.lease,
        Outcome::Done,
        answer.id,
        "1790000003.000000",
        now(),
    )
    .await
    .expect("it ends");
    let transaction = worker.begin_for(organization).await.expect("it begins");
    let next = said(ids.message(), "1790000005.000000", "and now?");
    let taken = turns::take(&transaction, organization, asked.conversation, &next, 50, now())
        .await
        .expect("it takes");
    let history: Vec<_> = taken
        .history
        .iter()
        .map(|m| (m.role, m.sender_name.as_deref(), m.text.as_str()))
        .collect();
    assert_eq!(
        history,
        [
            (Role::User, Some("Ada"), "why is checkout slow?"),
            (Role::Assistant, None, "the cache is cold")
        ]
    );
    assert_eq!(
        taken.history[1].at.timestamp(),
        1_790_000_003,
        "an answer counts as said when Slack says so"
    );
}

#[tokio::test]
async fn an_apology_is_no_part_of_the_history() {
    let database = Database::new().await.expect("a database");
    let ids = Ids::random();
    let db = database.pool(1).expect("a pool");
    let asked = ask(&database, &db, &ids).await;
    let mut worker = connection(&db).await;
    let notice = NewAnswer {
        role: Role::Notice,
        ..asked.answer(ids.message(), "Sorry.")
    };
    messages::store_answer(
        &mut worker,
        asked.organization,
        &asked.key,
        asked.lease,
        &notice,
        now(),
    )
    .await
    .expect("it is stored");
    let transaction = worker.begin_for(asked.organization).await.expect("it begins");
    let history = messages::history(
        &transaction,
        asked.organization,
        asked.conversation,
        now() + LEASE,
        50,
    )
    .await
    .expect("it answers");
    assert_eq!(
        history.iter().map(|message| message.role).collect::<Vec<_>>(),
        [Role::User]
    );
    let answer = messages::find_answer(
        &transaction,
        asked.organization,
        asked.conversation,
        "1790000000.000100",
    )
    .await
    .expect("it answers");
    assert_eq!(answer.map(|answer| answer.role), Some(Role::Notice));
}

#[tokio::test]
async fn the_older_part_of_a_thread_comes_before_the_question_and_only_once() {
    let database = Database::new().await.expect("a database");
    let ids = Ids::random();
    let db = database.pool(1).expect("a pool");
    let asked = ask(&database, &db, &ids).await;
    let mut worker = connection(&db).await;
    let ts = "1790000000.000100";
    let earlier = |ids: &Ids| {
        [
            Earlier {
                role: Role::User,
                message: said(ids.message(), "1789999990.000000", "deploying"),
            },
            Earlier {
                role: Role::Assistant,
                message: New {
                    sender: None,
                    ..said(ids.message(), "1789999995.000000", "noted")
                },
            },
            // The thread that Slack tells contains the question too.
            Earlier {
                role: Role::User,
                message: said(ids.message(), ts, "why is checkout slow?"),
            },
        ]
    };
    for _ in 0..2 {
        let history = messages::backfill(
            &mut worker,
            asked.organization,
            asked.conversation,
            &earlier(&ids),
            ts,
            50,
            now(),
        )
        .await
        .expect("it is stored");
        let history: Vec<_> = history
            .iter()
            .map(|m| (m.role, m.sender.as_deref(), m.text.as_str()))
            .collect();
        assert_eq!(
            history,
            [
                (Role::User, Some("U1"), "deploying"),
                (Role::Assistant, None, "noted")
            ]
        );
    }
    let last = messages::backfill(
        &mut worker,
        asked.organization,
        asked.conversation,
        &[],
        ts,
        1,
        now(),
    )
    .await;
    assert_eq!(
        last.expect("it answers")[0].text,
        "noted",
        "a limit keeps the newest"
    );

    let transaction = worker.begin_for(asked.organization).await.expect("it begins");
    let conversation = shared::db::conversations::find(&transaction, asked.organization, &PLACE)
        .await
        .expect("it answers");
    assert_eq!(conversation.expect("it is there").backfilled_at, Some(now()));
}

#[tokio::test]
async fn a_reply_in_a_thread_without_us_and_a_message_in_a_channel_that_is_not_watched_begin_nothing() {
    let database = Database::new().await.expect("a database");
    let ids = Ids::random();
    let organization = database
        .organization("acme", now())
        .await
        .expect("an organization");
    let db = database.pool(1).expect("a pool");
    let term = Term {
        now: now(),
        lease_until: now() + LEASE,
    };
    let enter = async |entry: Entry, name: &str| {
        let mut connection = connection(&db).await;
        let transaction = connection.begin().await.expect("it begins");
        let claimed = turns::claim(
            &transaction,
            organization,
            &key(name),
            term,
            &PLACE,
            entry,
            ids.conversation(),
        )
        .await
        .expect("it claims");
        transaction.commit().await.expect("it commits");
        let Claimed::Ours { conversation, .. } = claimed else {
            panic!("{claimed:?}")
        };
        conversation
    };
    assert_eq!(enter(Entry::Joined, "1").await, None);
    assert_eq!(enter(Entry::Monitored, "2").await, None);

    let mut admin = connection(&db).await;
    let transaction = admin.begin_for(organization).await.expect("it begins");
    let channel = channels::Channel {
        team: "T1",
        channel: "C1",
        name: None,
        is_monitored: true,
    };
    channels::upsert(&transaction, organization, &channel, now())
        .await
        .expect("it is decided");
    assert!(
        channels::is_monitored(&transaction, organization, "T1", "C1")
            .await
            .expect("it answers")
    );
    transaction.commit().await.expect("it commits");
    drop(admin);

    let begun = enter(Entry::Monitored, "3")
        .await
        .expect("the channel is watched");
    assert!(begun.created);
    let joined = enter(Entry::Joined, "4").await.expect("it has begun");
    let opened = enter(Entry::Open, "5").await.expect("it has begun");
    assert_eq!((joined.id, opened.id), (begun.id, begun.id));
    assert!(!joined.created && !opened.created);
}

#[tokio::test]
async fn an_installation_is_found_by_workspace_or_grid_and_health_is_about_one_generation() {
    let database = Database::new().await.expect("a database");
    let db = database.pool(1).expect("a pool");
    let (acme, grid) = (
        database
            .organization("acme", now())
            .await
            .expect("an organization"),
        database
            .organization("grid", now())
            .await
            .expect("an organization"),
    );
    let acme_id = database
        .connect_slack(acme, "T1", &sealed(), now())
        .await
        .expect("a workspace");
    database
        .connect_slack(grid, "E1", &sealed(), now())
        .await
        .expect("a grid");
    let find = async |team: Option<&str>, enterprise: Option<&str>| {
        let mut connection = connection(&db).await;
        let (_transaction, found) = turns::open(&mut connection, team, enterprise)
            .await
            .expect("it opens");
        found
    };
    let found = find(Some("T1"), Some("E1"))
        .await
        .expect("the workspace's own comes first");
    assert_eq!(
        (found.organization, found.integration, found.generation),
        (acme, acme_id, 1)
    );
    assert_eq!((found.status, found.health), (Status::Active, Health::Healthy));
    assert_eq!(
        (found.bot_user_id.as_deref(), found.credentials.as_ref()),
        (Some("U0BOT"), Some(&sealed()))
    );
    assert_eq!(
        find(Some("T9"), Some("E1"))
            .await
            .expect("else the grid's")
            .organization,
        grid
    );
    assert_eq!(
        find(None, Some("E1"))
            .await
            .expect("by the grid alone")
            .organization,
        grid
    );
    assert!(find(Some("T9"), None).await.is_none() && find(None, None).await.is_none());

    let mut worker = connection(&db).await;
    assert!(
        integrations::mark_needs_reauth(&mut worker, acme, acme_id, 1, "token_revoked", now())
            .await
            .expect("it answers")
    );
    let found = integrations::reread(&mut worker, acme, acme_id)
        .await
        .expect("it answers")
        .expect("it is there");
    assert_eq!(found.health, Health::NeedsReauth);
    drop(worker);

    // Connected again: what is learnt about the old token says nothing about the new one.
    let again = database
        .connect_slack(acme, "T1", &sealed(), now())
        .await
        .expect("once more");
    assert_eq!(again, acme_id);
    let mut worker = connection(&db).await;
    assert!(
        !integrations::mark_needs_reauth(&mut worker, acme, acme_id, 1, "token_revoked", now())
            .await
            .expect("it answers")
    );
    let found = integrations::reread(&mut worker, acme, acme_id)
        .await
        .expect("it answers")
        .expect("it is there");
    assert_eq!((found.health, found.generation), (Health::Healthy, 2));
}

#[tokio::test]
async fn a_database_that_is_away_is_an_outage_and_a_wrong_password_is_told_apart() {
    let database = Database::new().await.expect("a database");
    let mut away = database.application();
    away.port = Some(
        TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a port")
            .local_addr()
            .expect("an address")
            .port(),
    );
    let error = Db::new(&away, 1)
        .expect("a pool")
        .get()
        .await
        .expect_err("nobody listens");
    assert!(error.is_outage() && !error.is_login_refused(), "{error:?}");

    let mut wrong = database.application();
    wrong.password = "not it".into();
    let error = Db::new(&wrong, 1)
        .expect("a pool")
        .get()
        .await
        .expect_err("it is wrong");
    assert!(error.is_login_refused(), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_died_in_the_pool_is_replaced() {
    let database = Database::new().await.expect("a database");
    let db = database.pool(1).expect("a pool");
    let first = connection(&db).await;
    assert!(
        deliveries::find(&first, &key("k"))
            .await
            .expect("it answers")
            .is_none()
    );
    let watcher = database.superuser().await.expect("a connection");
    let ended = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                  WHERE datname = current_database() AND usename = 'infragpt_app'";
    watcher.query_one(ended, &[]).await.expect("it can be ended");
    let error = deliveries::find(&first, &key("k")).await.expect_err("it is gone");
    assert!(error.is_outage(), "{error:?}");
    drop(first);
    let second = tokio::time::timeout(Duration::from_secs(10), connection(&db))
        .await
        .expect("in time");
    assert!(
        deliveries::find(&second, &key("k"))
            .await
            .expect("it answers")
            .is_none()
    );
}
