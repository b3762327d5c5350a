//! How far work has come that goes through everything, such as comparisons with third parties, so that the next run goes
//! on from there.

use sql::{client::Params as _, queries::reconciliations as statements};
use uuid::Uuid;

use super::{Connection, DbError};
use crate::clock::Timestamp;

/// Where a comparison stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// When the pass began.
    pub pass_started_at: Timestamp,
    /// Which part of it is worked on.
    pub phase: String,
    /// How many things of that part are done.
    pub position: i32,
    /// How many parts of the thing at the position are done.
    pub subposition: i32,
    /// The last thing that is done, where things are gone through by id.
    pub after: Option<Uuid>,
    /// When the last whole pass ended.
    pub completed_at: Option<Timestamp>,
}

/// Takes a comparison over where it stands, or begins the first pass with `first_phase`; holds it until `lease_until`.
/// None while another run has it.
#[tracing::instrument(
    name = "db.reconciliations.claim",
    skip_all,
    fields(name),
    err(level = "debug")
)]
pub async fn claim(
    db: &Connection,
    name: &str,
    first_phase: &str,
    lease_until: Timestamp,
    now: Timestamp,
) -> Result<Option<Progress>, DbError> {
    let params = statements::ClaimParams {
        name,
        now,
        first_phase,
        lease_until,
    };
    let row = statements::claim().params(&db.client, &params).opt().await?;
    Ok(row.map(|row| Progress {
        pass_started_at: row.pass_started_at,
        phase: row.phase,
        position: row.position,
        subposition: row.subposition,
        after: row.after_id,
        completed_at: row.completed_at,
    }))
}

/// Until when a run holds a comparison, and from when on it shall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// As it stands: what [`claim`] or the last [`save`] was given.
    pub held_until: Timestamp,
    /// As it shall be; a time that has passed gives it back.
    pub lease_until: Timestamp,
}

/// Notes how far a comparison has come, and prolongs or ends the hold on it.
///
/// # Errors
/// [`DbError::LeaseLost`] when another run has taken over.
#[tracing::instrument(
    name = "db.reconciliations.save",
    skip_all,
    fields(name),
    err(level = "debug")
)]
pub async fn save(
    db: &Connection,
    name: &str,
    progress: &Progress,
    hold: Hold,
    now: Timestamp,
) -> Result<(), DbError> {
    let params = statements::SaveParams {
        pass_started_at: progress.pass_started_at,
        phase: progress.phase.as_str(),
        position: progress.position,
        subposition: progress.subposition,
        after_id: progress.after,
        lease_until: hold.lease_until,
        completed_at: progress.completed_at,
        now,
        name,
        held_until: hold.held_until,
    };
    match statements::save().params(&db.client, &params).opt().await? {
        Some(_) => Ok(()),
        None => Err(DbError::LeaseLost),
    }
}
