//! A Clerk to talk to in tests and on a laptop: people, organizations, memberships and sessions behind the Backend
//! API's addresses, over HTTP, and the webhooks that their changes set off.
//!
//! Nothing is delivered by itself: what Clerk would send is kept until a test takes it, and delivers it, twice, late, in
//! another order, or not at all. A further call goes into `web`, a further kind of event to the change that causes it.

mod web;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    clock::Timestamp,
    http::fake::{ANY_PORT, Server},
};

/// The instance that the fake is.
pub const INSTANCE_ID: &str = "ins_2fakeInfraGPT";
/// The key that opens its Backend API.
pub const SECRET_KEY: &str = "sk_test_0fakeFAKEfakeFAKEfakeFAKEfakeFAKEfake";
/// The time at which it begins: 2024-05-28T08:00:00Z, in milliseconds.
const BEGINNING: i64 = 1_716_883_200_000;

/// A running fake; clones are handles to the same one, which ends with the last of them.
#[derive(Clone)]
pub struct FakeClerk(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    server: Server,
}

impl fmt::Debug for FakeClerk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FakeClerk")
            .field(&self.0.server.address())
            .finish()
    }
}

/// What the server and the handles share.
struct Shared {
    world: Mutex<World>,
    /// Told of every change, so that nobody has to poll.
    changed: watch::Sender<()>,
}

impl Shared {
    /// The world, to look at or to change. Those who wait look again when the guard is gone.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.world());
        self.changed.send_replace(());
        result
    }
}

struct World {
    users: BTreeMap<String, User>,
    organizations: BTreeMap<String, Organization>,
    /// By organization and person.
    memberships: BTreeMap<(String, String), Membership>,
    /// Those that go on, with whose they are.
    sessions: BTreeMap<String, Session>,
    /// What a role may do, by its name.
    roles: BTreeMap<String, BTreeSet<String>>,
    /// The time of the last change, in milliseconds.
    now: i64,
    /// How many ids were given.
    ids: u64,
    events: Vec<FakeEvent>,
    is_silent: bool,
    calls: Vec<Call>,
    hanging: usize,
    troubles: VecDeque<(String, Trouble)>,
}

impl Default for World {
    fn default() -> Self {
        let role = |name: &str, permissions: &[&str]| {
            let permissions = permissions.iter().map(|&permission| permission.to_owned());
            (name.to_owned(), permissions.collect())
        };
        Self {
            users: BTreeMap::new(),
            organizations: BTreeMap::new(),
            memberships: BTreeMap::new(),
            sessions: BTreeMap::new(),
            roles: BTreeMap::from([
                role(
                    "org:admin",
                    &[
                        "org:sys_memberships:manage",
                        "org:sys_memberships:read",
                        "org:sys_profile:manage",
                    ],
                ),
                role("org:member", &["org:sys_memberships:read"]),
            ]),
            now: BEGINNING,
            ids: 0,
            events: Vec::new(),
            is_silent: false,
            calls: Vec::new(),
            hanging: 0,
            troubles: VecDeque::new(),
        }
    }
}

impl World {
    /// The time of a change: never twice the same.
    fn tick(&mut self) -> i64 {
        self.now += 1;
        self.now
    }

    /// Clerk's ids are of 27 letters and digits, and later ones sort behind earlier ones.
    fn id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}_2fake{:022}", self.ids)
    }

    fn tell(&mut self, kind: &str, data: &Value) {
        if self.is_silent {
            return;
        }
        let id = self.id("msg");
        self.events.push(FakeEvent {
            id,
            kind: kind.to_owned(),
            body: wire::event(kind, data, self.now).to_string(),
        });
    }

    fn tell_user(&mut self, kind: &str, id: &str) {
        if let Some(user) = self.users.get(id) {
            let data = wire::user(id, user);
            self.tell(kind, &data);
        }
    }

    fn tell_organization(&mut self, kind: &str, id: &str) {
        if let Some(organization) = self.organizations.get(id) {
            let data = wire::organization(id, organization);
            self.tell(kind, &data);
        }
    }

    fn tell_membership(&mut self, kind: &str, organization: &str, user: &str) {
        if let Some(data) = self.membership(organization, user) {
            self.tell(kind, &data);
        }
    }

    /// A membership as Clerk writes it.
    fn membership(&self, organization: &str, user: &str) -> Option<Value> {
        let key = (organization.to_owned(), user.to_owned());
        let membership = self.memberships.get(&key)?;
        Some(wire::membership(
            membership,
            self.roles.get(&membership.role),
            (organization, self.organizations.get(organization)?),
            (user, self.users.get(user)?),
        ))
    }

    fn join(&mut self, organization: &str, user: &str, role: &str) {
        let at = self.tick();
        let membership = Membership {
            id: self.id("orgmem"),
            role: role.to_owned(),
            created_at: at,
            updated_at: at,
        };
        self.memberships
            .insert((organization.to_owned(), user.to_owned()), membership);
        self.tell_membership("organizationMembership.created", organization, user);
    }

    fn count(&self, path: &str) -> usize {
        self.calls.iter().filter(|call| call.path == path).count()
    }
}

