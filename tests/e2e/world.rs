//! The deployed stack with a Slack workspace, a Clerk instance and an agent around it.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use aws_sdk_secretsmanager::Client as Secrets;
use aws_sdk_sqs::{
    Client as Sqs,
    types::{Message as Record, MessageSystemAttributeName, QueueAttributeName},
};
use nix::sys::signal::{Signal, kill};
use serde_json::Value;
use shared::connector::slack::fake::{FakeSlack, Message, Workspace};
use tests::{
    agent::{AgentServer, Behaviour},
    clerk::{Clerk, WebClient, WebhookSender},
    client::Client,
    local::{DATABASE, Installed, Progress, Stack},
    people::{Named, Person},
    vendors::Vendors,
};

use crate::{
    door::{Door, signed},
    logs::Entry,
};

const TEAM: &str = "T0E2E0001";
pub(crate) const CHANNEL: &str = "C0E2E0001";
const USER: &str = "U0E2E0001";
const TOKEN: &str = "xoxb-7351908246-vMq3TzX8LbKe2RwYpGdN";
/// Who founded the organization that has the workspace.
const FOUNDER: Named<'_> = Named {
    first_name: "Persephone",
    last_name: "Abernathy-Quill",
    email: "persephone@abernathy.example",
};

/// Slack's outdated way to prove who it is. It is in every event, and nobody else's business.
const VERIFICATION_TOKEN: &str = "jR7wQzT2mVxK9bLpYc4HsNdE";

/// In every text that somebody says, so that a text can be told wherever it turns up.
pub(crate) const MARK: &str = "quokka-4711";

/// How long an ordinary answer may take; the first one starts two functions.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before looking again at what the emulator has no event for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A thread that somebody began.
#[derive(Debug, Clone)]
pub(crate) struct Thread {
    /// Its first message.
    pub(crate) ts: String,
}

/// An event that was accepted, and the trace it was sent with.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    /// The ledger's name of the post.
    pub(crate) delivery: String,
    pub(crate) trace: String,
}

