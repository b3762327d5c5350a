//! A stack with a Slack workspace, a Clerk instance and an agent around it.

use std::{
    fmt::Write as _,
    fs::File,
    io::Write as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use ::tests::{
    clerk::{Clerk, WEB_ORIGIN, WebClient, WebhookSender},
    client::{Answer, Client},
    local::{DATABASE, Installed, Progress, REGION, Stack},
    people::{Named, Person},
    slack::EventSender,
    vendors::Vendors,
};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use shared::{
    auth::MAX_TOKEN_LIFETIME,
    clock::{Clock as _, SystemClock},
    connector::{
        fake::Sent,
        slack::fake::{APP_ID, Workspace},
    },
    identity::fake::FakeEvent,
};

use crate::{
    agent::DemoAgent,
    demo::{ASK_AGAIN, PATIENCE},
    parties::{Parties, TEAM},
    up::Places,
};

const CHANNEL: &str = "C0LOCAL01";
const USER: &str = "U0LOCAL01";
const TOKEN: &str = "xoxb-local-stack";
const ORGANIZATION: &str = "Acme";
const ADA: Named<'_> = Named {
    first_name: "Ada",
    last_name: "Lovelace",
    email: "ada@acme.example",
};

/// All that takes part.
pub(crate) struct World {
    // The stack first: it must end before what it talks to.
    stack: Stack,
    /// None when the person brought an agent.
    pub(crate) agent: Option<DemoAgent>,
    agent_url: String,
    /// The third parties that can be connected, Slack among them.
    pub(crate) vendors: Arc<Vendors>,
    workspace: Workspace,
    events: EventSender,
    pub(crate) clerk: Clerk,
    /// Who founded the organization that has the Slack workspace.
    ada: Person,
    webhooks: WebhookSender,
    web: WebClient,
    client: Client,
    /// Where GitHub delivers, and the secret that it signs with.
    pub(crate) github_webhook: (String, String),
    /// What people do at third parties.
    parties: Parties,
}

impl World {
    /// Starts everything, with an organization that has a Slack workspace connected.
    pub(crate) async fn start(
        name: &str,
        agent: Option<String>,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let vendors = Arc::new(Vendors::start().await?);
        let workspace = vendors.slack.workspace(TEAM, ORGANIZATION, TOKEN);
        workspace.channel(CHANNEL, "platform");
        workspace.user(USER, "Ada");
        let (agent, agent_url) = if let Some(url) = agent {
            (None, url)
        } else {
            let agent = DemoAgent::start().await?;
            let url = agent.url().to_owned();
            (Some(agent), url)
        };

        let clerk = Clerk::start().await?;
        let ada = Person::founder(clerk.now(), ADA, ORGANIZATION, "acme");

        let parties = clerk.parties(&vendors, agent_url.clone());
        let stack = Stack::start(name, &parties, progress).await?;
        progress.step("connecting a Slack workspace to an organization");
        let installed = Installed {
            organization: &clerk.organization(&ada, ORGANIZATION),
            team: TEAM,
            bot_user: workspace.bot_user_id(),
            token: TOKEN,
        };
        stack
            .connect_slack(&installed)
            .await
            .context("the workspace cannot be connected")?;
        let client = Client::new();
        let github_webhook = (
            stack.url("/webhooks/github")?,
            stack.github_signing_secret.clone(),
        );
        let parties = Parties::start(Arc::clone(&vendors), client.clone(), github_webhook.clone()).await?;
        Ok(Self {
            parties,
            github_webhook,
            events: EventSender::new(
                client.clone(),
                &stack.url("/slack/events")?,
                &stack.signing_secret,
            ),
            webhooks: WebhookSender::new(
                client.clone(),
                &stack.url("/webhooks/clerk")?,
                &stack.clerk_signing_secret,
            ),
            web: WebClient::new(client.clone(), &stack.url("")?),
            client,
            stack,
            agent,
            agent_url,
            vendors,
            workspace,
            clerk,
            ada,
        })
    }

    /// Ada writes in the channel, and Slack tells the app. Answers the message's id and how long the app took.
    pub(crate) async fn say(&self, text: &str, thread: Option<&str>) -> anyhow::Result<(String, Duration)> {
        let place = (&self.workspace, CHANNEL, USER);
        let (ts, acknowledged) = self.say_in(place, text, thread).await?;
        Ok((ts, acknowledged.took))
    }