struct User {
    /// By id; the first one was the first.
    emails: Vec<(String, String)>,
    primary_email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    image_url: String,
    unsafe_metadata: Value,
    created_at: i64,
    updated_at: i64,
}

struct Organization {
    name: String,
    slug: String,
    created_by: Option<String>,
    created_at: i64,
    updated_at: i64,
}

struct Membership {
    id: String,
    role: String,
    created_at: i64,
    updated_at: i64,
}

struct Session {
    user: String,
    created_at: i64,
}

/// A webhook that Clerk would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeEvent {
    /// Its `svix-id`, `msg_…`: the same however often it is sent.
    pub id: String,
    /// Clerk's name of what happened, such as `user.created`.
    pub kind: String,
    /// The body, to be signed.
    pub body: String,
}

/// A call of the Backend API that the fake has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The path below the host, such as `/v1/users`.
    pub path: String,
    /// The query, decoded, in the order in which it came.
    pub query: Vec<(String, String)>,
    /// Whether it came with the secret key.
    pub is_authorized: bool,
}

impl Call {
    /// The first value of a query's field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.query.iter().filter(|(field, _)| field == name);
        values.next().map(|(_, value)| value.as_str())
    }
}

/// How a call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// 429, asking to wait so long; whole seconds.
    RateLimited(Duration),
    /// This HTTP status, with a page of HTML that quotes the secret key and what was asked.
    Status(u16),
    /// 200 with such a page, which is no JSON.
    Malformed,
    /// No answer.
    Hang,
}

