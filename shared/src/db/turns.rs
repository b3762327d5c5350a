//! The beginning of a turn: from a Slack event to everything that is needed to answer it, in four round trips.
//!
//! ```text
//! open    BEGIN · which workspace · its installation        one round trip
//! claim   enter its organization · claim · conversation     one
//! take    store the message · history · earlier answer      one
//! commit                                                    one
//! ```
//! Between the steps the caller decides whether it goes on; a transaction that is dropped leaves nothing behind, not
//! even the claim. After the turn come [`store_answer`] and [`finish_posted`], one round trip each.
//!
//! Requests of one step are sent together: their futures are polled in the order in which they are written, and the
//! statements are prepared before. Preparing costs a round trip per statement and connection, the first time.
//!
//! [`store_answer`]: super::messages::store_answer
//! [`finish_posted`]: super::messages::finish_posted

use futures_util::future;
use sql::queries::{deliveries as ledger, scope as statements};

use super::{
    Connection, DbError, EnterText, Transaction,
    conversations::{Conversation, Door, Entry, Place},
    deliveries::{self, Claim, Lease},
    integrations::{Lookup, SlackInstallation},
    messages::{Answer, Message, New, Stored, Taking},
};
use crate::{
    clock::Timestamp,
    id::{ConversationId, OrganizationId},
    task::DeliveryKey,
};

/// Begins a transaction and finds the installation that an event is for: the workspace's, or else the Enterprise Grid
/// organization's.
#[tracing::instrument(name = "db.turns.open", skip_all, err(level = "debug"))]
pub async fn open<'c>(
    db: &'c mut Connection,
    team_id: Option<&str>,
    enterprise_id: Option<&str>,
) -> Result<(Transaction<'c>, Option<SlackInstallation>), DbError> {
    let lookup = Lookup::prepare(&db.client).await?;
    let transaction = Transaction::not_begun(&db.client);
    let (begun, installation) = future::join(
        transaction.client.batch_execute("BEGIN"),
        lookup.run(transaction.client, [team_id, enterprise_id]),
    )
    .await;
    begun?;
    Ok((transaction, installation?))
}

/// What became of a claim, and of the way into a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// The delivery is ours.
    Ours {
        /// The right to work on it.
        lease: Lease,
        /// The conversation; none where the message is not for us (a reply in a thread without us, a channel that is
        /// not watched).
        conversation: Option<Conversation>,
    },
    /// The delivery has been dealt with.
    Finished,
    /// Another worker has it.
    Held {
        /// When its lease runs out.
        until: Timestamp,
    },
}

/// When a claim is made, and until when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Now.
    pub now: Timestamp,
    /// When another worker may take over.
    pub lease_until: Timestamp,
}

/// Enters the organization, claims the delivery and goes into the conversation, which is made with `id` where it
/// begins. Drop the transaction unless it is [`Claimed::Ours`].
#[tracing::instrument(name = "db.turns.claim", skip_all, fields(organization.id = %scope), err(level = "debug"))]
pub async fn claim(
    db: &Transaction<'_>,
    scope: OrganizationId,
    key: &DeliveryKey,
    term: Term,
    place: &Place<'_>,
    entry: Entry,
    id: ConversationId,
) -> Result<Claimed, DbError> {
    let (enter, ledger, door) = future::try_join3(
        statements::enter().prepare(db.client),
        ledger::claim().prepare(db.client),
        Door::prepare(db.client, entry),
    )
    .await?;
    let text = EnterText::new(scope);
    let (entered, claim, conversation) = future::join3(
        enter.bind(db.client, text.as_str()).one(),
        deliveries::try_claim(&ledger, db.client, key, term.now, term.lease_until),
        door.run(db.client, scope, place, id, term.now),
    )
    .await;
    entered?;
    let claim = match claim? {
        Some(claim) => claim,
        None => deliveries::claim_again(db, key, term.now, term.lease_until).await?,
    };
    let conversation = conversation?;
    Ok(match claim {
        Claim::Claimed(lease) => Claimed::Ours { lease, conversation },
        Claim::Finished => Claimed::Finished,
        Claim::Held { until } => Claimed::Held { until },
    })
}

/// A question with what surrounds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The message as it is stored.
    pub question: Stored,
    /// What was said before it, oldest first.
    pub history: Vec<Message>,
    /// What an earlier attempt has stored in reply to it.
    pub answer: Option<Answer>,
}

/// Stores the message, and reads the `limit` messages before it and what was stored in reply to it.
#[tracing::instrument(name = "db.turns.take", skip_all, fields(conversation.id = %conversation), err(level = "debug"))]
pub async fn take(
    db: &Transaction<'_>,
    scope: OrganizationId,
    conversation: ConversationId,
    message: &New<'_>,
    limit: u32,
    now: Timestamp,
) -> Result<Taken, DbError> {
    let taking = Taking::prepare(db.client).await?;
    let (question, history, answer) = taking
        .run(db.client, scope, conversation, message, limit, now)
        .await?;
    Ok(Taken {
        question,
        history,
        answer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::{Db, messages},
        id::{IntegrationId, MessageId},
    };

    /// The futures of this module cross `async_trait` borders, which ask for `Send`. Never runs, must compile.
    #[expect(dead_code, reason = "that it compiles is the test")]
    async fn futures_can_be_sent(db: Db, key: DeliveryKey, term: Term, scope: OrganizationId, lease: Lease) {
        fn send<T: Send>(future: T) -> T {
            future
        }
        let conversation = ConversationId::from(uuid::Uuid::nil());
        let new = New {
            id: MessageId::from(uuid::Uuid::nil()),
            ts: "",
            sender: None,
            sender_name: None,
            text: "",
        };
        let place = Place {
            team: "",
            channel: "",
            thread: "",
            begins_here: true,
        };
        let Ok(mut connection) = send(db.get()).await else {
            return;
        };
        if let Ok((transaction, _)) = send(open(&mut connection, None, None)).await {
            let _ = send(claim(
                &transaction,
                scope,
                &key,
                term,
                &place,
                Entry::Open,
                conversation,
            ))
            .await;
            let _ = send(take(&transaction, scope, conversation, &new, 1, term.now)).await;
            let _ = send(transaction.commit()).await;
        }
        let _ = send(messages::backfill(
            &mut connection,
            scope,
            conversation,
            &[],
            "",
            1,
            term.now,
        ))
        .await;
        let integration = IntegrationId::from(uuid::Uuid::nil());
        let _ = send(crate::db::integrations::reread(
            &mut connection,
            scope,
            integration,
        ))
        .await;
        let _ = send(deliveries::extend(&connection, &key, lease, term.now, term.now)).await;
    }
}
