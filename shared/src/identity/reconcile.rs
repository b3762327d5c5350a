//! Comparing the mirror with Clerk, for what no webhook brought: one that was lost, or that we did not take.
//!
//! A pass goes through everything at Clerk and then through everything of ours that it has not come across. It may take
//! many runs: where it stands is kept in the database, and whoever takes over goes on from there. What is found is
//! applied as if a webhook had brought it, so nothing that is newer is touched, whatever comes in at the same time.
//!
//! | phase | `position` | `subposition` |
//! |---|---|---|
//! | `users` | people who are done | 1 once one of them is somebody whom we knew |
//! | `organizations` | organizations that are done | members of the next one that are done |
//! | `missing_users` | people who were asked for | – |
//! | `missing_organizations` | organizations that were asked for | – |
//!
//! Clerk pages by offset. When something is deleted while we page, all that comes behind it moves up, and one thing slips
//! from the next page onto one that we have read. So a thing that no page showed may well be there, and nothing counts as
//! gone before Clerk, asked for that very thing, has said so. What slips through and is not ours yet comes with the next
//! pass.

use std::time::Duration;

use serde::Serialize;

use super::{
    api::{ClerkApi, ClerkError, PAGE, Page},
    apply::{Applied, Cause, apply},
};
use crate::{
    clock::{self, Clock, Timestamp},
    db::{
        Access, DbError, Transaction, organization_members, organizations,
        reconciliations::{self, Hold, Progress},
        users,
    },
    id::{Ids, OrganizationId, UserId},
    task::{ClerkMembership, ClerkOrganization, ClerkUser, IdentityChange},
    telemetry::Metrics,
};

/// What the comparison is called in the database.
const NAME: &str = "clerk";

/// From the end of a pass to the beginning of the next. Webhooks bring nearly everything, and Clerk tries a failed one
/// again for a day; a pass only finds what they gave up.
const EVERY: Duration = Duration::from_hours(24);

/// How long a run holds the comparison from each note of where it stands. After that it counts as dead.
pub const LEASE: Duration = Duration::from_mins(1);

/// After such a time without a whole pass it is not the next run that will cure it.
pub const OVERDUE: Duration = Duration::from_hours(72);

/// How many things of ours are looked up at once, to be asked for one by one.
const BATCH: i64 = 100;

/// The part of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Users,
    Organizations,
    MissingUsers,
    MissingOrganizations,
}

impl Phase {
    const ALL: [Self; 4] = [
        Self::Users,
        Self::Organizations,
        Self::MissingUsers,
        Self::MissingOrganizations,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Organizations => "organizations",
            Self::MissingUsers => "missing_users",
            Self::MissingOrganizations => "missing_organizations",
        }
    }

    /// The phase of a word. One that a release wrote which is not here any more begins from the start, which may be done
    /// again at any time.
    fn of(word: &str) -> Self {
        let mut phases = Self::ALL.into_iter();
        phases.find(|phase| phase.as_str() == word).unwrap_or(Self::Users)
    }
}

/// Why a pass does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Clerk.
    #[error(transparent)]
    Clerk(#[from] ClerkError),
    /// Of all people at Clerk we know nobody, and of those whom we know nobody is there; where we know no people, the same
    /// of organizations. The secret key is that of another instance, and going on would delete everybody, or destroy
    /// every organization's credentials. The next run looks again. (Should it be true, the row in `reconciliations` is
    /// to be removed: whom this pass has brought are then known.)
    #[error("nobody whom we know is at clerk: the secret key is of another instance")]
    OtherInstance,
    /// There has been no whole pass for long, for a reason that should have passed.
    #[error("no comparison with clerk was completed for days")]
    Overdue(#[source] Box<Self>),
}

impl ReconcileError {
    /// Whether the next run may do it without anybody doing anything.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Db(error) => error.is_outage(),
            Self::Clerk(error) => error.is_outage(),
            Self::OtherInstance | Self::Overdue(_) => false,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With it, a pass ended.
    Completed,
    /// The last pass is not old enough for another.
    NotDue,
    /// Another run is at it.
    Busy,
    /// Another run took over: this one was too slow to say that it lives.
    TakenOver,
    /// The time was up; the next run goes on.
    OutOfTime,
    /// Clerk asks for a longer pause than there is time; the next run goes on.
    RateLimited,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What it put right.
    pub repaired: Repaired,
    /// How many things Clerk told that could not be read. They are left as they are.
    pub unreadable: usize,
}

/// How many things were not as they are at Clerk.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// People.
    pub users: usize,
    /// Organizations.
    pub organizations: usize,
    /// Memberships.
    pub memberships: usize,
}

