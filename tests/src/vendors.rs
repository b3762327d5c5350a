//! The third parties that can be connected, played, and what somebody does there who connects one.

use std::{collections::BTreeMap, io, sync::Arc};

use serde_json::{Map, Value};
use shared::{
    clock::SystemClock,
    connector::{
        ConnectorKind,
        contract::{Method, Started},
        datadog::fake::FakeDatadog,
        fake::Vendor,
        github::fake::FakeGitHub,
        pagerduty::fake::FakePagerDuty,
        slack::fake::FakeSlack,
    },
};
use url::Url;

/// Every third party for which there is a connector. Those in which stories make something happen have a name here.
pub struct Vendors {
    /// Slack.
    pub slack: FakeSlack,
    /// GitHub.
    pub github: FakeGitHub,
    /// PagerDuty.
    pub pagerduty: FakePagerDuty,
    /// Datadog.
    pub datadog: FakeDatadog,
    others: BTreeMap<&'static str, Box<dyn Vendor>>,
}

impl std::fmt::Debug for Vendors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vendors").finish_non_exhaustive()
    }
}

impl Vendors {
    /// Starts them all.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> io::Result<Self> {
        let mut vendors = Self {
            slack: FakeSlack::start().await?,
            github: FakeGitHub::start(Some(Arc::new(SystemClock))).await?,
            pagerduty: FakePagerDuty::start(Arc::new(SystemClock)).await?,
            datadog: FakeDatadog::start(Arc::new(SystemClock)).await?,
            others: BTreeMap::new(),
        };
        for kind in ConnectorKind::ALL.iter().copied() {
            if vendors.find(kind).is_none() {
                vendors.others.insert(kind.as_str(), kind.start_fake().await?);
            }
        }
        Ok(vendors)
    }

    fn find(&self, kind: ConnectorKind) -> Option<&dyn Vendor> {
        match kind {
            ConnectorKind::Slack => Some(&self.slack),
            ConnectorKind::GitHub => Some(&self.github),
            ConnectorKind::PagerDuty => Some(&self.pagerduty),
            ConnectorKind::Datadog => Some(&self.datadog),
            _ => self.others.get(kind.as_str()).map(|vendor| &**vendor),
        }
    }

    /// All of them, with the names of their connectors.
    pub fn all(&self) -> impl Iterator<Item = (ConnectorKind, &dyn Vendor)> {
        let kinds = ConnectorKind::ALL.iter().copied();
        kinds.filter_map(|kind| Some((kind, self.find(kind)?)))
    }

    /// The variables that make functions talk to these, beside those of AWS.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        self.all().flat_map(|(_, vendor)| vendor.variables()).collect()
    }

    /// The secrets of our apps there: the ARN that one of the variables names, and the JSON behind it.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, String)> {
        self.all().flat_map(|(_, vendor)| vendor.secrets()).collect()
    }

    /// Somebody does at a third party what they were told, for its account of this number: what their web client sends.
    ///
    /// # Panics
    /// When nothing is called that.
    pub async fn back(&self, connector: ConnectorKind, begun: &Begun, account: u8) -> Value {
        match self.find(connector) {
            Some(vendor) => begun.back(connector.as_str(), vendor, account).await,
            None => panic!("nothing is called {connector}"),
        }
    }
}

/// Somebody who has begun to connect.
#[derive(Debug, Clone)]
pub struct Begun {
    /// What they were told.
    pub started: Started,
    /// How it is connected.
    pub method: String,
    /// The cookie that their browser was given, as `name=value`; blank where there was none.
    pub cookie: String,
    /// The state in the address that they were sent to; blank for a form.
    pub state: String,
}

impl Begun {
    /// What somebody was told who began: the body of the answer, and its cookie.
    #[must_use]
    pub fn read(body: &Value, set_cookie: &str) -> Self {
        let url = body["url"].as_str().unwrap_or_default().to_owned();
        let state = Url::parse(&url).ok().and_then(|url| {
            let mut pairs = url.query_pairs();
            pairs
                .find(|(name, _)| name == "state")
                .map(|(_, state)| state.into_owned())
        });
        Self {
            method: body["type"].as_str().unwrap_or_default().to_owned(),
            started: Started {
                url,
                setup: body["setup"].clone(),
            },
            cookie: set_cookie.split(';').next().unwrap_or_default().to_owned(),
            state: state.unwrap_or_default(),
        }
    }

    /// What somebody sends who has done at the third party what they were told, for its account of this number.
    pub async fn back(&self, connector: &str, vendor: &dyn Vendor, account: u8) -> Value {
        let brought = vendor.consent(&self.started, account).await;
        self.with(connector, brought)
    }

    /// What somebody sends who brought this from the third party.
    #[must_use]
    pub fn with(&self, connector: &str, brought: Value) -> Value {
        let mut sent = if self.method == Method::Form.as_str() {
            Map::from_iter([("credentials".to_owned(), brought)])
        } else {
            brought.as_object().cloned().unwrap_or_default()
        };
        sent.insert("connector_type".to_owned(), connector.into());
        if !self.state.is_empty() {
            sent.insert("state".to_owned(), self.state.as_str().into());
        }
        sent.into()
    }
}
