//! A stack with a Slack workspace and an agent around it.

use std::{fs::File, io::Write as _, time::Duration};

use ::tests::local::{DATABASE, Progress, REGION, SLACK_APP_ID, Stack, ThirdParties};

use crate::agent::DemoAgent;

/// The functions whose logs are kept while a stack runs.
const FUNCTIONS: [&str; 3] = ["slack-events", "agent-dispatcher", "migrator"];

const TEAM: &str = "T0LOCAL001";
const CHANNEL: &str = "C0LOCAL001";
const USER: &str = "U0LOCAL001";
const BOT_USER: &str = "U0LOCALBOT";

/// All that takes part in a conversation.
#[derive(Debug)]
pub(crate) struct World {
    // The stack first: it must end before what it talks to.
    pub(crate) stack: Stack,
    /// None when the person brought an agent.
    pub(crate) agent: Option<DemoAgent>,
    agent_url: String,
    slack_api: String,
}

impl World {
    pub(crate) async fn start(
        name: &str,
        agent: Option<String>,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let (agent, agent_url) = match agent {
            Some(url) => (None, url),
            None => {
                let agent = DemoAgent::start().await?;
                let url = agent.url().to_owned();
                (Some(agent), url)
            }
        };
        let slack_api = "http://127.0.0.1:9/api".to_owned();
        let parties = ThirdParties {
            slack_api: slack_api.clone(),
            agent: agent_url.clone(),
        };
        let stack = Stack::start(name, &parties, progress).await?;
        Ok(Self {
            stack,
            agent,
            agent_url,
            slack_api,
        })
    }

    /// What a person needs to know to use it.
    pub(crate) fn description(&self) -> anyhow::Result<String> {
        let stack = &self.stack;
        let url = stack.url("/slack/events")?;
        let logs = stack.logs();
        let outputs = stack
            .deployment
            .outputs
            .iter()
            .filter(|(name, _)| name.ends_with("QueueUrl") || name.ends_with("Arn"))
            .map(|(name, value)| format!("    {name:<26}{value}\n"))
            .collect::<String>();
        Ok(format!(
            "\
InfraGPT runs on this machine until `cargo xtask down`.

  Slack events   {url}
  AWS emulator   {endpoint} (any credentials, region {REGION})
{outputs}  Postgres       {database}
  Slack Web API  {slack}
  Agent          {agent}
  Logs           {logs}/{{slack-events,agent-dispatcher,migrator,slack}}.log

Ask something, as Slack would; the thread appears in {logs}/slack.log:

{curl}",
            endpoint = stack.emulator.endpoint(),
            database = stack.postgres.superuser_url(DATABASE),
            slack = self.slack_api,
            agent = self.agent_url,
            logs = logs.display(),
            curl = signed_curl(&url, &stack.signing_secret),
        ))
    }

    /// Writes what the functions log into files of their own, until it is dropped.
    pub(crate) async fn keep_logs(&self) -> anyhow::Result<()> {
        let mut kept = Vec::new();
        for function in FUNCTIONS {
            let file = File::create(self.stack.logs().join(format!("{function}.log")))?;
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
        }
    }
}

/// A command that sends a mention signed at the time at which it is run: Slack's signatures are good for five minutes.
fn signed_curl(url: &str, secret: &str) -> String {
    format!(
        r#"ts=$(date +%s)
body='{{"type":"event_callback","team_id":"{TEAM}","api_app_id":"{SLACK_APP_ID}","event_id":"Ev'$ts'","event_time":'$ts',
"event":{{"type":"app_mention","user":"{USER}","channel":"{CHANNEL}","ts":"'$ts'.000100","event_ts":"'$ts'.000100",
"text":"<@{BOT_USER}> why is checkout slow?"}}}}'
signature=$(printf 'v0:%s:%s' "$ts" "$body" | python3 -c 'import hashlib, hmac, sys
print("v0=" + hmac.new(b"{secret}", sys.stdin.buffer.read(), hashlib.sha256).hexdigest())')
curl -i '{url}' -H 'content-type: application/json' \
  -H "x-slack-request-timestamp: $ts" -H "x-slack-signature: $signature" --data-binary "$body""#
    )
}
