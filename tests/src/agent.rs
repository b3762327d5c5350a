//! An agent that does what a test tells it: a real gRPC server on a local port, in the clear or with TLS.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use shared::agent::proto::{
    AgentRequest, AgentResponse,
    agent_service_server::{AgentService, AgentServiceServer},
};
use tokio::{
    io::{DuplexStream, copy_bidirectional, duplex},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};
use tonic::{
    Code, Request, Response, Status,
    metadata::MetadataMap,
    transport::{Identity, Server, ServerTlsConfig},
};
use tower::util::MapRequestLayer;

/// What the agent does with a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Behaviour {
    /// Answers with this text.
    Answer(String),
    /// Answers with this text when the test calls [`AgentServer::release`].
    Hold(String),
    /// Says that it cannot, and why.
    Refuse(String),
    /// Answers without a word.
    Empty,
    /// Fails with a gRPC status.
    Fail(Code),
    /// Drops all connections in the middle of the work.
    DropConnections,
    /// Never answers.
    Hang,
}

/// A question as it came over the wire.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The message.
    pub request: AgentRequest,
    /// The metadata, with the deadline in `grpc-timeout`.
    pub metadata: MetadataMap,
}

/// The agent. Stops when it is dropped.
#[derive(Debug)]
pub struct AgentServer {
    url: String,
    world: Arc<World>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct World {
    script: Mutex<Script>,
    seen: watch::Sender<Seen>,
    released: Semaphore,
    /// Counts how often all connections were dropped.
    cuts: watch::Sender<u64>,
}

#[derive(Debug)]
struct Script {
    when_asked: Vec<(String, Behaviour)>,
    next: VecDeque<Behaviour>,
    always: Behaviour,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    asked: Vec<Asked>,
    paths: Vec<String>,
    given_up: usize,
    connections: usize,
}

impl AgentServer {
    /// An agent in the clear. Answers every question with `The answer.` unless told otherwise.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start() -> anyhow::Result<Self> {
        Self::run(Server::builder(), "http", "127.0.0.1").await
    }

    /// An agent with TLS. `certificate` and `key` are PEM; the certificate names `localhost`.
    ///
    /// # Errors
    /// When no port can be opened or the certificate cannot be used.
    pub async fn start_with_tls(certificate: &str, key: &str) -> anyhow::Result<Self> {
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
        Self::run(Server::builder().tls_config(tls)?, "https", "localhost").await
    }

    async fn run(server: Server, scheme: &str, host: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("{scheme}://{host}:{}", listener.local_addr()?.port());
        let world = Arc::new(World {
            script: Mutex::new(Script {
                when_asked: Vec::new(),
                next: VecDeque::new(),
                always: Behaviour::Answer("The answer.".to_owned()),
            }),
            seen: watch::Sender::default(),
            released: Semaphore::new(0),
            cuts: watch::Sender::new(0),
        });

        let (accepted, incoming) = mpsc::channel::<io::Result<DuplexStream>>(16);
        let incoming = futures_util::stream::unfold(incoming, |mut incoming| async move {
            incoming.recv().await.map(|connection| (connection, incoming))
        });
        let paths = world.clone();
        let mut server = server.layer(MapRequestLayer::new(
            move |request: http::Request<tonic::body::Body>| {
                let path = request.uri().path().to_owned();
                paths.seen.send_modify(|seen| seen.paths.push(path));
                request
            },
        ));
        let service = AgentServiceServer::new(Scripted(world.clone()));

        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, accepted, world.clone()));
        tasks.spawn(async move {
            if let Err(error) = server.add_service(service).serve_with_incoming(incoming).await {
                tracing::warn!(%error, "the test's agent stopped");
            }
        });
        Ok(Self {
            url,
            world,
            _tasks: tasks,
        })
    }

    /// The address, for `AGENT_ENDPOINT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Does this with the next question that nothing was said about yet.
    pub fn next(&self, behaviour: Behaviour) {
        self.world.script().next.push_back(behaviour);
    }

    /// Does this with every question that nothing else was said about.
    pub fn always(&self, behaviour: Behaviour) {
        self.world.script().always = behaviour;
    }

    /// Does this with every question that contains `text`.
    pub fn when_asked(&self, text: &str, behaviour: Behaviour) {
        self.world.script().when_asked.push((text.to_owned(), behaviour));
    }

    /// Lets one held answer go.
    pub fn release(&self) {
        self.world.released.add_permits(1);
    }

    /// The questions so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.world.seen.borrow().asked.clone()
    }

    /// The HTTP/2 paths that were called so far.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.world.seen.borrow().paths.clone()
    }

    /// How many connections were opened so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.world.seen.borrow().connections
    }

    /// Waits until there are so many questions.
    pub async fn wait_for_questions(&self, count: usize) -> Vec<Asked> {
        self.wait(|seen| seen.asked.len() >= count).await.asked
    }

    /// Waits until so many questions were taken back before they were answered.
    pub async fn wait_for_given_up(&self, count: usize) {
        self.wait(|seen| seen.given_up >= count).await;
    }

    async fn wait(&self, until: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = self.world.seen.subscribe();
        // The sender is in `self`, so waiting cannot fail.
        seen.wait_for(until)
            .await
            .map(|seen| seen.clone())
            .unwrap_or_default()
    }

    /// Drops all connections, as a crash of the agent's machine does.
    pub fn drop_connections(&self) {
        self.world.cut();
    }
}

