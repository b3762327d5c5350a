//! What changed at Clerk.

use shared::{
    db::deliveries,
    identity::apply::{Applied, Cause, apply},
    queue::TaskError,
    task::{Envelope, IdentityChange},
};

use crate::{ACTOR, App};

/// Applies a change, once for each delivery.
pub(crate) async fn process(
    app: &App,
    envelope: &Envelope,
    change: &IdentityChange,
) -> Result<(), TaskError> {
    let now = app.clock.now();
    let mut db = app.db.get().await?;
    let tx = db.begin().await?;
    if !deliveries::record(&tx, &envelope.delivery, now).await? {
        tracing::debug!("the delivery has been dealt with");
        return Ok(());
    }
    let cause = Cause::by_itself(ACTOR, Some(&envelope.event_id));
    let applied = apply(&tx, &app.ids, change, cause, now).await?;
    tx.commit().await?;
    match applied {
        Applied::Changed => tracing::info!("a change was applied"),
        Applied::Unchanged => tracing::debug!("what is known is as new"),
    }
    Ok(())
}
