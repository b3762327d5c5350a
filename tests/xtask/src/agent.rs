//! The agent of the demo: no model, but enough to see that question and history arrive.

use std::time::{Duration, Instant};

use shared::agent::proto::{
    AgentRequest, AgentResponse,
    agent_service_server::{AgentService, AgentServiceServer},
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

/// How long the demo's agent thinks.
const THOUGHT: Duration = Duration::from_millis(400);

/// A running agent; ends when dropped.
#[derive(Debug)]
pub(crate) struct DemoAgent {
    url: String,
    turns: watch::Sender<Vec<Turn>>,
    _server: JoinSet<()>,
}

/// One question, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// When the question came.
    pub(crate) asked: Instant,
    /// When the answer left.
    pub(crate) answered: Instant,
}

impl DemoAgent {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let turns = watch::Sender::new(Vec::new());
        let service = AgentServiceServer::new(Thinker(turns.clone()));
        let mut server = JoinSet::new();
        server.spawn(async move {
            // It ends with its task; there is nobody to tell of an error of the listener but the caller, who sees
            // that no answer comes.
            let _ = Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpIncoming::from(listener))
                .await;
        });
        Ok(Self {
            url,
            turns,
            _server: server,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The turn with this number, from 0, as soon as it is over.
    pub(crate) async fn turn(&self, number: usize) -> anyhow::Result<Turn> {
        let mut turns = self.turns.subscribe();
        let turns = turns.wait_for(|turns| turns.len() > number).await?;
        Ok(turns[number])
    }
}

struct Thinker(watch::Sender<Vec<Turn>>);

#[tonic::async_trait]
impl AgentService for Thinker {
    async fn process_message(
        &self,
        request: Request<AgentRequest>,
    ) -> Result<Response<AgentResponse>, Status> {
        let asked = Instant::now();
        tokio::time::sleep(THOUGHT).await;
        let response_text = answer(request.get_ref());
        self.0.send_modify(|turns| {
            turns.push(Turn {
                asked,
                answered: Instant::now(),
            });
        });
        Ok(Response::new(AgentResponse {
            success: true,
            response_text,
            agent_type: "demo".to_owned(),
            confidence: 1.0,
            ..AgentResponse::default()
        }))
    }
}

fn answer(request: &AgentRequest) -> String {
    let earlier = request.past_messages.len();
    let question = request.current_message.trim();
    match earlier {
        0 => format!(
            "You asked: *{question}*\n\nI am the demo's agent and know no infrastructure. A real one would look now:\n\n\
             ```\nkubectl -n shop get pods\n```\n\nAsk on in this thread; I am given all of it each time."
        ),
        _ => format!(
            "You asked: *{question}*\n\nI was given this question together with the {earlier} earlier messages of the \
             thread, yours and mine, in their order."
        ),
    }
}