impl World {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// Takes connections and joins each to the server through a pipe that can be cut.
async fn accept(listener: TcpListener, accepted: mpsc::Sender<io::Result<DuplexStream>>, world: Arc<World>) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        world.seen.send_modify(|seen| seen.connections += 1);
        let (ours, theirs) = duplex(64 * 1024);
        if accepted.send(Ok(theirs)).await.is_err() {
            return;
        }
        connections.spawn(join(connection, ours, world.cuts.subscribe()));
    }
}

async fn join(mut connection: TcpStream, mut pipe: DuplexStream, mut cuts: watch::Receiver<u64>) {
    // As gRPC servers do; without it every answer waits for the client's delayed acknowledgement.
    if connection.set_nodelay(true).is_err() {
        return;
    }
    tokio::select! {
        // However it ends, both ends are dropped after it, which is all there is to do.
        _ = copy_bidirectional(&mut connection, &mut pipe) => {}
        _ = cuts.changed() => {}
    }
}

struct Scripted(Arc<World>);

/// Notes a question that was taken back: its handler is dropped before it is done.
struct Pending<'a> {
    world: &'a World,
    is_done: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.world.seen.send_modify(|seen| seen.given_up += 1);
        }
    }
}

#[tonic::async_trait]
impl AgentService for Scripted {
    async fn process_message(
        &self,
        request: Request<AgentRequest>,
    ) -> Result<Response<AgentResponse>, Status> {
        let world = &*self.0;
        let behaviour = {
            let mut script = world.script();
            let asked = &request.get_ref().current_message;
            let when_asked = script.when_asked.iter().find(|(text, _)| asked.contains(text));
            match when_asked.map(|(_, behaviour)| behaviour.clone()) {
                Some(behaviour) => behaviour,
                None => script.next.pop_front().unwrap_or_else(|| script.always.clone()),
            }
        };
        let mut pending = Pending {
            world,
            is_done: false,
        };
        let (metadata, _, request) = request.into_parts();
        world
            .seen
            .send_modify(|seen| seen.asked.push(Asked { request, metadata }));

        let answer = match behaviour {
            Behaviour::Answer(text) => Ok(answered(text)),
            Behaviour::Hold(text) => {
                if let Ok(permit) = world.released.acquire().await {
                    permit.forget();
                }
                Ok(answered(text))
            }
            Behaviour::Empty => Ok(answered("  \n".to_owned())),
            Behaviour::Refuse(reason) => Ok(AgentResponse {
                success: false,
                error_message: reason,
                agent_type: "error".to_owned(),
                ..AgentResponse::default()
            }),
            Behaviour::Fail(code) => Err(Status::new(code, "as the script says")),
            Behaviour::DropConnections => {
                world.cut();
                std::future::pending().await
            }
            Behaviour::Hang => std::future::pending().await,
        };
        pending.is_done = true;
        answer.map(Response::new)
    }
}

fn answered(text: String) -> AgentResponse {
    AgentResponse {
        success: true,
        response_text: text,
        agent_type: "conversation".to_owned(),
        confidence: 0.9,
        ..AgentResponse::default()
    }
}
