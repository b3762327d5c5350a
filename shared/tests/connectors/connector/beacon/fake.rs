//! A Beacon to talk to: accounts with tokens.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{delete, get},
};
use serde_json::{Value, json};

use super::super::{
    contract::Started,
    fake::{Trouble, Vendor},
};
use crate::http::fake::{ANY_PORT, Server};

/// A running fake.
pub struct FakeBeacon {
    world: Arc<Mutex<World>>,
    server: Server,
}

#[derive(Default)]
struct World {
    /// Tokens that work, with the number of the account that each belongs to.
    tokens: BTreeMap<String, u8>,
    given: Vec<String>,
    trouble: Option<Trouble>,
    calls: usize,
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The third party, for the stories that hold for all connectors.
pub(in crate::connector) async fn vendor() -> io::Result<impl Vendor> {
    let world = Arc::<Mutex<World>>::default();
    let router = Router::new()
        .route("/v1/account", get(account))
        .route("/v1/token", delete(end))
        .with_state(Arc::clone(&world));
    Ok(FakeBeacon {
        server: Server::start(ANY_PORT, router).await?,
        world,
    })
}

/// The token that a request shows, and what it is answered in trouble.
async fn token(world: &Mutex<World>, headers: &HeaderMap) -> Result<String, Response> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().to_owned();
    let (trouble, is_good) = {
        let mut world = lock(world);
        world.calls += 1;
        (world.trouble, world.tokens.contains_key(&shown))
    };
    let told = |status: StatusCode| (status, format!("what about {shown}?")).into_response();
    match trouble {
        None if is_good => Ok(shown),
        None | Some(Trouble::Refuses) => Err(told(StatusCode::UNAUTHORIZED)),
        Some(Trouble::Fails) => Err(told(StatusCode::SERVICE_UNAVAILABLE)),
        Some(Trouble::Limits(seconds)) => {
            let wait = [(header::RETRY_AFTER, seconds.to_string())];
            Err((StatusCode::TOO_MANY_REQUESTS, wait).into_response())
        }
        Some(Trouble::Hangs) => std::future::pending().await,
        Some(Trouble::Babbles) => Err(format!("{{\"token\": \"{shown}\"").into_response()),
        Some(Trouble::Redirects) => Err(Redirect::temporary("http://127.0.0.1:9/").into_response()),
    }
}

async fn account(State(world): State<Arc<Mutex<World>>>, headers: HeaderMap) -> Response {
    match token(&world, &headers).await {
        Ok(token) => {
            let number = lock(&world).tokens.get(&token).copied().unwrap_or_default();
            let account = json!({"id": format!("acc_{number}"), "name": format!("Acme {number}"), "plan": "team"});
            axum::Json(account).into_response()
        }
        Err(refusal) => refusal,
    }
}

async fn end(State(world): State<Arc<Mutex<World>>>, headers: HeaderMap) -> Response {
    match token(&world, &headers).await {
        Ok(token) => {
            lock(&world).tokens.remove(&token);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(refusal) => refusal,
    }
}

#[async_trait]
impl Vendor for FakeBeacon {
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("BEACON_API_URL", format!("http://{}", self.server.address()))]
    }

    fn secrets(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    async fn consent(&self, _started: &Started, account: u8) -> Value {
        let mut world = lock(&self.world);
        let token = format!("bcn_token{:08}", world.given.len());
        world.tokens.insert(token.clone(), account);
        world.given.push(token.clone());
        json!({ "api_token": token })
    }

    fn canaries(&self) -> Vec<String> {
        lock(&self.world).given.clone()
    }

    fn trouble(&self, trouble: Option<Trouble>) {
        lock(&self.world).trouble = trouble;
    }

    fn calls(&self) -> usize {
        lock(&self.world).calls
    }

    fn withdraw(&self) {
        lock(&self.world).tokens.clear();
    }

    fn remains(&self) -> Vec<String> {
        lock(&self.world).tokens.keys().cloned().collect()
    }
}
