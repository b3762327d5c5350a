//! What people do at the third parties of a running stack, for those who try it with curl: they allow the app in, push, and
//! have incidents.

use std::sync::Arc;

use ::tests::{
    client::Client,
    vendors::{Begun, Vendors},
};
use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use serde_json::{Value, json};
use shared::{
    connector::{ConnectorKind, fake::Sent},
    http::fake::{ANY_PORT, Server},
};

/// The account at each third party that is Acme's, and what Slack and GitHub call it.
const ACCOUNT: u8 = 0;
pub(crate) const TEAM: &str = "T0ACCOUNT0";
const INSTALLATION: i64 = 101;

/// Where third parties are told what people do; ends when it is dropped.
pub(crate) struct Parties {
    server: Server,
}

struct World {
    vendors: Arc<Vendors>,
    client: Client,
    /// Where GitHub delivers, and the secret that it signs with.
    github_webhook: (String, String),
}

/// Why something cannot be done.
type Refusal = (StatusCode, String);

impl Parties {
    pub(crate) async fn start(
        vendors: Arc<Vendors>,
        client: Client,
        github_webhook: (String, String),
    ) -> anyhow::Result<Self> {
        let router = Router::new()
            .route("/{connector}/consent", post(consent))
            .route("/github/push", post(push))
            .route("/pagerduty/incidents", post(trigger))
            .route("/pagerduty/incidents/{incident}/{change}", post(change))
            .with_state(Arc::new(World {
                vendors,
                client,
                github_webhook,
            }));
        let server = Server::start(ANY_PORT, router).await.context("no port is free")?;
        Ok(Self { server })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Commands that connect what Acme has at three third parties, have something happen there, and disconnect; in a shell
    /// that has `$token`.
    pub(crate) fn curl(&self, api: &str, channel: &str, page: &str) -> String {
        let url = self.url();
        format!(
            r#"post() {{ curl -sS '{api}'"$1" -H "authorization: Bearer $token" -H 'content-type: application/json' --data-binary @-; echo; }}
connect() {{ echo '{{"connector_type":"'$1'","redirect_url":"{page}/integrations/'$1'/authorize"}}' |
  post /integrations/initiate/ | curl -sS "{url}/$1/consent" --data-binary @- | post /integrations/authorize/; }}

connect slack; connect github; connect pagerduty

curl -sS '{url}/github/push' --data 'Raise the connection limit'; echo
echo '{{}}' | post /integrations/activity/

echo '{{"slack_channel_id":"{channel}"}}' | post /integrations/alerts/settings/
incident=$(curl -sS '{url}/pagerduty/incidents' --data 'Checkout is down' |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["incident"])')
curl -sS -X POST "{url}/pagerduty/incidents/$incident/resolve"; echo

connections=$(echo '{{}}' | post /integrations/list/ |
  python3 -c 'import json, sys; print(*(one["id"] for one in json.load(sys.stdin)["integrations"]))')
for id in $connections; do echo '{{"integration_id":"'$id'"}}' | post /integrations/revoke/; done
echo '{{}}' | post /integrations/list/"#
        )
    }
}

impl World {
    /// A third party delivers to the addresses that it was given: what it was answered.
    async fn deliver(&self, told: &[Sent]) -> Result<Vec<u16>, Refusal> {
        if told.is_empty() {
            let reason = "nobody is told: connect it first\n";
            return Err((StatusCode::CONFLICT, reason.to_owned()));
        }
        let mut answered = Vec::new();
        for sent in told {
            let answer = self.client.deliver(sent).await;
            let answer = answer.map_err(|error| (StatusCode::BAD_GATEWAY, format!("{error:#}\n")))?;
            answered.push(answer.status.as_u16());
        }
        Ok(answered)
    }
}

/// An administrator does what the answer of `/integrations/initiate/` asks for: what `/integrations/authorize/` is sent then.
async fn consent(
    State(world): State<Arc<World>>,
    Path(connector): Path<String>,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let kind: ConnectorKind = connector
        .parse()
        .map_err(|error| (StatusCode::NOT_FOUND, format!("{error}\n")))?;
    let told: Value = serde_json::from_str(&body).unwrap_or_default();
    if told["url"].as_str().is_none() {
        let reason = format!("this is not what /integrations/initiate/ answers: {body}\n");
        return Err((StatusCode::UNPROCESSABLE_ENTITY, reason));
    }
    let begun = Begun::read(&told, "");
    Ok(Json(world.vendors.back(kind, &begun, ACCOUNT).await))
}

async fn push(State(world): State<Arc<World>>, message: String) -> Result<Json<Value>, Refusal> {
    let (url, secret) = &world.github_webhook;
    let pushed = world
        .vendors
        .github
        .push(INSTALLATION, "ada", &message, (url, secret));
    let told: Vec<_> = pushed.into_iter().collect();
    Ok(Json(json!({ "answered": world.deliver(&told).await? })))
}

async fn trigger(State(world): State<Arc<World>>, title: String) -> Result<Json<Value>, Refusal> {
    let (incident, told) = world
        .vendors
        .pagerduty
        .trigger_incident(ACCOUNT, &title, Some("P1"), "high");
    Ok(Json(
        json!({ "incident": incident, "answered": world.deliver(&told).await? }),
    ))
}

async fn change(
    State(world): State<Arc<World>>,
    Path((incident, change)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let pagerduty = &world.vendors.pagerduty;
    let told = match change.as_str() {
        "acknowledge" => pagerduty.acknowledge(&incident),
        "resolve" => pagerduty.resolve(&incident),
        _ => {
            let reason = "an incident is acknowledged or resolved: …/acknowledge, …/resolve\n";
            return Err((StatusCode::NOT_FOUND, reason.to_owned()));
        }
    };
    Ok(Json(json!({ "answered": world.deliver(&told).await? })))
}
