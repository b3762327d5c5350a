//! A stack with a Slack workspace and an agent around it.

use std::time::Duration;

use ::tests::local::{Progress, Stack, ThirdParties};

use crate::agent::DemoAgent;

/// The functions whose logs are kept while a stack runs.
const FUNCTIONS: [&str; 3] = ["slack-events", "agent-dispatcher", "migrator"];

/// All that takes part in a conversation.
#[derive(Debug)]
pub(crate) struct World {
    // The stack first: it must end before what it talks to.
    pub(crate) stack: Stack,
    /// None when the person brought an agent.
    pub(crate) agent: Option<DemoAgent>,
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
        let parties = ThirdParties {
            slack_api: "http://127.0.0.1:9/api".to_owned(),
            agent: agent_url,
        };
        let stack = Stack::start(name, &parties, progress).await?;
        Ok(Self { stack, agent })
    }

    /// What a person needs to know to use it.
    pub(crate) fn description(&self) -> anyhow::Result<String> {
        Ok(format!("{}", self.stack.url("/slack/events")?))
    }

    /// Writes what the functions log into files of their own, until it is dropped.
    pub(crate) async fn keep_logs(&self) -> anyhow::Result<()> {
        let mut readers = FUNCTIONS.map(|function| (function, self.stack.log_of(function)));
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            for (function, reader) in &mut readers {
                let _ = (&function, reader.next().await);
            }
        }
    }
}