/// Why a run stops before the pass has ended.
enum Stop {
    As(Outcome),
    Error(ReconcileError),
}

impl From<ClerkError> for Stop {
    fn from(error: ClerkError) -> Self {
        Self::Error(error.into())
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        match error {
            DbError::LeaseLost => Self::As(Outcome::TakenOver),
            error => Self::Error(error.into()),
        }
    }
}

/// What a comparison takes.
#[derive(Debug, Clone, Copy)]
pub struct Reconciler<'a> {
    /// Where the mirror is.
    pub db: &'a Access,
    /// What it mirrors.
    pub clerk: &'a ClerkApi,
    /// The time.
    pub clock: &'a dyn Clock,
    /// New ids.
    pub ids: &'a Ids,
    /// Where repairs are counted.
    pub metrics: &'a Metrics,
    /// Who repairs, for the record.
    pub cause: Cause<'a>,
}

impl Reconciler<'_> {
    /// Goes on with the pass under way, or begins one that is due, until it has ended or the time is `until`. What is
    /// begun by then is ended: a request to Clerk, or one transaction.
    ///
    /// # Errors
    /// [`ReconcileError`]. All that was done before stays done.
    #[tracing::instrument(name = "identity.reconcile", skip_all)]
    pub async fn run(&self, until: Timestamp) -> Result<Report, ReconcileError> {
        let now = self.clock.now();
        let held_until = clock::after(now, LEASE);
        let db = self.db.get().await?;
        let first = Phase::Users.as_str();
        let claimed = reconciliations::claim(&db, NAME, first, held_until, now).await?;
        drop(db);
        let mut report = Report {
            outcome: Outcome::Busy,
            repaired: Repaired::default(),
            unreadable: 0,
        };
        let Some(progress) = claimed else {
            return Ok(report);
        };

        let mut pass = Pass {
            of: *self,
            phase: Phase::of(&progress.phase),
            progress,
            held_until,
            until,
            report: &mut report,
        };
        let stop = match pass.work().await {
            Ok(()) => pass.complete().await.err(),
            Err(stop) => Some(pass.release(stop).await),
        };
        match stop {
            None => report.outcome = Outcome::Completed,
            Some(Stop::As(outcome)) => report.outcome = outcome,
            Some(Stop::Error(error)) => return Err(error),
        }
        Ok(report)
    }
}

/// A thing that is mirrored, by Clerk's ids.
#[derive(Clone, Copy)]
enum Subject<'a> {
    User(&'a str),
    Organization(&'a str),
    Membership { organization: &'a str, user: &'a str },
}

impl<'a> Subject<'a> {
    /// What a change is about; nothing for what the Backend API lists nowhere, and what ends by itself.
    fn of(change: &'a IdentityChange) -> Option<Self> {
        match change {
            IdentityChange::UserUpserted(ClerkUser { id: user_id, .. })
            | IdentityChange::UserDeleted { user_id, .. } => Some(Self::User(user_id)),
            IdentityChange::OrganizationUpserted(ClerkOrganization {
                id: organization_id, ..
            })
            | IdentityChange::OrganizationDeleted { organization_id, .. } => {
                Some(Self::Organization(organization_id))
            }
            IdentityChange::MembershipUpserted(ClerkMembership {
                organization_id: organization,
                user_id: user,
                ..
            })
            | IdentityChange::MembershipDeleted {
                organization_id: organization,
                user_id: user,
                ..
            } => Some(Self::Membership { organization, user }),
            IdentityChange::SessionEnded { .. } => None,
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Organization(_) => "organization",
            Self::Membership { .. } => "membership",
        }
    }

    /// Clerk's ids of the person and the organization; blank for none.
    const fn names(self) -> (&'a str, &'a str) {
        match self {
            Self::User(user) => (user, ""),
            Self::Organization(organization) => ("", organization),
            Self::Membership { organization, user } => (user, organization),
        }
    }

    /// Our ids of the two, whose rows are there.
    async fn ours(
        self,
        tx: &Transaction<'_>,
        ids: &Ids,
        now: Timestamp,
    ) -> Result<(Option<UserId>, Option<OrganizationId>), DbError> {
        let (user, organization) = self.names();
        let user = match user {
            "" => None,
            user => Some(users::ensure(tx, ids.user(), user, now).await?.id),
        };
        let organization = match organization {
            "" => None,
            id => Some(
                organizations::ensure(tx, ids.organization(), id, "", now)
                    .await?
                    .id,
            ),
        };
        Ok((user, organization))
    }

    /// Notes that the pass has come across it; the transaction must name it.
    async fn see(self, tx: &Transaction<'_>, at: Timestamp) -> Result<(), DbError> {
        match self {
            Self::User(user) => users::update_seen(tx, user, at).await,
            Self::Organization(organization) => organizations::update_seen(tx, organization, at).await,
            Self::Membership { organization, user } => {
                organization_members::update_seen(tx, organization, user, at).await
            }
        }
    }
}

/// What Clerk said of one thing that it was asked for.
enum Found<T> {
    There(T),
    Gone,
    Unreadable,
}

/// A pass, while a run works on it.
struct Pass<'a> {
    of: Reconciler<'a>,
    progress: Progress,
    phase: Phase,
    /// Until when we hold it.
    held_until: Timestamp,
    /// When the run must end.
    until: Timestamp,
    report: &'a mut Report,
}