pub(crate) struct World {
    // First, because it must end before what it talks to.
    pub(crate) stack: Stack,
    pub(crate) agent: AgentServer,
    pub(crate) slack: FakeSlack,
    pub(crate) workspace: Workspace,
    /// The third parties that can be connected, Slack among them.
    pub(crate) vendors: Vendors,
    pub(crate) clerk: Clerk,
    /// All that send to the API send by this, which keeps what it answers.
    pub(crate) client: Client,
    pub(crate) door: Door,
    pub(crate) webhooks: WebhookSender,
    pub(crate) web: WebClient,
    pub(crate) sqs: Sqs,
    pub(crate) secrets: Secrets,
    /// What Slack signs with.
    pub(crate) signing_secret: RefCell<String>,
    /// What must be seen nowhere, by what it is.
    hidden: RefCell<Vec<(&'static str, String)>>,
    /// What people are called, which must be seen nowhere but on the queue and by colleagues.
    people: RefCell<Vec<(&'static str, String)>>,
    persons: Cell<u32>,
    /// What was taken off queues to be looked at.
    tapped: RefCell<Vec<String>>,
    threads: RefCell<Vec<Thread>>,
    delivered: RefCell<Vec<Delivered>>,
    traces: Cell<u32>,
}

impl World {
    /// Deploys, and connects a workspace.
    pub(crate) async fn start(progress: &Progress) -> anyhow::Result<Self> {
        let agent = AgentServer::start().await?;
        agent.always(Behaviour::Answer(answer_text()));
        let vendors = Vendors::start().await?;
        let slack = vendors.slack.clone();
        let workspace = slack.workspace(TEAM, "Acme", TOKEN);
        workspace.channel(CHANNEL, "platform");
        workspace.user(USER, "Ada");

        let clerk = Clerk::start().await?;
        let founder = Person::founder(clerk.now(), FOUNDER, "Acme", "acme");
        let parties = clerk.parties(&vendors, agent.url().to_owned());
        let deployed = Stack::start("e2e", &parties, progress).await?;
        progress.step("connecting a Slack workspace to an organization");
        deployed
            .connect_slack(&Installed {
                organization: &clerk.organization(&founder, "Acme"),
                team: TEAM,
                bot_user: workspace.bot_user_id(),
                token: TOKEN,
            })
            .await?;
        let aws = deployed.emulator.sdk()?;
        let client = Client::that_keeps_answers();
        let api = deployed.url("")?;
        let world = Self {
            webhooks: WebhookSender::new(
                client.clone(),
                &deployed.url("/webhooks/clerk")?,
                &deployed.clerk_signing_secret,
            ),
            web: WebClient::new(client.clone(), &api),
            door: Door::new(client.clone(), api),
            client,
            clerk,
            sqs: Sqs::new(&aws),
            secrets: Secrets::new(&aws),
            signing_secret: deployed.signing_secret.clone().into(),
            hidden: RefCell::default(),
            people: RefCell::default(),
            persons: Cell::new(0),
            tapped: RefCell::default(),
            threads: RefCell::default(),
            delivered: RefCell::default(),
            traces: Cell::new(0),
            stack: deployed,
            agent,
            slack,
            workspace,
            vendors,
        };
        world.hide_secrets().await?;
        for (what, name) in [
            ("a given name", FOUNDER.first_name),
            ("a family name", FOUNDER.last_name),
            ("an e-mail address", FOUNDER.email),
        ] {
            world.hide_person(what, name);
        }
        Ok(world)
    }

    /// Notes every secret that the deployment began with.
    async fn hide_secrets(&self) -> anyhow::Result<()> {
        self.hide("the bot token", TOKEN);
        self.hide("Slack's verification token", VERIFICATION_TOKEN);
        self.hide("the signing secret", &self.stack.signing_secret);
        self.hide("Clerk's signing secret", &self.stack.clerk_signing_secret);
        self.hide("GitHub's webhook secret", &self.stack.github_signing_secret);
        self.hide("the key of Clerk's API", self.clerk.now().secret_key());
        for (what, logical, field) in [
            ("the generated signing secret", "SlackSecret", "signing_secret"),
            (
                "Clerk's generated signing secret",
                "ClerkSecret",
                "signing_secret",
            ),
            (
                "GitHub's generated webhook secret",
                "GitHubSecret",
                "signing_secret",
            ),
            ("the generated key of Clerk's API", "ClerkApiSecret", "secret_key"),
        ] {
            let generated = self.secret(logical, "AWSPREVIOUS").await?;
            self.hide(what, text(&generated, field)?);
        }
        let role = self.secret("DatabaseSecret", "AWSCURRENT").await?;
        self.hide("the database role's password", text(&role, "password")?);
        let administrator = self.stack.postgres.administrator_secret();
        self.hide(
            "the database administrator's password",
            text(&administrator, "password")?,
        );
        Ok(())
    }

    /// What a secret of the template holds.
    pub(crate) async fn secret(&self, logical: &str, stage: &str) -> anyhow::Result<Value> {
        let value = self
            .secrets
            .get_secret_value()
            .secret_id(self.stack.deployment.resource(logical)?)
            .version_stage(stage)
            .send()
            .await
            .with_context(|| format!("{logical} cannot be read"))?;
        Ok(serde_json::from_str(
            value.secret_string().context("it is empty")?,
        )?)
    }

    /// From now on `secret` must be seen nowhere.
    pub(crate) fn hide(&self, what: &'static str, secret: &str) {
        self.hidden.borrow_mut().push((what, secret.to_owned()));
    }

    /// From now on what somebody is called must be seen nowhere but where it belongs.
    pub(crate) fn hide_person(&self, what: &'static str, name: &str) {
        self.people.borrow_mut().push((what, name.to_owned()));
    }

    /// What people are called.
    pub(crate) fn people(&self) -> Vec<(&'static str, String)> {
        self.people.borrow().clone()
    }

    /// A number that no person has yet, of three digits, so that none is the beginning of another.
    pub(crate) fn next_person(&self) -> u32 {
        self.persons.set(self.persons.get() + 1);
        100 + self.persons.get()
    }

    /// What must be seen nowhere.
    pub(crate) fn hidden(&self) -> Vec<(&'static str, String)> {
        self.hidden.borrow().clone()
    }

    /// Notes what a queue held.
    pub(crate) fn tap(&self, message: &aws_sdk_sqs::types::Message) {
        // Debug shows body, attributes and message attributes, whichever there are.
        self.tapped
            .borrow_mut()
            .push(format!("{}\n{message:?}", message.body().unwrap_or_default()));
    }

    /// What queues held.
    pub(crate) fn tapped(&self) -> Vec<String> {
        self.tapped.borrow().clone()
    }

    /// All that was accepted so far.
    pub(crate) fn delivered(&self) -> Vec<Delivered> {
        self.delivered.borrow().clone()
    }

    /// Ada writes in the channel; answers the message's timestamp. Slack has told nobody yet.
    pub(crate) fn write(&self, text: &str, thread: Option<&Thread>) -> String {
        self.say(&format!("{MARK}: {text}"), thread)
    }

    /// Ada writes a message that mentions us.
    pub(crate) fn write_mention(&self, text: &str) -> String {
        self.say(
            &format!("<@{}> {MARK}: {text}", self.workspace.bot_user_id()),
            None,
        )
    }

    fn say(&self, text: &str, thread: Option<&Thread>) -> String {
        self.workspace
            .say(CHANNEL, USER, text, thread.map(|thread| thread.ts.as_str()))
    }

    /// The events that Slack sends for a message.
    pub(crate) fn events(&self, ts: &str) -> Vec<Value> {
        let mut events = self.workspace.events(CHANNEL, ts);
        for event in &mut events {
            event["token"] = VERIFICATION_TOKEN.into();
        }
        assert!(!events.is_empty(), "Slack has nothing to tell of {ts}");
        events
    }

    /// Slack tells of a message, which must be taken.
    pub(crate) async fn deliver(&self, event: &Value) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let message = &event["event"];
        let delivery = [
            "slack".to_owned(),
            text(&event["team_id"]),
            text(&message["channel"]),
            text(&message["ts"]),
        ];
        let delivery = delivery.join(":");
        let trace = self.next_trace();
        self.delivered.borrow_mut().push(Delivered {
            delivery,
            trace: trace.clone(),
        });
        let body = serde_json::to_vec(event).expect("JSON");
        let mut headers = signed(&self.signing_secret.borrow(), &body);
        headers.push(("traceparent", format!("00-{trace}-00f067aa0ba902b7-01")));
        let answer = self.door.post("/slack/events", &headers, &body).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    }

    fn next_trace(&self) -> String {
        self.traces.set(self.traces.get() + 1);
        format!("{:032x}", 0xacce_0000_u32 + self.traces.get())
    }

    /// Ada mentions us, and Slack tells of it as it does, twice.
    pub(crate) async fn mention(&self, text: &str) -> Thread {
        let ts = self.write_mention(text);
        let thread = self.began(&ts);
        for event in self.events(&ts) {
            self.deliver(&event).await;
        }
        thread
    }

    /// Notes a thread in which everything that is said must be answered, once.
    pub(crate) fn began(&self, ts: &str) -> Thread {
        let thread = Thread { ts: ts.to_owned() };
        self.threads.borrow_mut().push(thread.clone());
        thread
    }

    /// Ada writes on in a thread, without a mention.
    pub(crate) async fn follow_up(&self, thread: &Thread, text: &str) {
        let ts = self.write(text, Some(thread));
        for event in self.events(&ts) {
            self.deliver(&event).await;
        }
    }

    /// The messages of a thread.
    pub(crate) fn messages(&self, thread: &Thread) -> Vec<Message> {
        self.workspace.messages(CHANNEL, Some(&thread.ts))
    }

    /// How many answers a thread has.
    pub(crate) fn answers(&self, thread: &Thread) -> usize {
        let messages = self.messages(thread);
        messages.iter().filter(|message| message.bot_id.is_some()).count()
    }

    /// Waits until a thread has so many answers.
    pub(crate) async fn answered(&self, thread: &Thread, count: usize) {
        self.answered_within(thread, count, PATIENCE).await;
    }

    /// As [`answered`](Self::answered), with another patience.
    pub(crate) async fn answered_within(&self, thread: &Thread, count: usize, limit: Duration) {
        let until = self.workspace.until_answers(CHANNEL, Some(&thread.ts), count);
        assert!(
            tokio::time::timeout(limit, until).await.is_ok(),
            "answer {count} does not come:\n{}",
            self.workspace.transcript(CHANNEL, Some(&thread.ts))
        );
    }

    /// How often the agent was asked something that contains `text`.
    pub(crate) fn asked(&self, text: &str) -> usize {
        let asked = self.agent.asked();
        asked
            .iter()
            .filter(|asked| asked.request.current_message.contains(text))
            .count()
    }

    /// Kills the dispatcher as a crash would, in the middle of whatever it does.
    pub(crate) fn kill_dispatcher(&self) -> Instant {
        let pids = self.stack.processes_of("agent-dispatcher");
        assert!(!pids.is_empty(), "the dispatcher has no process");
        for pid in pids {
            kill(pid, Signal::SIGKILL).expect("the dispatcher can be killed");
        }
        Instant::now()
    }

    /// Waits for something that happens soon.
    pub(crate) async fn soon(&self, what: &str, happens: impl Future<Output = ()>) {
        let happened = tokio::time::timeout(PATIENCE, happens).await;
        assert!(happened.is_ok(), "{what} does not come");
    }

    /// Waits until there is something to be found, of which nobody tells.
    pub(crate) async fn until_found<T>(&self, what: &str, find: impl AsyncFn() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = find().await {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{what} does not come");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until a function has written such a line.
    pub(crate) async fn until_logged(&self, function: &str, is_it: impl Fn(&Entry) -> bool) {
        let mut reader = self.stack.log_of(function);
        let begun = Instant::now();
        // The emulator tells nobody when a line comes.
        while begun.elapsed() < PATIENCE {
            // The log is there from the function's first line on.
            let lines = reader.next().await.unwrap_or_default();
            if lines.iter().filter_map(Entry::read).any(|entry| is_it(&entry)) {
                return;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        panic!("{function} did not write what it should have");
    }

    /// Waits until the health of what calls need has this status; what was found out is told for five seconds. Answers the
    /// body.
    pub(crate) async fn until_readiness(&self, status: u16) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.web.get("/health/ready").await.expect("the API answers");
            if answer.status.as_u16() == status {
                return answer.json().expect("JSON");
            }
            assert!(begun.elapsed() < PATIENCE, "{}: {}", answer.status, answer.body);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until nothing is on a queue of the template, neither visible nor being worked on.
    pub(crate) async fn until_queue_is_empty(&self, logical: &str, limit: Duration) {
        let begun = Instant::now();
        // The emulator tells nobody when a record is gone.
        loop {
            let left = self.records_left(logical).await;
            if left == 0 {
                return;
            }
            assert!(begun.elapsed() < limit, "{left} records are still on {logical}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn records_left(&self, logical: &str) -> u32 {
        let queue = self.queue(logical);
        let attributes = self
            .sqs
            .get_queue_attributes()
            .queue_url(queue)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .send()
            .await
            .expect("the queue answers");
        let counts = attributes.attributes().expect("two counts");
        assert_eq!(counts.len(), 2);
        counts
            .values()
            .map(|count| count.parse::<u32>().expect("a number"))
            .sum()
    }

    /// The address of a queue of the template.
    pub(crate) fn queue(&self, logical: &str) -> &str {
        self.stack.deployment.resource(logical).expect("a queue")
    }

    /// What waits on a queue of the template, up to ten records; it stays there for others to take.
    pub(crate) async fn waiting(&self, logical: &str) -> Vec<Record> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(self.queue(logical))
            .max_number_of_messages(10)
            .visibility_timeout(0)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .expect("the queue answers");
        received.messages.unwrap_or_default()
    }

    /// Puts a record on its queue once more, under another id: as SQS may do after the five minutes in which it knows
    /// one by its id.
    pub(crate) async fn put_again(&self, logical: &str, record: &Record, id: &str) {
        let system = record.attributes().expect("system attributes");
        self.sqs
            .send_message()
            .queue_url(self.queue(logical))
            .message_group_id(&system[&MessageSystemAttributeName::MessageGroupId])
            .message_deduplication_id(id)
            .message_body(record.body().expect("a body"))
            .send()
            .await
            .expect("the queue takes it");
    }

    /// The database, as whoever may see everything.
    pub(crate) async fn superuser(&self) -> tokio_postgres::Client {
        let connected = self.stack.postgres.superuser(DATABASE).await;
        connected.expect("a connection")
    }

    /// Writes what the functions wrote, and what is said in Slack, beside the logs of the servers.
    pub(crate) async fn keep_logs(&self) {
        let folder = self.stack.logs();
        for function in self.stack.functions() {
            let lines = self.stack.lines_of(function).await.unwrap_or_default();
            let text: Vec<_> = lines.iter().map(|line| line.message.trim_end()).collect();
            std::fs::write(folder.join(format!("{function}.log")), text.join("\n")).expect("a file");
        }
        let transcript = self.workspace.transcript(CHANNEL, None);
        std::fs::write(folder.join("slack.log"), transcript).expect("a file");
    }

    /// The end of all turns and events: nothing is queued, nothing half done or given up, and in every thread each message
    /// has one answer, right behind it.
    pub(crate) async fn settled(&self) {
        for queue in ["TasksQueue", "EventsQueue"] {
            self.until_queue_is_empty(queue, PATIENCE).await;
        }
        assert_eq!(self.records_left("EventsDeadLetterQueue").await, 0);
        for thread in &*self.threads.borrow() {
            let authors: Vec<_> = self
                .messages(thread)
                .iter()
                .map(|message| message.bot_id.is_some())
                .collect();
            let in_turn: Vec<_> = (0..authors.len()).map(|number| number % 2 == 1).collect();
            assert!(
                authors.len().is_multiple_of(2) && authors == in_turn,
                "not one answer for each message:\n{}",
                self.workspace.transcript(CHANNEL, Some(&thread.ts))
            );
        }
        let unfinished: i64 = self
            .superuser()
            .await
            .query_one("SELECT count(*) FROM deliveries WHERE state <> 'done'", &[])
            .await
            .expect("the ledger")
            .get(0);
        assert_eq!(unfinished, 0, "deliveries are not done");
    }
}

/// What the agent says unless it is told otherwise.
pub(crate) fn answer_text() -> String {
    format!("{MARK}: the connection pool is full.")
}

fn text<'a>(secret: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    secret[field]
        .as_str()
        .with_context(|| format!("the secret has no {field}"))
}
