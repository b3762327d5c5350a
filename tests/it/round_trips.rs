//! What a turn costs in round trips to the database.

#![expect(
    clippy::disallowed_methods,
    reason = "no function: what is spawned ends with the test's runtime"
)]

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use chrono::TimeDelta;
use shared::{
    clock::Timestamp,
    db::{
        Connection, Db,
        conversations::{Entry, Place},
        deliveries::{self, Lease, Outcome},
        integrations,
        messages::{self, New, NewAnswer, Role},
        turns::{self, Claimed, Term},
    },
    id::{ConversationId, Ids, IntegrationId, OrganizationId},
    secret::vault::Sealed,
    task::{DeliveryKey, Source},
};
use tests::database::Database;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const LEASE: TimeDelta = TimeDelta::seconds(60);

/// A way to the database that counts how often the client speaks after the server did.
struct Counted {
    port: u16,
    turns: Arc<AtomicUsize>,
}

impl Counted {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Self {
            port: listener.local_addr().expect("an address").port(),
            turns: turns.clone(),
        };
        tokio::task::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port))
                    .await
                    .expect("the server answers");
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let server_spoke = Arc::new(AtomicBool::new(true));
                let (turns, heard) = (turns.clone(), server_spoke.clone());
                tokio::task::spawn(async move {
                    let mut buffer = vec![0; 65_536];
                    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                        if heard.swap(false, Ordering::SeqCst) {
                            turns.fetch_add(1, Ordering::SeqCst);
                        }
                        if to_server.write_all(&buffer[..length]).await.is_err() {
                            break;
                        }
                    }
                });
                tokio::task::spawn(async move {
                    let mut buffer = vec![0; 65_536];
                    while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                        server_spoke.store(true, Ordering::SeqCst);
                        if to_client.write_all(&buffer[..length]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        counted
    }

    fn take(&self) -> usize {
        self.turns.swap(0, Ordering::SeqCst)
    }
}

/// How many round trips each part of a turn took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    beginning: usize,
    extend: usize,
    backfill: usize,
    reread: usize,
    mark_needs_reauth: usize,
    store_answer: usize,
    finish: usize,
}

/// A turn that has begun.
struct Turn<'a> {
    scope: OrganizationId,
    integration: IntegrationId,
    conversation: ConversationId,
    key: &'a DeliveryKey,
    lease: Lease,
    now: Timestamp,
}

/// What may happen between the question and the answer.
async fn meanwhile(counted: &Counted, connection: &mut Connection, turn: &Turn<'_>) -> [usize; 4] {
    assert!(
        deliveries::extend(connection, turn.key, turn.lease, turn.now + LEASE, turn.now)
            .await
            .expect("it answers")
    );
    let extend = counted.take();
    messages::backfill(
        connection,
        turn.scope,
        turn.conversation,
        &[],
        "1790000000.000100",
        50,
        turn.now,
    )
    .await
    .expect("it answers");
    let backfill = counted.take();
    integrations::reread(connection, turn.scope, turn.integration)
        .await
        .expect("it answers");
    let reread = counted.take();
    integrations::mark_needs_reauth(connection, turn.scope, turn.integration, 0, "x", turn.now)
        .await
        .expect("it answers");
    let mark_needs_reauth = counted.take();
    [extend, backfill, reread, mark_needs_reauth]
}

async fn turn(counted: &Counted, connection: &mut Connection, ids: &Ids, ts: &str) -> Cost {
    let now = Timestamp::from_timestamp(1_790_000_000, 0).expect("in range");
    let key = DeliveryKey {
        source: Source::Slack,
        key: ts.to_owned(),
    };
    let term = Term {
        now,
        lease_until: now + LEASE,
    };
    let place = Place {
        team: "T1",
        channel: "C1",
        thread: "1790000000.000100",
        begins_here: false,
    };
    counted.take();

    let (transaction, installation) = turns::open(connection, Some("T1"), None).await.expect("it opens");
    let installation = installation.expect("it is connected");
    let scope = installation.organization;
    let claimed = turns::claim(
        &transaction,
        scope,
        &key,
        term,
        &place,
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
    let new = New {
        id: ids.message(),
        ts,
        sender: Some("U1"),
        sender_name: None,
        text: "why is checkout slow?",
    };
    let taken = turns::take(&transaction, scope, conversation.id, &new, 50, now)
        .await
        .expect("it takes");
    transaction.commit().await.expect("it commits");
    let beginning = counted.take();

    let turn = Turn {
        scope,
        integration: installation.integration,
        conversation: conversation.id,
        key: &key,
        lease,
        now,
    };
    let [extend, backfill, reread, mark_needs_reauth] = meanwhile(counted, connection, &turn).await;

    let answer = NewAnswer {
        id: ids.message(),
        conversation: conversation.id,
        in_reply_to: taken.question.id,
        role: Role::Assistant,
        text: "the cache is cold",
        asked_by: None,
    };
    messages::store_answer(connection, scope, &key, lease, &answer, now)
        .await
        .expect("it is stored");
    let store_answer = counted.take();
    let posted = format!("{ts}9");
    messages::finish_posted(
        connection,
        scope,
        &key,
        lease,
        Outcome::Done,
        answer.id,
        &posted,
        now,
    )
    .await
    .expect("it ends");
    Cost {
        beginning,
        extend,
        backfill,
        reread,
        mark_needs_reauth,
        store_answer,
        finish: counted.take(),
    }
}

#[tokio::test]
async fn a_whole_turn_costs_six_round_trips_once_the_statements_are_prepared() {
    let database = Database::new().await.expect("a database");
    let ids = Ids::random();
    let now = Timestamp::from_timestamp(1_790_000_000, 0).expect("in range");
    let organization = database.organization("acme", now).await.expect("an organization");
    let sealed = Sealed {
        ciphertext: vec![1],
        nonce: [7; 12],
        wrapped_key: vec![2],
        key_id: "key".to_owned(),
        version: 1,
    };
    database
        .connect_slack(organization, "T1", &sealed, now)
        .await
        .expect("a workspace");
    let mut secret = database.application();
    let counted = Counted::to(secret.port.expect("a port")).await;
    secret.port = Some(counted.port);
    let mut connection = Db::new(&secret, 1)
        .expect("a pool")
        .get()
        .await
        .expect("a connection");

    let first = turn(&counted, &mut connection, &ids, "1790000000.000100").await;
    assert!(
        first.beginning > 4,
        "the first turn prepares its statements: {first:?}"
    );
    let expected = Cost {
        beginning: 4,
        extend: 1,
        backfill: 1,
        reread: 1,
        mark_needs_reauth: 1,
        store_answer: 1,
        finish: 1,
    };
    for ts in ["1790000000.000200", "1790000000.000300"] {
        assert_eq!(turn(&counted, &mut connection, &ids, ts).await, expected);
    }
}