impl FakeClerk {
    /// A fake without people, on a free port of this machine. Needs a tokio runtime, and lives on it.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::start_at(ANY_PORT).await
    }

    /// As [`start`](Self::start), at a given address.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start_at(address: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            world: Mutex::default(),
            changed: watch::Sender::new(()),
        });
        let router = web::router(shared.clone());
        let server = Server::start(address, router).await?;
        Ok(Self(Arc::new(Inner { shared, server })))
    }

    /// The base URL of the Backend API, with its version.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.0.server.address())
    }

    /// The secret key that the Backend API takes.
    #[must_use]
    pub const fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The instance that its webhooks name.
    #[must_use]
    pub const fn instance_id(&self) -> &'static str {
        INSTANCE_ID
    }

    /// Sets the time of the last change: the next one is a millisecond later. The time only goes on with changes.
    pub fn set_clock(&self, now: Timestamp) {
        self.change(|world| world.now = now.timestamp_millis());
    }

    /// The time of the last change.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_timestamp_millis(self.0.shared.world().now).unwrap_or_default()
    }

    /// Somebody signs up. Returns the id.
    #[must_use]
    pub fn sign_up(&self, email: &str, first_name: &str, last_name: &str) -> String {
        self.change(|world| {
            let at = world.tick();
            let (id, email_id) = (world.id("user"), world.id("idn"));
            world.users.insert(
                id.clone(),
                User {
                    emails: vec![(email_id.clone(), email.to_owned())],
                    primary_email: Some(email_id),
                    first_name: Some(first_name.to_owned()).filter(|name| !name.is_empty()),
                    last_name: Some(last_name.to_owned()).filter(|name| !name.is_empty()),
                    image_url: format!("https://img.clerk.example/{id}"),
                    unsafe_metadata: json!({}),
                    created_at: at,
                    updated_at: at,
                },
            );
            world.tell_user("user.created", &id);
            id
        })
    }

    /// A person changes their name. An empty one is none.
    pub fn update_user(&self, id: &str, first_name: &str, last_name: &str) {
        self.change_user(id, |user, _| {
            user.first_name = Some(first_name.to_owned()).filter(|name| !name.is_empty());
            user.last_name = Some(last_name.to_owned()).filter(|name| !name.is_empty());
        });
    }

    /// A person adds an e-mail address and makes it the primary one; the others stay, in front of it.
    pub fn change_email(&self, id: &str, email: &str) {
        self.change_user(id, |user, email_id| {
            user.emails.push((email_id.clone(), email.to_owned()));
            user.primary_email = Some(email_id);
        });
    }

    /// Takes a person's primary e-mail address from them, as it is with those who sign in by telephone.
    pub fn remove_email(&self, id: &str) {
        self.change_user(id, |user, _| {
            user.emails.clear();
            user.primary_email = None;
        });
    }

    /// A person writes metadata of their own, which Clerk takes whatever it is.
    pub fn write_metadata(&self, id: &str, metadata: Value) {
        self.change_user(id, |user, _| user.unsafe_metadata = metadata);
    }

    fn change_user(&self, id: &str, change: impl FnOnce(&mut User, String)) {
        self.change(|world| {
            let (at, email_id) = (world.tick(), world.id("idn"));
            if let Some(user) = world.users.get_mut(id) {
                change(user, email_id);
                user.updated_at = at;
            }
            world.tell_user("user.updated", id);
        });
    }

    /// A person goes. Of the memberships and sessions that end with it nothing is told: that Clerk does so is nowhere
    /// promised.
    pub fn delete_user(&self, id: &str) {
        self.change(|world| {
            world.tick();
            if world.users.remove(id).is_some() {
                world.memberships.retain(|(_, user), _| user != id);
                world.sessions.retain(|_, session| session.user != id);
                world.tell("user.deleted", &wire::deleted("user", id));
            }
        });
    }

    /// Somebody creates an organization and becomes its admin. Returns the id.
    #[must_use]
    pub fn create_organization(&self, name: &str, slug: &str, created_by: &str) -> String {
        self.change(|world| {
            let id = world.found(name, slug, Some(created_by));
            world.join(&id, created_by, "org:admin");
            id
        })
    }

    /// Somebody makes an organization in Clerk's dashboard: it has no creator and no members. Returns the id.
    #[must_use]
    pub fn create_organization_in_dashboard(&self, name: &str, slug: &str) -> String {
        self.change(|world| world.found(name, slug, None))
    }

    /// An organization gets another name.
    pub fn update_organization(&self, id: &str, name: &str, slug: &str) {
        self.change(|world| {
            let at = world.tick();
            if let Some(organization) = world.organizations.get_mut(id) {
                name.clone_into(&mut organization.name);
                slug.clone_into(&mut organization.slug);
                organization.updated_at = at;
            }
            world.tell_organization("organization.updated", id);
        });
    }

    /// An organization ends. Of the memberships that end with it nothing is told, as with a person's.
    pub fn delete_organization(&self, id: &str) {
        self.change(|world| {
            world.tick();
            if world.organizations.remove(id).is_some() {
                world
                    .memberships
                    .retain(|(organization, _), _| organization != id);
                world.tell("organization.deleted", &wire::deleted("organization", id));
            }
        });
    }

    /// A person joins an organization as `role`, such as `org:member`.
    pub fn add_member(&self, organization: &str, user: &str, role: &str) {
        self.change(|world| world.join(organization, user, role));
    }

    /// A member gets another role.
    pub fn set_role(&self, organization: &str, user: &str, role: &str) {
        self.change(|world| {
            let at = world.tick();
            let key = (organization.to_owned(), user.to_owned());
            if let Some(membership) = world.memberships.get_mut(&key) {
                role.clone_into(&mut membership.role);
                membership.updated_at = at;
            }
            world.tell_membership("organizationMembership.updated", organization, user);
        });
    }

    /// A person leaves an organization, or is removed from it.
    pub fn remove_member(&self, organization: &str, user: &str) {
        self.change(|world| {
            world.tick();
            world.tell_membership("organizationMembership.deleted", organization, user);
            world
                .memberships
                .remove(&(organization.to_owned(), user.to_owned()));
        });
    }

    /// Makes a role of the team's own, with what it may do.
    pub fn define_role(&self, role: &str, permissions: &[&str]) {
        let permissions = permissions
            .iter()
            .map(|&permission| permission.to_owned())
            .collect();
        self.change(|world| world.roles.insert(role.to_owned(), permissions));
    }

    /// A person signs in. Returns the session's id.
    #[must_use]
    pub fn start_session(&self, user: &str) -> String {
        self.change(|world| {
            let at = world.tick();
            let (id, session) = (
                world.id("sess"),
                Session {
                    user: user.to_owned(),
                    created_at: at,
                },
            );
            let data = wire::session(&id, &session, "active", at);
            world.sessions.insert(id.clone(), session);
            world.tell("session.created", &data);
            id
        })
    }

    /// A person signs out.
    pub fn end_session(&self, id: &str) {
        self.stop_session(id, "ended");
    }

    /// Somebody else ends a session.
    pub fn revoke_session(&self, id: &str) {
        self.stop_session(id, "revoked");
    }

    fn stop_session(&self, id: &str, how: &str) {
        self.change(|world| {
            let at = world.tick();
            if let Some(session) = world.sessions.remove(id) {
                world.tell(&format!("session.{how}"), &wire::session(id, &session, how, at));
            }
        });
    }

    /// Lets changes happen of which Clerk tells nothing: webhooks that are lost.
    pub fn without_webhooks<T>(&self, changes: impl FnOnce(&Self) -> T) -> T {
        self.change(|world| world.is_silent = true);
        let result = changes(self);
        self.change(|world| world.is_silent = false);
        result
    }

    /// The webhooks that Clerk would have sent and nobody has taken, in the order of what happened.
    #[must_use]
    pub fn events(&self) -> Vec<FakeEvent> {
        self.0.shared.world().events.clone()
    }

    /// Takes those webhooks.
    #[must_use]
    pub fn drain(&self) -> Vec<FakeEvent> {
        self.change(|world| std::mem::take(&mut world.events))
    }

    /// Lets the next `times` calls of a path go wrong, such as `/v1/users`; `"*"` is any path.
    pub fn trouble(&self, path: &str, times: usize, trouble: &Trouble) {
        self.change(|world| {
            let troubles = std::iter::repeat_n((path.to_owned(), trouble.clone()), times);
            world.troubles.extend(troubles);
        });
    }

    /// Ends all trouble that has not happened yet.
    pub fn no_more_trouble(&self) {
        self.change(|world| world.troubles.clear());
    }

    /// All calls so far, also those that went wrong.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.0.shared.world().calls.clone()
    }

    /// How often a path was called.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.0.shared.world().count(path)
    }

    /// Waits until a path has been called `count` times in all.
    pub async fn until_called(&self, path: &str, count: usize) {
        self.until(|world| world.count(path) >= count).await;
    }

    /// Waits until `count` calls are hanging or have been left hanging.
    pub async fn until_hanging(&self, count: usize) {
        self.until(|world| world.hanging >= count).await;
    }

    async fn until(&self, is_so: impl Fn(&World) -> bool) {
        let mut changes = self.0.shared.changed.subscribe();
        while !is_so(&self.0.shared.world()) {
            if changes.changed().await.is_err() {
                return; // cannot be: this handle holds the sender
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        self.0.shared.change(change)
    }
}

impl World {
    fn found(&mut self, name: &str, slug: &str, created_by: Option<&str>) -> String {
        let at = self.tick();
        let id = self.id("org");
        self.organizations.insert(
            id.clone(),
            Organization {
                name: name.to_owned(),
                slug: slug.to_owned(),
                created_by: created_by.map(ToOwned::to_owned),
                created_at: at,
                updated_at: at,
            },
        );
        self.tell_organization("organization.created", &id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::event::{ClerkEvent, parse},
        task::{IdentityChange, MemberRole},
    };

    fn changes(clerk: &FakeClerk) -> Vec<IdentityChange> {
        clerk
            .drain()
            .iter()
            .filter_map(|event| match parse(event.body.as_bytes(), INSTANCE_ID) {
                Ok(ClerkEvent::Changed(change)) => Some(change),
                Ok(ClerkEvent::Ignored { kind }) => {
                    assert_eq!(kind, "session.created");
                    None
                }
                Err(error) => panic!("{}: {error}", event.kind),
            })
            .collect()
    }

    #[tokio::test]
    async fn every_change_is_told_once_and_later_than_the_one_before() {
        let clerk = FakeClerk::start().await.expect("a port");
        let ada = clerk.sign_up("ada@acme.example", "Ada", "");
        let acme = clerk.create_organization("Acme", "acme", &ada);
        let bob = clerk.sign_up("bob@acme.example", "Bob", "Byte");
        clerk.add_member(&acme, &bob, "org:member");
        clerk.define_role("org:oncall", &["org:infragpt:manage"]);
        clerk.set_role(&acme, &bob, "org:oncall");
        clerk.change_email(&bob, "bob@new.example");
        clerk.update_organization(&acme, "Acme Corp", "acme-corp");
        let session = clerk.start_session(&bob);
        clerk.revoke_session(&session);
        clerk.remove_member(&acme, &bob);
        clerk.delete_organization(&acme);
        clerk.delete_user(&ada);

        let told = changes(&clerk);
        let mut last = Timestamp::UNIX_EPOCH;
        for change in &told {
            let at = match change {
                IdentityChange::UserUpserted(user) => user.updated_at,
                IdentityChange::OrganizationUpserted(organization) => organization.updated_at,
                IdentityChange::MembershipUpserted(membership) => membership.updated_at,
                IdentityChange::UserDeleted { at, .. }
                | IdentityChange::OrganizationDeleted { at, .. }
                | IdentityChange::MembershipDeleted { at, .. }
                | IdentityChange::SessionEnded { at, .. } => *at,
            };
            assert!(at > last, "{change:?}");
            last = at;
        }
        let [
            IdentityChange::UserUpserted(first),
            IdentityChange::OrganizationUpserted(founded),
            IdentityChange::MembershipUpserted(creator),
            IdentityChange::UserUpserted(_),
            IdentityChange::MembershipUpserted(joined),
            IdentityChange::MembershipUpserted(promoted),
            IdentityChange::UserUpserted(moved),
            IdentityChange::OrganizationUpserted(_),
            IdentityChange::SessionEnded { session_id, .. },
            IdentityChange::MembershipDeleted { user_id, .. },
            IdentityChange::OrganizationDeleted { organization_id, .. },
            IdentityChange::UserDeleted { user_id: gone, .. },
        ] = &told[..]
        else {
            panic!("{told:?}")
        };
        assert_eq!(
            (first.email.as_str(), first.last_name.as_str()),
            ("ada@acme.example", "")
        );
        assert_eq!(founded.created_by.as_ref(), Some(&ada));
        assert_eq!((creator.role, &creator.user_id), (MemberRole::Admin, &ada));
        assert_eq!(
            (joined.role, promoted.role),
            (MemberRole::Member, MemberRole::Admin)
        );
        assert_eq!(joined.joined_at, promoted.joined_at);
        assert_eq!(moved.email, "bob@new.example", "the first address is an old one");
        assert_eq!(
            (session_id, user_id, organization_id, gone),
            (&session, &bob, &acme, &ada)
        );
    }

    #[tokio::test]
    async fn a_lost_webhook_leaves_the_change_and_no_event() {
        let clerk = FakeClerk::start().await.expect("a port");
        clerk.set_clock(Timestamp::from_timestamp(2_000_000_000, 0).expect("a time"));
        let ada = clerk.without_webhooks(|clerk| clerk.sign_up("ada@acme.example", "Ada", "Byte"));
        assert!(clerk.events().is_empty());
        clerk.update_user(&ada, "Ada", "Lovelace");
        let told = changes(&clerk);
        let [IdentityChange::UserUpserted(user)] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(user.last_name, "Lovelace");
        assert_eq!(user.updated_at, clerk.now());
        assert_eq!(clerk.now().timestamp_millis(), 2_000_000_000_002);
        assert!(clerk.events().is_empty(), "they were taken");
    }
}
