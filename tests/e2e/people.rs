//! People who sign up at Clerk, and what their web client and Clerk's webhooks do.

use serde_json::{Value, json};
use shared::{
    clock::{Clock as _, SystemClock},
    identity::fake::FakeEvent,
};
use tests::{
    client::Answer,
    people::{Named, Person},
};

use crate::{logs::Entry, world::World};

/// Clerk's kinds of which nothing is queued.
const IGNORED: &str = "session.created";

/// What the processor of events says when it is done with one.
const DONE: [&str; 3] = [
    "a change was applied",
    "what is known is as new",
    "the delivery has been dealt with",
];

/// What somebody is called, in words that are found wherever they turn up.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) email: String,
}

impl Names {
    fn named(&self) -> Named<'_> {
        Named {
            first_name: &self.first,
            last_name: &self.last,
            email: &self.email,
        }
    }
}

impl World {
    /// Names that nobody has yet, and that nobody's business they are.
    pub(crate) fn names(&self) -> Names {
        let number = self.next_person();
        let names = Names {
            first: format!("Quillabeth-{number}"),
            last: format!("Featherstone-{number}"),
            email: format!("quillabeth.{number}@featherstone.example"),
        };
        self.hide_person("a given name", &names.first);
        self.hide_person("a family name", &names.last);
        self.hide_person("an e-mail address", &names.email);
        names
    }

    /// Somebody signs up, founds an organization and signs in; no webhook has come yet.
    pub(crate) fn founder(&self, organization: &str, slug: &str) -> (Person, Names) {
        let names = self.names();
        let person = Person::founder(self.clerk.now(), names.named(), organization, slug);
        (person, names)
    }

    /// Somebody signs up, joins a colleague's organization and signs in; no webhook has come yet.
    pub(crate) fn joiner(&self, colleague: &Person) -> (Person, Names) {
        let names = self.names();
        let person = Person::joiner(self.clerk.now(), names.named(), colleague);
        (person, names)
    }

    /// A session token as the web client has one. Nobody else may ever have it.
    pub(crate) fn token(&self, person: &Person) -> String {
        self.hidden_token(self.clerk.token(person))
    }

    /// One that does not expire while the stories are told.
    pub(crate) fn long_token(&self, person: &Person) -> String {
        self.hidden_token(self.clerk.long_token(person))
    }

    fn hidden_token(&self, token: String) -> String {
        // Every instance's tokens begin with the same header.
        for part in token.split('.').skip(1) {
            self.hide("a session token", part);
        }
        token
    }

    /// The web client posts with this token.
    pub(crate) async fn post_with(&self, token: &str, path: &str, body: &Value) -> Answer {
        let answer = self.web.post(path, token, body).await;
        answer.expect("the API answers")
    }

    /// Somebody's web client posts, with a token made now, and is answered as it wishes.
    pub(crate) async fn post(&self, person: &Person, path: &str, body: &Value) -> Value {
        let answer = self.post_with(&self.token(person), path, body).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.body);
        answer.json().expect("JSON")
    }

    /// What somebody is told who asks who they are.
    pub(crate) async fn me(&self, person: &Person) -> Value {
        let body = json!({ "clerk_user_id": person.id, "clerk_org_id": person.organization });
        self.post(person, "/identity/me/", &body).await
    }

    /// The entries of one kind in the record of an admin's organization.
    pub(crate) async fn record(&self, admin: &Person, action: &str) -> Vec<Value> {
        let page = self
            .post(admin, "/identity/audit/", &json!({ "action": action }))
            .await;
        page["events"].as_array().cloned().expect("a list")
    }

    /// Clerk sends a webhook, which must be taken.
    pub(crate) async fn tell(&self, event: &FakeEvent) {
        let answer = self.webhooks.send(event, SystemClock.now()).await;
        let answer = answer.expect("the API answers");
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (200, "{}"),
            "{}",
            event.kind
        );
    }

    /// Waits until the processor of events is done with what a webhook brought.
    pub(crate) async fn until_applied(&self, event: &FakeEvent) {
        if event.kind == IGNORED {
            return;
        }
        let is_done = |entry: &Entry| DONE.iter().any(|done| entry.says(done));
        self.until_logged("event-processor", |entry| {
            is_done(entry) && is_about(entry, event)
        })
        .await;
    }

    /// Clerk sends all that it has not told yet, and it is applied.
    pub(crate) async fn webhooks_come(&self) {
        let events = self.clerk.now().drain();
        for event in &events {
            self.tell(event).await;
        }
        for event in &events {
            self.until_applied(event).await;
        }
    }
}

/// Whether a line of the processor's is about what a webhook brought.
pub(crate) fn is_about(entry: &Entry, event: &FakeEvent) -> bool {
    let delivery = entry.field("delivery.id");
    delivery.and_then(|delivery| delivery.strip_prefix("clerk:")) == Some(event.id.as_str())
}