impl Pass<'_> {
    async fn work(&mut self) -> Result<(), Stop> {
        let now = self.of.clock.now();
        let completed_at = self.progress.completed_at;
        if let Some(completed_at) = completed_at.filter(|at| *at >= self.progress.pass_started_at) {
            if now < clock::after(completed_at, EVERY) {
                return Err(Stop::As(Outcome::NotDue));
            }
            self.progress.pass_started_at = now;
            self.enter(Phase::Users).await?;
        }
        loop {
            match self.phase {
                Phase::Users => {
                    self.users().await?;
                    self.check_instance().await?;
                    self.enter(Phase::Organizations).await?;
                }
                Phase::Organizations => {
                    self.organizations().await?;
                    self.enter(Phase::MissingUsers).await?;
                }
                Phase::MissingUsers => {
                    self.missing_users().await?;
                    self.enter(Phase::MissingOrganizations).await?;
                }
                Phase::MissingOrganizations => return self.missing_organizations().await,
            }
        }
    }

    /// Ends the pass.
    async fn complete(&mut self) -> Result<(), Stop> {
        let now = self.of.clock.now();
        self.progress.completed_at = Some(now);
        self.save_until(now).await?;
        let took = clock::until(self.progress.pass_started_at, now);
        self.of.metrics.took("IdentityPassMilliseconds", took);
        let Repaired {
            users,
            organizations,
            memberships,
        } = self.report.repaired;
        tracing::info!(
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            users,
            organizations,
            memberships,
            unreadable = self.report.unreadable,
            "the comparison with Clerk is complete; counts are of what the last run repaired"
        );
        Ok(())
    }

    /// Gives the comparison back to whoever comes next, with a note of where it stands.
    async fn release(&mut self, stop: Stop) -> Stop {
        if matches!(stop, Stop::As(Outcome::TakenOver)) {
            return stop;
        }
        let now = self.of.clock.now();
        // Where that fails, the lease runs out by itself, and the things behind the last note are compared once more.
        match (self.save_until(now).await, stop) {
            (Err(error), Stop::As(_)) => error,
            (_, Stop::Error(error)) if error.is_outage() && self.is_overdue(now) => {
                Stop::Error(ReconcileError::Overdue(Box::new(error)))
            }
            (_, stop) => stop,
        }
    }

    fn is_overdue(&self, now: Timestamp) -> bool {
        let since = self
            .progress
            .completed_at
            .unwrap_or(self.progress.pass_started_at);
        now > clock::after(since, OVERDUE)
    }

    /// Everybody at Clerk.
    async fn users(&mut self) -> Result<(), Stop> {
        let clerk = self.of.clerk;
        loop {
            let offset = place(self.progress.position);
            let page = self.ask(async || clerk.users(offset).await).await?;
            let is_last = page.len() < PAGE;
            for user in page {
                self.check_time()?;
                if let Some(user) = self.readable(user) {
                    self.recognize(&user).await?;
                    self.take(IdentityChange::UserUpserted(user)).await?;
                }
                self.progress.position += 1;
            }
            self.save().await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Notes the first person at Clerk whom we knew before the pass, at once: once the pass has taken people over, nobody
    /// can tell any more.
    async fn recognize(&mut self, user: &ClerkUser) -> Result<(), Stop> {
        if self.progress.subposition > 0 {
            return Ok(());
        }
        let mut db = self.of.db.get().await?;
        let tx = db.begin().await?;
        tx.name_unseen(self.progress.pass_started_at).await?;
        let known = users::find(&tx, &user.id).await?.is_some();
        tx.rollback().await?;
        drop(db);
        if known {
            self.progress.subposition = 1;
            self.save().await?;
        }
        Ok(())
    }

    /// Stops before anything is deleted when Clerk and we have nobody in common. A key of another instance (that of
    /// development, say) opens an API that knows nobody of ours, and takes them all for deleted, which is for good.
    async fn check_instance(&mut self) -> Result<(), Stop> {
        if self.progress.subposition > 0
            || self.unseen_users(1).await?.is_empty() && self.is_an_organization_there().await?
        {
            return Ok(());
        }
        // The next run looks again. The pass stays the one it is: whom it took over stays unknown to it.
        self.progress.position = 0;
        Err(Stop::Error(ReconcileError::OtherInstance))
    }

    /// Whether one of the organizations that we knew before the pass is at Clerk; also when we knew none. A deployment
    /// that is older than the mirror has organizations, with all that they have connected, and no people.
    async fn is_an_organization_there(&mut self) -> Result<bool, Stop> {
        let clerk = self.of.clerk;
        let known = self.unseen_organizations().await?;
        let is_there_none = known.is_empty();
        for id in known {
            if let Found::There(_) = self.ask_for(async || clerk.organization(&id).await).await? {
                return Ok(true);
            }
            self.save().await?;
        }
        Ok(is_there_none)
    }

    /// Every organization at Clerk, with its members.
    async fn organizations(&mut self) -> Result<(), Stop> {
        let clerk = self.of.clerk;
        loop {
            let offset = place(self.progress.position);
            let page = self.ask(async || clerk.organizations(offset).await).await?;
            let is_last = page.len() < PAGE;
            for organization in page {
                self.check_time()?;
                if let Some(organization) = self.readable(organization) {
                    self.organization(organization).await?;
                }
                self.progress.position += 1;
                self.progress.subposition = 0;
                self.save().await?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// An organization, all its members at Clerk, and those of ours who are not among them.
    async fn organization(&mut self, organization: ClerkOrganization) -> Result<(), Stop> {
        let clerk_org_id = organization.id.clone();
        let change = IdentityChange::OrganizationUpserted(organization);
        let Some(scope) = self.take(change).await? else {
            return Ok(());
        };
        if !self.members(&clerk_org_id).await? {
            // It has been deleted since its page was read.
            return self.organization_by_id(&clerk_org_id).await;
        }
        loop {
            let mut db = self.of.db.get().await?;
            let tx = db.begin_for(scope).await?;
            let started_at = self.progress.pass_started_at;
            let unseen = organization_members::list_unseen(&tx, scope, started_at, BATCH).await?;
            tx.rollback().await?;
            drop(db);
            if unseen.is_empty() {
                return Ok(());
            }
            for user in unseen {
                self.member_by_id(&clerk_org_id, &user).await?;
                self.save().await?;
            }
        }
    }

    /// The members at Clerk, from where the pass stands. False when Clerk does not know the organization.
    ///
    /// Should another organization have moved to this place since the last run, some of its members are passed over.
    /// Those of ours are asked for one by one, others come with the next pass.
    async fn members(&mut self, clerk_org_id: &str) -> Result<bool, Stop> {
        let clerk = self.of.clerk;
        loop {
            let offset = place(self.progress.subposition);
            let asked = self.ask(async || clerk.memberships(clerk_org_id, offset).await);
            let Some(page): Option<Page<ClerkMembership>> = asked.await? else {
                return Ok(false);
            };
            let is_last = page.len() < PAGE;
            for membership in page {
                self.check_time()?;
                if let Some(membership) = self.readable(membership) {
                    self.take(IdentityChange::MembershipUpserted(membership)).await?;
                }
                self.progress.subposition += 1;
            }
            self.save().await?;
            if is_last {
                return Ok(true);
            }
        }
    }

    async fn missing_users(&mut self) -> Result<(), Stop> {
        loop {
            let unseen = self.unseen_users(BATCH).await?;
            if unseen.is_empty() {
                return Ok(());
            }
            for user in unseen {
                self.user_by_id(&user).await?;
                self.progress.position += 1;
                self.save().await?;
            }
        }
    }

    async fn unseen_users(&self, count: i64) -> Result<Vec<String>, DbError> {
        let started_at = self.progress.pass_started_at;
        let mut db = self.of.db.get().await?;
        let tx = db.begin().await?;
        tx.name_unseen(started_at).await?;
        let unseen = users::list_unseen(&tx, started_at, count).await?;
        tx.rollback().await?;
        Ok(unseen)
    }

    async fn missing_organizations(&mut self) -> Result<(), Stop> {
        loop {
            let unseen = self.unseen_organizations().await?;
            if unseen.is_empty() {
                return Ok(());
            }
            for organization in unseen {
                self.organization_by_id(&organization).await?;
                self.progress.position += 1;
                self.save().await?;
            }
        }
    }

    async fn unseen_organizations(&self) -> Result<Vec<String>, DbError> {
        let started_at = self.progress.pass_started_at;
        let mut db = self.of.db.get().await?;
        let tx = db.begin().await?;
        tx.name_unseen(started_at).await?;
        let unseen = organizations::list_unseen(&tx, started_at, BATCH).await?;
        tx.rollback().await?;
        Ok(unseen)
    }

    async fn user_by_id(&mut self, id: &str) -> Result<(), Stop> {
        let clerk = self.of.clerk;
        // Before the answer: what Clerk tells of a later time must not count as older.
        let at = self.of.clock.now();
        let change = match self.ask_for(async || clerk.user(id).await).await? {
            Found::There(user) => IdentityChange::UserUpserted(user),
            Found::Gone => IdentityChange::UserDeleted {
                user_id: id.to_owned(),
                at,
            },
            Found::Unreadable => return self.pass_over(Subject::User(id)).await,
        };
        self.take(change).await?;
        Ok(())
    }

    async fn organization_by_id(&mut self, id: &str) -> Result<(), Stop> {
        let clerk = self.of.clerk;
        let at = self.of.clock.now();
        let change = match self.ask_for(async || clerk.organization(id).await).await? {
            Found::There(organization) => IdentityChange::OrganizationUpserted(organization),
            Found::Gone => IdentityChange::OrganizationDeleted {
                organization_id: id.to_owned(),
                at,
            },
            Found::Unreadable => return self.pass_over(Subject::Organization(id)).await,
        };
        self.take(change).await?;
        Ok(())
    }

    async fn member_by_id(&mut self, organization: &str, user: &str) -> Result<(), Stop> {
        let clerk = self.of.clerk;
        let at = self.of.clock.now();
        let found = self.ask_for(async || clerk.membership(organization, user).await);
        let change = match found.await? {
            Found::There(membership) => IdentityChange::MembershipUpserted(membership),
            Found::Gone => IdentityChange::MembershipDeleted {
                organization_id: organization.to_owned(),
                user_id: user.to_owned(),
                at,
            },
            Found::Unreadable => return self.pass_over(Subject::Membership { organization, user }).await,
        };
        self.take(change).await?;
        Ok(())
    }

    /// Applies what Clerk says of one thing and notes that the pass has come across it, both or neither. Answers our id
    /// of an organization that it is about.
    async fn take(&mut self, change: IdentityChange) -> Result<Option<OrganizationId>, Stop> {
        let Some(subject) = Subject::of(&change) else {
            return Ok(None);
        };
        let Reconciler { ids, cause, .. } = self.of;
        let (now, seen_at) = self.times();
        let mut db = self.of.db.get().await?;
        let tx = db.begin().await?;
        let applied = apply(&tx, ids, &change, cause, now).await?;
        subject.see(&tx, seen_at).await?;
        let is_changed = applied == Applied::Changed;
        let (user, organization) = if is_changed || matches!(subject, Subject::Organization(_)) {
            subject.ours(&tx, ids, now).await?
        } else {
            (None, None)
        };
        tx.commit().await?;

        if is_changed {
            let (kind, repaired) = (subject.kind(), &mut self.report.repaired);
            match subject {
                Subject::User(_) => repaired.users += 1,
                Subject::Organization(_) => repaired.organizations += 1,
                Subject::Membership { .. } => repaired.memberships += 1,
            }
            self.of.metrics.count("IdentityRepaired", Some(("kind", kind)));
            tracing::info!(
                kind,
                user.id = user.map(tracing::field::display),
                organization.id = organization.map(tracing::field::display),
                "what no webhook brought was applied"
            );
        }
        Ok(organization)
    }

    /// Notes that the pass has come across a thing of which nothing is known but that: it is left as it is.
    async fn pass_over(&self, subject: Subject<'_>) -> Result<(), Stop> {
        let (user, organization) = subject.names();
        let mut db = self.of.db.get().await?;
        let tx = db.begin_naming(user, organization).await?;
        subject.see(&tx, self.times().1).await?;
        Ok(tx.commit().await?)
    }

    /// Now, and the time at which something counts as seen: in this pass, though this clock be behind the one that
    /// began it.
    fn times(&self) -> (Timestamp, Timestamp) {
        let now = self.of.clock.now();
        (now, now.max(self.progress.pass_started_at))
    }

    /// Asks for one thing. What cannot be read of it does not stop the pass.
    async fn ask_for<T>(
        &mut self,
        call: impl AsyncFn() -> Result<Option<T>, ClerkError>,
    ) -> Result<Found<T>, Stop> {
        match self.ask(call).await {
            Ok(Some(thing)) => Ok(Found::There(thing)),
            Ok(None) => Ok(Found::Gone),
            Err(Stop::Error(ReconcileError::Clerk(error @ ClerkError::Protocol { .. }))) => {
                tracing::warn!(phase = self.phase.as_str(), error = %error, "a thing cannot be read");
                self.report.unreadable += 1;
                Ok(Found::Unreadable)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Asks Clerk, and once more after the pause that it asks for, if there is time for it.
    async fn ask<T>(&mut self, call: impl AsyncFn() -> Result<T, ClerkError>) -> Result<T, Stop> {
        loop {
            self.check_time()?;
            let after = match call().await {
                Ok(answer) => return Ok(answer),
                Err(ClerkError::RateLimited { after }) => after,
                Err(error) => return Err(error.into()),
            };
            let now = self.of.clock.now();
            let paused_until = clock::after(now, after);
            if paused_until >= self.until && self.is_overdue(now) {
                return Err(ClerkError::RateLimited { after }.into());
            }
            if paused_until >= self.until {
                return Err(Stop::As(Outcome::RateLimited));
            }
            self.save_until(clock::after(paused_until, LEASE)).await?;
            tokio::time::sleep(after).await;
        }
    }

    fn check_time(&self) -> Result<(), Stop> {
        if self.of.clock.now() < self.until {
            Ok(())
        } else {
            Err(Stop::As(Outcome::OutOfTime))
        }
    }

    fn readable<T>(&mut self, item: Option<T>) -> Option<T> {
        self.report.unreadable += usize::from(item.is_none());
        item
    }

    /// Goes on to a phase.
    async fn enter(&mut self, phase: Phase) -> Result<(), Stop> {
        self.phase = phase;
        self.progress.position = 0;
        self.progress.subposition = 0;
        self.save().await
    }

    /// Notes where the pass stands, and that this run lives.
    async fn save(&mut self) -> Result<(), Stop> {
        self.save_until(clock::after(self.of.clock.now(), LEASE)).await
    }

    async fn save_until(&mut self, lease_until: Timestamp) -> Result<(), Stop> {
        let hold = Hold {
            held_until: self.held_until,
            lease_until,
        };
        self.phase.as_str().clone_into(&mut self.progress.phase);
        let db = self.of.db.get().await?;
        reconciliations::save(&db, NAME, &self.progress, hold, self.of.clock.now()).await?;
        self.held_until = lease_until;
        Ok(())
    }
}

/// A place in a list. The database keeps none below zero.
fn place(position: i32) -> usize {
    usize::try_from(position).unwrap_or_default()
}
