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
///
/// Slack sends `app_uninstalled` and `tokens_revoked` in any order, and late: each says of itself when it happened.
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
    let (organization, integration) = (found.organization, found.integration);
    let cause = Cause::by_itself(ACTOR, Some(&envelope.event_id));
    let entry = |action, reason: &str| {
        let details = json!({ "reason": reason });
        cause.entry(&app.ids, action, integration, details, now)
    };
    tx.enter(organization).await?;
    if let Some(ending) = ending(lifecycle, &found)
        && integrations::end(&tx, organization, integration, ending, now).await?
    {
        // They open nothing any more; what is not kept cannot leak.
        integration_credentials::delete(&tx, organization, integration).await?;
        audit_events::insert(&tx, organization, &entry("integration.ended", ending.reason)).await?;
        tx.commit().await?;
        tracing::info!(organization.id = %organization, integration.id = %integration, reason = ending.reason,
            "a connection was ended by Slack");
        return Ok(());
    }
    // A person's token is not the bot's: whichever of the two an event is late for, it may be in time for the other.
    if let SlackLifecycleChange::TokensRevoked { users, .. } = &lifecycle.change {
        let revoked = (users.as_slice(), lifecycle.event_time);
        if integrations::note_user_token_revoked(&tx, organization, integration, revoked, now).await? {
            let entry = entry("integration.user_token_revoked", "tokens_revoked");
            audit_events::insert(&tx, organization, &entry).await?;
            tx.commit().await?;
            tracing::info!(integration.id = %integration, "whoever connected took their own token back");
            return Ok(());
        }
    }
    tx.commit().await?;
    tracing::info!(integration.id = %integration,
        "what was revoked is not ours, or the workspace was connected again after that");
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