    /// The same for somebody else's channel. Answers the message's id and the app's answer.
    pub(crate) async fn say_in(
        &self,
        (workspace, channel, user): (&Workspace, &str, &str),
        text: &str,
        thread: Option<&str>,
    ) -> anyhow::Result<(String, Answer)> {
        let ts = workspace.say(channel, user, text, thread);
        let events = workspace.events(channel, &ts);
        let event = events.first().context("Slack has nothing to tell")?;
        let acknowledged = self.events.send(event, SystemClock.now()).await?;
        self.expect_success("slack-events", &acknowledged)?;
        Ok((ts, acknowledged))
    }

    /// Clerk sends a webhook.
    pub(crate) async fn tell(&self, event: &FakeEvent) -> anyhow::Result<Answer> {
        let answer = self.webhooks.send(event, SystemClock.now()).await?;
        self.expect_success("clerk-webhook", &answer)?;
        Ok(answer)
    }

    /// Clerk sends all that it has not told yet.
    pub(crate) async fn tell_all(&self) -> anyhow::Result<()> {
        for event in self.clerk.now().drain() {
            self.tell(&event).await?;
        }
        Ok(())
    }

    /// Somebody's web client calls the API, with a session token made now.
    pub(crate) async fn ask(&self, person: &Person, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let answer = self.web.post(path, &self.clerk.token(person), body).await?;
        self.expect_success("the API", &answer)?;
        Ok(answer)
    }

