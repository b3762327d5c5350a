//! What became of our app in a Slack workspace.

use serde_json::json;
use shared::{
    db::{
        audit_events, deliveries, integration_credentials,
        integrations::{self, Ending, SlackInstallation, Status},
        turns,
    },
    identity::apply::Cause,
    queue::TaskError,
    task::{Envelope, SlackLifecycle, SlackLifecycleChange},
};

use crate::{ACTOR, App};

/// Ends a connection, or its credentials, once for each delivery; not when it was connected again after the event.
pub(crate) async fn process(
    app: &App,
    envelope: &Envelope,
    lifecycle: &SlackLifecycle,
) -> Result<(), TaskError> {
    let now = app.clock.now();
    let mut db = app.db.get().await?;
    // The workspace alone where there is one: that the app left a workspace says nothing of its organization's others.
    let installation = lifecycle.team_id.as_ref().or(lifecycle.enterprise_id.as_ref());
    let (tx, found) = turns::open(&mut db, installation.map(String::as_str), None).await?;
    if !deliveries::record(&tx, &envelope.delivery, now).await? {
        tracing::debug!("the delivery has been dealt with");
        return Ok(());
    }
    let Some(found) = found else {
        tracing::debug!("the workspace is not connected");
        return Ok(tx.commit().await?);
    };
    let Some(ending) = ending(lifecycle, &found) else {
        tracing::debug!("what was revoked is not ours");
        return Ok(tx.commit().await?);
    };

    let (organization, integration) = (found.organization, found.integration);
    tx.enter(organization).await?;
    if !integrations::end(&tx, organization, integration, ending, now).await? {
        tracing::info!(integration.id = %integration, "the workspace was connected again after that");
        return Ok(tx.commit().await?);
    }
    // They open nothing any more; what is not kept cannot leak.
    integration_credentials::delete(&tx, organization, integration).await?;
    let cause = Cause::by_itself(ACTOR, Some(&envelope.event_id));
    let details = json!({ "reason": ending.reason });
    let entry = cause.entry(&app.ids, "integration.ended", integration, details, now);
    audit_events::insert(&tx, organization, &entry).await?;
    tx.commit().await?;
    tracing::info!(organization.id = %organization, integration.id = %integration, reason = ending.reason,
        "a connection was ended by Slack");
    Ok(())
}

/// What the event means for a connection; nothing when it is about other tokens than our bot's.
fn ending(lifecycle: &SlackLifecycle, found: &SlackInstallation) -> Option<Ending<'static>> {
    match &lifecycle.change {
        SlackLifecycleChange::Uninstalled => Some(Ending {
            status: Status::Inactive,
            reason: "app_uninstalled",
            at: lifecycle.event_time,
        }),
        SlackLifecycleChange::TokensRevoked { bots, .. } => {
            let is_ours = found
                .bot_user_id
                .as_ref()
                .map_or(!bots.is_empty(), |bot| bots.contains(bot));
            is_ours.then_some(Ending {
                status: found.status,
                reason: "tokens_revoked",
                at: lifecycle.event_time,
            })
        }
    }
}
