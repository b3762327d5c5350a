//! A stack with a Slack workspace and an agent around it.

use std::{fmt::Write as _, fs::File, io::Write as _, path::Path, time::Duration};

use ::tests::{
    local::{DATABASE, Installed, Progress, REGION, Stack, ThirdParties},
    slack::EventSender,
};
use anyhow::Context as _;
use shared::{
    clock::{Clock as _, SystemClock},
    connector::slack::fake::{APP_ID, FakeSlack, Workspace},
};

use crate::{agent::DemoAgent, up::Places};

const TEAM: &str = "T0LOCAL01";
const CHANNEL: &str = "C0LOCAL01";
const USER: &str = "U0LOCAL01";
const TOKEN: &str = "xoxb-local-stack";
const CLERK_INSTANCE: &str = "ins_LOCAL00001";
const CLERK_API_KEY: &str = "sk_test_local_stack";
/// Where the web client is, when somebody serves it with its defaults.
const WEB_ORIGIN: &str = "http://localhost:5173";

/// All that takes part in a conversation.
#[derive(Debug)]
pub(crate) struct World {
    // The stack first: it must end before what it talks to.
    stack: Stack,
    /// None when the person brought an agent.
    pub(crate) agent: Option<DemoAgent>,
    agent_url: String,
    pub(crate) slack: FakeSlack,
    workspace: Workspace,
    events: EventSender,
}

impl World {
    /// Starts everything, with an organization that has a Slack workspace connected.
    pub(crate) async fn start(
        name: &str,
        agent: Option<String>,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let fake = FakeSlack::start().await?;
        let workspace = fake.workspace(TEAM, "Acme", TOKEN);
        workspace.channel(CHANNEL, "platform");
        workspace.user(USER, "Ada");
        let (agent, agent_url) = if let Some(url) = agent {
            (None, url)
        } else {
            let agent = DemoAgent::start().await?;
            let url = agent.url().to_owned();
            (Some(agent), url)
        };

        let parties = ThirdParties {
            slack_api: fake.url(),
            agent: agent_url.clone(),
            clerk_issuer: fake.url(),
            clerk_api: fake.url(),
            clerk_api_key: CLERK_API_KEY.to_owned(),
            clerk_instance: CLERK_INSTANCE.to_owned(),
            web_origin: WEB_ORIGIN.to_owned(),
        };
        let stack = Stack::start(name, &parties, progress).await?;
        progress.step("connecting a Slack workspace to an organization");
        let installed = Installed {
            organization: "Acme",
            team: TEAM,
            bot_user: workspace.bot_user_id(),
            token: TOKEN,
        };
        stack
            .connect_slack(&installed)
            .await
            .context("the workspace cannot be connected")?;
        let events = EventSender::new(&stack.url("/slack/events")?, &stack.signing_secret);
        Ok(Self {
            stack,
            agent,
            agent_url,
            slack: fake,
            workspace,
            events,
        })
    }

    /// Ada writes in the channel, and Slack tells the app. Answers the message's id and how long the app took.
    pub(crate) async fn say(&self, text: &str, thread: Option<&str>) -> anyhow::Result<(String, Duration)> {
        let ts = self.workspace.say(CHANNEL, USER, text, thread);
        let event = self
            .workspace
            .events(CHANNEL, &ts)
            .into_iter()
            .next()
            .context("Slack has nothing to tell")?;
        let acknowledged = self.events.send(&event, SystemClock.now()).await?;
        anyhow::ensure!(
            acknowledged.status.is_success(),
            "slack-events answered {}; see {}",
            acknowledged.status,
            self.stack.logs().display()
        );
        Ok((ts, acknowledged.took))
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
  AWS emulator   {endpoint} (any credentials, region {REGION})
{outputs}  Postgres       {database}
  Slack Web API  {slack} (a fake; token {TOKEN})
  Agent          {agent}
  Logs           {logs}

Ask something, as Slack would, and read the answer in {logs}/slack.log:

{curl}",
            endpoint = stack.emulator.endpoint(),
            database = stack.postgres.superuser_url(DATABASE),
            slack = self.slack.url(),
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