    /// The same again and again, until the answer has what is looked for, of which nobody tells the web client. Answers it with
    /// the answer that has it.
    pub(crate) async fn ask_until<T>(
        &self,
        (person, path, body): (&Person, &str, &Value),
        what: &str,
        find: impl Fn(&Value) -> Option<T>,
    ) -> anyhow::Result<(Answer, T)> {
        let begun = Instant::now();
        loop {
            let answer = self.ask(person, path, body).await?;
            if let Some(found) = find(&answer.json()?) {
                return Ok((answer, found));
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "{what} after {} s; the logs are in {}",
                PATIENCE.as_secs(),
                self.logs().display()
            );
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// A third party delivers something to the address that it was given.
    pub(crate) async fn deliver(&self, sent: &Sent) -> anyhow::Result<Answer> {
        let answer = self.client.deliver(sent).await?;
        self.expect_success("its function", &answer)?;
        Ok(answer)
    }

    fn expect_success(&self, function: &str, answer: &Answer) -> anyhow::Result<()> {
        ensure!(
            answer.status.is_success(),
            "{function} answered {}; the logs are in {}",
            answer.status,
            self.logs().display()
        );
        Ok(())
    }

    /// How one mentions the app.
    pub(crate) fn mention(&self) -> String {
        format!("<@{}>", self.workspace.bot_user_id())
    }

    /// A thread as people see it.
    pub(crate) fn transcript(&self, thread: Option<&str>) -> String {
        self.workspace.transcript(CHANNEL, thread)
    }

    pub(crate) fn logs(&self) -> &Path {
        self.stack.logs()
    }

    /// What a person needs to know to use it.
    pub(crate) fn description(&self) -> anyhow::Result<String> {
        let stack = &self.stack;
        let url = stack.url("/slack/events")?;
        let (api, clerk) = (stack.url("")?, stack.url("/webhooks/clerk")?);
        let mut outputs = String::new();
        for (name, value) in &stack.deployment.outputs {
            if name.ends_with("QueueUrl") || name.ends_with("Arn") {
                writeln!(outputs, "    {name:<26}{value}")?;
            }
        }
        Ok(format!(
            "\
InfraGPT runs on this machine until `cargo xtask down`.

  Slack events   {url}
  Clerk webhooks {clerk}
  GitHub events  {github}
  API            {api}/identity/ and /integrations/
                 {api}/openapi.json describes it
  AWS emulator   {endpoint} (any credentials, region {REGION})
{outputs}  Postgres       {database}
  Slack Web API  {slack} (a fake; token {TOKEN})
  Clerk's API    {clerk_api} (a fake; key {clerk_key})
  Agent          {agent}
  Logs           {logs}

Ask something, as Slack would, and read the answer in {logs}/slack.log:

{curl}

Ask who is calling, as the web client does for Ada, who founded {ORGANIZATION}. Her token is good for {hours} hours, which is the
longest that is taken; those that Clerk makes are good for a minute:

{me}

Give {ORGANIZATION} another name, as Clerk tells of it, and ask again:

{webhook}

Connect Slack, GitHub and PagerDuty for {ORGANIZATION}, with the token from above; have a push and an incident happen there, which
is told in {logs}/slack.log; and disconnect. What people do at third parties, {parties} does:

{connect}",
            github = self.github_webhook.0,
            clerk_api = self.clerk.now().url(),
            clerk_key = self.clerk.now().secret_key(),
            hours = MAX_TOKEN_LIFETIME.as_secs() / 3600,
            me = self.identity_curl(&api),
            webhook = self.webhook_curl(&clerk),
            parties = self.parties.url(),
            connect = self.parties.curl(&api, CHANNEL, WEB_ORIGIN),
            endpoint = stack.emulator.endpoint(),
            database = stack.postgres.superuser_url(DATABASE),
            slack = self.vendors.slack.url(),
            agent = self.agent_url,
            logs = self.logs().display(),
            curl = self.signed_curl(&url),
        ))
    }

    /// What other commands need to know.
    pub(crate) fn places(&self) -> anyhow::Result<Places> {
        let deployment = &self.stack.deployment;
        Ok(Places {
            endpoint: self.stack.emulator.endpoint(),
            application_secret: deployment.output("DatabaseSecretArn")?.to_owned(),
            admin_secret: deployment.output("DatabaseAdminSecretArn")?.to_owned(),
        })
    }

    /// A command that writes a mention in the channel and sends its event, signed when it is run: Slack's signatures
    /// are good for five minutes. The message must be there, because an answer goes into its thread.
    fn signed_curl(&self, url: &str) -> String {
        let app = APP_ID;
        let bot_user = self.workspace.bot_user_id();
        let secret = &self.stack.signing_secret;
        let says = self.workspace.says_url(CHANNEL, USER);
        format!(
            r#"text='<@{bot_user}> why is checkout slow?'
ts=$(curl -sS '{says}' --data-binary "$text")
now=$(date +%s)
body='{{"type":"event_callback","team_id":"{TEAM}","api_app_id":"{app}","event_id":"Ev'$now${{ts#*.}}'","event_time":'$now',
"event":{{"type":"app_mention","user":"{USER}","channel":"{CHANNEL}","ts":"'$ts'","event_ts":"'$ts'",
"text":"'"$text"'"}}}}'
signature=$(printf 'v0:%s:%s' "$now" "$body" | python3 -c 'import hashlib, hmac, sys
print("v0=" + hmac.new(b"{secret}", sys.stdin.buffer.read(), hashlib.sha256).hexdigest())')
curl -i '{url}' -H 'content-type: application/json' \
  -H "x-slack-request-timestamp: $now" -H "x-slack-signature: $signature" --data-binary "$body""#
        )
    }

    /// A command that asks who is calling.
    fn identity_curl(&self, api: &str) -> String {
        let token = self.clerk.long_token(&self.ada);
        format!(
            r#"token='{token}'
curl -i '{api}/identity/me/' -H "authorization: Bearer $token" -H 'content-type: application/json' --data '{{}}'"#
        )
    }

    /// A command that sends a webhook of Clerk's, signed when it is run: Svix's signatures are good for five minutes.
    fn webhook_curl(&self, url: &str) -> String {
        let clerk = self.clerk.now();
        let (instance, organization, slug) = (clerk.instance_id(), &self.ada.organization, &self.ada.slug);
        let secret = &self.stack.clerk_signing_secret;
        format!(
            r#"now=$(date +%s)
id="msg_$now"
body='{{"object":"event","type":"organization.updated","instance_id":"{instance}","timestamp":'$now'000,
"data":{{"object":"organization","id":"{organization}","name":"{ORGANIZATION} Rockets","slug":"{slug}","updated_at":'$now'000}}}}'
signature=$(printf '%s.%s.%s' "$id" "$now" "$body" | python3 -c 'import base64, hashlib, hmac, sys
key = base64.b64decode("{secret}".removeprefix("whsec_"))
print("v1," + base64.b64encode(hmac.new(key, sys.stdin.buffer.read(), hashlib.sha256).digest()).decode())')
curl -i '{url}' -H 'content-type: application/json' \
  -H "svix-id: $id" -H "svix-timestamp: $now" -H "svix-signature: $signature" --data-binary "$body""#
        )
    }

    /// Writes what the functions log, and what is said in Slack, into files, until it is dropped.
    pub(crate) async fn keep_logs(&self) -> anyhow::Result<()> {
        let mut kept = Vec::new();
        for function in self.stack.functions() {
            let file = File::create(self.logs().join(format!("{function}.log")))?;
            kept.push((self.stack.log_of(function), file));
        }
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            for (reader, file) in &mut kept {
                // A function that was never called has no log yet.
                for line in reader.next().await.unwrap_or_default() {
                    writeln!(file, "{}", line.message.trim_end())?;
                }
            }
            std::fs::write(self.logs().join("slack.log"), self.transcript(None))?;
        }
    }
}
