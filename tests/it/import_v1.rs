//! Connections of the existing system come over from its database, and only those that are their organization's own.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, sync::Arc};

use async_trait::async_trait;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    digest::{SHA256, digest},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared::{
    aws::{self, Patience},
    clock::{Clock as _, FixedClock, Timestamp},
    config::Env,
    connector::{
        ConnectorKind, Connectors,
        contract::Parts,
        fake::{Trouble, Vendor as _},
        gcp::fake::FakeGcp,
        github::{GitHubCredentials, fake::FakeGitHub},
        slack::{SlackCredentials, fake::FakeSlack},
    },
    db::{Access, integration_credentials, integrations},
    id::{Ids, OrganizationId},
    integration::import::{
        ImportError, Importer, Mode, Outcome, Trust,
        source::{self, SourceError},
    },
    secret::{
        kms::{DataKey, EncryptionContext, KeyError, KeyService, PlainKey, Rewrapped},
        manager::{MemorySecrets, SecretStore},
        v1::{PublicSalt, V1Key},
        vault::{CredentialScope, Vault},
    },
    task::ClerkOrganization,
};
use tests::{
    database::Database,
    kms::{FakeKms, Fault},
    lines::Lines,
    seed::{self, Installation},
};

const SALT: &str = "a-salt-that-was-made-up-hunter2";

/// The tables as the existing system's migrations make them.
const TABLES: &str = "
    CREATE TABLE organizations (
        id UUID PRIMARY KEY DEFAULT gen_random_uuid(), clerk_org_id VARCHAR(255) NOT NULL UNIQUE,
        name VARCHAR(255) NOT NULL, slug VARCHAR(255) NOT NULL, created_by_user_id UUID,
        created_at TIMESTAMP DEFAULT now(), updated_at TIMESTAMP DEFAULT now());
    CREATE TABLE integrations (
        id UUID PRIMARY KEY, organization_id UUID NOT NULL, user_id UUID NOT NULL, connector_type VARCHAR(50) NOT NULL,
        status VARCHAR(20) NOT NULL, bot_id VARCHAR(255), connector_user_id VARCHAR(255),
        connector_organization_id VARCHAR(255), metadata JSONB, created_at TIMESTAMP NOT NULL DEFAULT now(),
        updated_at TIMESTAMP NOT NULL DEFAULT now(), last_used_at TIMESTAMP, UNIQUE (organization_id, connector_type));
    CREATE TABLE integration_credentials (
        id UUID PRIMARY KEY, integration_id UUID NOT NULL UNIQUE REFERENCES integrations(id) ON DELETE CASCADE,
        credential_type VARCHAR(50) NOT NULL, credential_data_encrypted TEXT NOT NULL, expires_at TIMESTAMP,
        encryption_key_id VARCHAR(50) NOT NULL, created_at TIMESTAMP NOT NULL DEFAULT now(),
        updated_at TIMESTAMP NOT NULL DEFAULT now());
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO infragpt_app;";

/// What the tables hold, row by row, in whichever of the two systems.
const EVERYTHING: &str = "
    SELECT to_jsonb(i)::text FROM integrations i
     UNION ALL SELECT to_jsonb(c)::text FROM integration_credentials c ORDER BY 1";

/// Seals as the existing system does.
fn seal(salt: &str, texts: &Value) -> String {
    let key = digest(&SHA256, salt.as_bytes());
    let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).expect("32 bytes");
    let mut sealed = texts.to_string().into_bytes();
    let nonce = key
        .seal_in_place_append_tag(Aad::empty(), &mut sealed)
        .expect("sealed");
    BASE64_STANDARD.encode([&nonce.as_ref()[..], &sealed].concat())
}

fn slack_texts(team: &str, bot: &str, token: &str) -> Value {
    json!({
        "access_token": "", "bot_access_token": token, "bot_user_id": bot, "team_id": team, "team_name": "Acme Inc",
        "user_id": "U0OWNER", "scope": "chat:write,users:read",
    })
}

fn github_texts(installation: i64, account: i64) -> Value {
    json!({
        "installation_id": installation.to_string(), "access_token": "ghs_dead-hunter2", "account_login": "acme",
        "account_id": account.to_string(), "account_type": "Organization",
    })
}

/// A row of the existing system.
#[derive(Clone, Copy)]
struct Row<'a> {
    organization: &'a str,
    connector: &'a str,
    account: Option<&'a str>,
    bot: Option<&'a str>,
    status: &'a str,
}

impl<'a> Row<'a> {
    const fn slack(organization: &'a str, team: &'a str) -> Self {
        Self {
            organization,
            connector: "slack",
            account: Some(team),
            bot: None,
            status: "active",
        }
    }

    const fn github(organization: &'a str, account: &'a str, installation: &'a str) -> Self {
        Self {
            organization,
            connector: "github",
            account: Some(account),
            bot: Some(installation),
            status: "active",
        }
    }

    const fn gcp(organization: &'a str) -> Self {
        Self {
            organization,
            connector: "gcp",
            account: None,
            bot: None,
            status: "active",
        }
    }
}

type Report = BTreeMap<&'static str, usize>;

/// A key service during whose work somebody else connects their workspace.
#[derive(Debug)]
struct Meanwhile {
    kms: FakeKms,
    database: Arc<Database>,
    statement: String,
}

#[async_trait]
impl KeyService for Meanwhile {
    async fn generate(&self, context: &EncryptionContext) -> Result<DataKey, KeyError> {
        execute(&self.database, &self.statement).await;
        self.kms.generate(context).await
    }

    async fn decrypt(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<PlainKey, KeyError> {
        self.kms.decrypt(wrapped, key_id, context).await
    }

    async fn rewrap(
        &self,
        wrapped: &[u8],
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<Rewrapped, KeyError> {
        self.kms.rewrap(wrapped, key_id, context).await
    }
}

/// Both systems and the third parties.
struct World {
    old: Database,
    new: Arc<Database>,
    kms: FakeKms,
    clock: FixedClock,
    ids: Ids,
    slack: FakeSlack,
    github: FakeGitHub,
    gcp: FakeGcp,
    connectors: Connectors,
    vault: Vault,
}

impl World {
    async fn new() -> Self {
        let clock = FixedClock::at(Timestamp::from_timestamp(1_790_000_000, 0).expect("in range"));
        let slack = FakeSlack::start().await.expect("it starts");
        let github = FakeGitHub::start(None).await.expect("it starts");
        let gcp = FakeGcp::start(None).await.expect("it starts");
        let secrets = MemorySecrets::new();
        for (arn, value) in slack.secrets().into_iter().chain(github.secrets()) {
            secrets.put(&arn, &value, clock.now());
        }
        let mut variables = vec![("AWS_REGION", "eu-central-1".to_owned())];
        variables.extend(slack.variables());
        variables.extend(github.variables());
        variables.extend(gcp.variables());
        let mut env = Env::from_pairs(variables);
        let aws = aws::config(&mut env, Patience::SENDER_WAITS).expect("no bundle is named");
        let parts = Parts {
            clock: Arc::new(shared::clock::SystemClock),
            secrets: SecretStore::from_source(secrets),
            aws,
        };
        let connectors = Connectors::from_env(&mut env, &parts).expect("connectors");
        let old = Database::empty().await.expect("a database");
        execute(&old, TABLES).await;
        let kms = FakeKms::new();
        Self {
            old,
            new: Arc::new(Database::new().await.expect("a database")),
            vault: Vault::new(Arc::new(kms.clone()), "test", Arc::new(clock.clone())),
            kms,
            clock,
            ids: Ids::random(),
            slack,
            github,
            gcp,
            connectors,
        }
    }

    /// An organization of both systems.
    async fn organization(&self, name: &str) -> OrganizationId {
        self.old_organization(name).await;
        let mut db = self.new.pool(1).expect("a way in").get().await.expect("it");
        let organization = ClerkOrganization {
            id: format!("org_{name}"),
            name: name.to_owned(),
            slug: name.to_owned(),
            created_by: None,
            updated_at: self.clock.now(),
        };
        seed::mirrored(&mut db, &self.ids, &organization, self.clock.now())
            .await
            .expect("an organization")
    }

    /// One of the existing system alone.
    async fn old_organization(&self, name: &str) {
        execute(
            &self.old,
            &format!("INSERT INTO organizations (clerk_org_id, name, slug) VALUES ('org_{name}', '{name}', '{name}')"),
        )
        .await;
    }

    /// A connection of the existing system, with its credentials as they are stored.
    async fn connected(&self, row: Row<'_>, stored: &str) {
        let quoted = |text: Option<&str>| text.map_or("NULL".to_owned(), |text| format!("'{text}'"));
        execute(
            &self.old,
            &format!(
                "WITH connected AS (
                     INSERT INTO integrations (id, organization_id, user_id, connector_type, status, bot_id,
                                               connector_organization_id, metadata, created_at)
                     SELECT gen_random_uuid(), id, gen_random_uuid(), '{}', '{}', {}, {}, '{{}}', clock_timestamp()
                       FROM organizations WHERE clerk_org_id = 'org_{}' RETURNING id)
                 INSERT INTO integration_credentials (id, integration_id, credential_type, credential_data_encrypted,
                                                      encryption_key_id)
                 SELECT gen_random_uuid(), id, 'oauth2', '{stored}', 'v1' FROM connected",
                row.connector,
                row.status,
                quoted(row.bot),
                quoted(row.account),
                row.organization,
            ),
        )
        .await;
    }

    /// A workspace with our app in it, connected in the existing system.
    async fn slack(&self, organization: &str, team: &str) -> String {
        let token = format!("xoxb-{team}-hunter2");
        let workspace = self.slack.workspace(team, "Acme Inc", &token);
        let texts = slack_texts(team, workspace.bot_user_id(), &token);
        self.connected(Row::slack(organization, team), &seal(SALT, &texts))
            .await;
        token
    }

    /// An installation, connected in the existing system.
    async fn github(&self, organization: &str, installation: i64, account: i64) {
        self.github.install(installation, account, "acme", 2);
        let row = Row {
            account: Some(&account.to_string()),
            ..Row::github(organization, "", "")
        };
        let row = Row {
            bot: Some(&installation.to_string()),
            ..row
        };
        let texts = github_texts(installation, account);
        self.connected(row, &seal(SALT, &texts)).await;
    }

    /// A project, connected in the existing system.
    async fn gcp(&self, organization: &str, project: &str) {
        let email = format!("infragpt@{project}.iam.gserviceaccount.com");
        self.gcp.project(project, "Acme Prod", &["europe-west1/prod"]);
        self.gcp.grant(project, &email, "roles/viewer");
        let key = self.gcp.key(project, &email).to_string();
        let sealed = seal(SALT, &json!({ "service_account_json": key }));
        self.connected(Row::gcp(organization), &sealed).await;
    }

    /// Runs it as an operator does, with no more rights on the existing database than to read.
    async fn run(
        &self,
        salt: &str,
        mode: Mode,
        trust: Trust,
        tell: impl FnMut(&source::Stored, &Outcome) + Send,
    ) -> Result<Report, ImportError> {
        let salt = SecretString::from(salt);
        let key = V1Key::of_salt(Some(&salt), PublicSalt::Refused).expect("a salt");
        let all = source::read(&self.old.pool(1).expect("a way in"))
            .await
            .expect("it can be read");
        let importer = Importer {
            key: &key,
            mode,
            trust,
            db: &Access::from(self.new.pool(1).expect("a way in")),
            vault: &self.vault,
            connectors: &self.connectors,
            clock: &self.clock,
            ids: &self.ids,
        };
        importer.run(&all, tell).await
    }

    async fn keep(&self) -> Report {
        let run = self.run(SALT, Mode::Kept, Trust::Installations, |_, _| {});
        run.await.expect("it runs")
    }

    /// What is connected here, opened.
    async fn opened<T: serde::de::DeserializeOwned>(
        &self,
        organization: OrganizationId,
        connector: ConnectorKind,
    ) -> Option<T> {
        let mut db = self.new.pool(1).expect("a way in").get().await.expect("it");
        let tx = db.begin_for(organization).await.expect("it begins");
        let found = integrations::find(&tx, organization, connector)
            .await
            .expect("the database")?;
        let credentials = integration_credentials::find(&tx, organization, found.id)
            .await
            .expect("the database")?;
        let scope = CredentialScope {
            organization,
            connector,
            integration: found.id,
        };
        let opened = self.vault.open(&scope, &credentials.sealed, "test").await;
        Some(opened.expect("it was sealed for this place"))
    }

    async fn bot_token(&self, organization: OrganizationId) -> Option<String> {
        let credentials: SlackCredentials = self.opened(organization, ConnectorKind::Slack).await?;
        Some(credentials.bot_token.expose_secret().to_owned())
    }

    /// How often third parties were asked.
    fn asked(&self) -> usize {
        self.slack.calls().len() + self.github.calls() + self.gcp.calls()
    }
}

async fn execute(database: &Database, statements: &str) {
    let client = database.superuser().await.expect("a connection");
    client.batch_execute(statements).await.expect(statements);
}

async fn rows(database: &Database, query: &str) -> Vec<String> {
    let client = database.superuser().await.expect("a connection");
    let rows = client.query(query, &[]).await.expect(query);
    rows.iter().map(|row| row.get(0)).collect()
}

fn report<const N: usize>(counts: [(&'static str, usize); N]) -> Report {
    Report::from(counts)
}

#[tokio::test]
async fn what_works_is_taken_over_and_a_rehearsal_and_a_second_run_change_nothing() {
    let world = World::new().await;
    let acme = world.organization("acme").await;
    let token = world.slack("acme", "T1").await;
    world.github("acme", 101, 7).await;
    world.gcp("acme", "acme-prod-1").await;
    let there = rows(&world.old, EVERYTHING).await;

    let rehearsed = world
        .run(SALT, Mode::Rehearsal, Trust::Installations, |_, _| {})
        .await;
    assert_eq!(rehearsed.expect("it runs"), report([("importable", 3)]));
    assert_eq!(rows(&world.new, EVERYTHING).await, Vec::<String>::new());
    let record = "SELECT actor || ' ' || action || ' ' || outcome FROM audit_events";
    assert_eq!(rows(&world.new, record).await, Vec::<String>::new());

    assert_eq!(world.keep().await, report([("imported", 3)]));
    assert_eq!(world.bot_token(acme).await, Some(token));
    let github: GitHubCredentials = world
        .opened(acme, ConnectorKind::GitHub)
        .await
        .expect("connected");
    assert_eq!((github.installation_id, github.account_id), (101, 7));
    let gcp: Value = world.opened(acme, ConnectorKind::Gcp).await.expect("connected");
    let key = gcp["service_account_json"].as_str().unwrap_or_default();
    assert!(key.contains("acme-prod-1"));
    let facts = rows(
        &world.new,
        "SELECT concat_ws(' ', connector_type, status, health, external_id, bot_id, connector_user_id,
                          connector_organization_id, metadata->>'connector_org_name')
           FROM integrations ORDER BY connector_type",
    );
    assert_eq!(
        facts.await,
        [
            "gcp active healthy infragpt@acme-prod-1.iam.gserviceaccount.com acme-prod-1 Acme Prod",
            "github active healthy 101 101 acme 7 acme",
            "slack active healthy T1 UBOT1 U0OWNER T1 Acme Inc",
        ]
    );
    let unread = "SELECT connector_type FROM integrations WHERE sync_at IS NOT NULL";
    assert_eq!(
        rows(&world.new, unread).await,
        ["github"],
        "what it reaches is to be read"
    );
    let recorded = rows(&world.new, record).await;
    assert_eq!(recorded, ["import-v1 integration.imported succeeded"; 3]);

    let before = rows(&world.new, EVERYTHING).await;
    let asked = world.asked();
    assert_eq!(world.keep().await, report([("already connected", 3)]));
    assert_eq!(rows(&world.new, EVERYTHING).await, before);
    assert_eq!(rows(&world.new, record).await.len(), 3);
    assert_eq!(world.asked(), asked, "nobody was asked about what is settled");
    assert_eq!(
        rows(&world.old, EVERYTHING).await,
        there,
        "the existing system goes on"
    );
}

#[tokio::test]
async fn a_wrong_salt_is_told_before_anything_is_asked_or_written() {
    let world = World::new().await;
    world.organization("acme").await;
    world.slack("acme", "T1").await;
    world.gcp("acme", "acme-prod-1").await;

    let run = world
        .run("another salt", Mode::Kept, Trust::Installations, |_, _| {})
        .await;

    let error = run.expect_err("nothing opens");
    assert!(matches!(error, ImportError::WrongSalt { sealed: 2 }), "{error:?}");
    assert_eq!(world.asked(), 0);
    assert_eq!(world.kms.calls(), []);
    assert_eq!(rows(&world.new, EVERYTHING).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_ciphertext_that_was_altered_gets_nowhere_and_takes_nothing_else_along() {
    let world = World::new().await;
    let (acme, zeta) = (world.organization("acme").await, world.organization("zeta").await);
    let token = world.slack("acme", "T1").await;
    world.slack("zeta", "T2").await;
    world.github("zeta", 102, 8).await;
    for (connector, account, changed) in [
        // One bit of the token, under the same tag.
        ("slack", "T2", {
            let sealed = "SELECT credential_data_encrypted FROM integration_credentials c
                            JOIN integrations i ON i.id = c.integration_id WHERE connector_organization_id = 'T2'";
            let sealed = rows(&world.old, sealed).await;
            let mut bytes = BASE64_STANDARD.decode(&sealed[0]).expect("base64");
            bytes[60] ^= 1;
            BASE64_STANDARD.encode(bytes)
        }),
        ("github", "8", "not what it was".to_owned()),
    ] {
        execute(
            &world.old,
            &format!(
                "UPDATE integration_credentials SET credential_data_encrypted = '{changed}' FROM integrations i
                  WHERE i.id = integration_id AND connector_type = '{connector}'
                    AND connector_organization_id = '{account}'"
            ),
        )
        .await;
    }

    let expected = report([("imported", 1), ("unreadable", 1), ("wrong salt", 1)]);
    assert_eq!(world.keep().await, expected);
    assert_eq!(world.bot_token(acme).await, Some(token));
    assert_eq!(world.bot_token(zeta).await, None);
}

#[tokio::test]
async fn credentials_of_another_tenants_row_are_not_taken_for_ones_own() {
    let world = World::new().await;
    let mut organizations = Vec::new();
    for (name, team) in [("acme", "T1"), ("zeta", "T2"), ("mole", "T3")] {
        organizations.push(world.organization(name).await);
        world.slack(name, team).await;
    }
    // Whoever could write rows there swapped those of Acme and Zeta; the key of all tenants is one.
    execute(
        &world.old,
        "WITH swapped AS (
             SELECT c.id, lead(credential_data_encrypted, 1, first) OVER (ORDER BY team) AS other
               FROM (SELECT c.id, credential_data_encrypted, connector_organization_id AS team,
                            first_value(credential_data_encrypted) OVER (ORDER BY connector_organization_id) AS first
                       FROM integration_credentials c JOIN integrations i ON i.id = c.integration_id
                      WHERE connector_organization_id IN ('T1', 'T2')) c)
         UPDATE integration_credentials c SET credential_data_encrypted = other FROM swapped s WHERE s.id = c.id",
    )
    .await;
    assert_eq!(world.keep().await, report([("imported", 1), ("refused", 2)]));
    for organization in &organizations[..2] {
        assert_eq!(world.bot_token(*organization).await, None);
    }
    assert_eq!(
        world.bot_token(organizations[2]).await.as_deref(),
        Some("xoxb-T3-hunter2")
    );
}

#[tokio::test]
async fn a_copy_of_another_tenants_credentials_is_given_to_nobody() {
    let world = World::new().await;
    world.organization("acme").await;
    world.organization("mole").await;
    world.gcp("acme", "acme-prod-1").await;
    world.slack("acme", "T1").await;
    // The very text, where the row says nothing of what it is for.
    let copied = "SELECT credential_data_encrypted FROM integration_credentials c
                    JOIN integrations i ON i.id = c.integration_id WHERE connector_type = 'gcp'";
    let copied = rows(&world.old, copied).await.remove(0);
    world.connected(Row::gcp("mole"), &copied).await;
    // And an installation that somebody else claimed there by its number.
    world.github("acme", 101, 7).await;
    let texts = github_texts(101, 7);
    world
        .connected(Row::github("mole", "7", "101"), &seal(SALT, &texts))
        .await;

    assert_eq!(world.keep().await, report([("disputed", 4), ("imported", 1)]));
}

#[tokio::test]
async fn an_installation_that_nobody_proved_is_not_taken_over_without_somebody_who_vouches() {
    let world = World::new().await;
    world.organization("acme").await;
    world.organization("mole").await;
    world.github("acme", 101, 7).await;
    let run = world.run(SALT, Mode::Kept, Trust::Nobody, |_, _| {}).await;
    assert_eq!(run.expect("it runs"), report([("refused", 1)]));
    assert_eq!(world.github.calls(), 0);

    // Nor, with somebody who does, one whose row names another than its credentials, nor one whose account is another.
    world.github.install(102, 8, "zeta", 1);
    let texts = github_texts(102, 8);
    world
        .connected(Row::github("mole", "9", "103"), &seal(SALT, &texts))
        .await;
    assert_eq!(world.keep().await, report([("imported", 1), ("refused", 1)]));
    execute(
        &world.old,
        "UPDATE integrations SET bot_id = '102', connector_organization_id = '9' WHERE bot_id = '103'",
    )
    .await;
    let texts = github_texts(102, 9);
    execute(
        &world.old,
        &format!(
            "UPDATE integration_credentials SET credential_data_encrypted = '{}' FROM integrations i
              WHERE i.id = integration_id AND bot_id = '102'",
            seal(SALT, &texts)
        ),
    )
    .await;
    assert_eq!(
        world.keep().await,
        report([("already connected", 1), ("refused", 1)])
    );
}

#[tokio::test]
async fn a_live_connection_is_not_overwritten_and_one_that_was_ended_here_is_not_revived() {
    let world = World::new().await;
    let acme = world.organization("acme").await;
    world.organization("zeta").await;
    world.slack("acme", "T1").await;
    world.slack("zeta", "T2").await;
    let now = world.clock.now();
    let mut db = world.new.pool(1).expect("a way in").get().await.expect("it");
    let installation = Installation {
        external_id: "T9",
        bot_user_id: "U0BOT",
        bot_token: "xoxb-connected-here",
    };
    seed::slack(&mut db, &world.vault, &world.ids, acme, installation, now)
        .await
        .expect("connected");
    drop(db);
    let live = rows(&world.new, EVERYTHING).await;

    assert_eq!(
        world.keep().await,
        report([("already connected", 1), ("imported", 1)])
    );
    assert_eq!(
        world.bot_token(acme).await.as_deref(),
        Some("xoxb-connected-here")
    );
    let after = rows(&world.new, EVERYTHING).await;
    assert!(live.iter().all(|row| after.contains(row)));

    for status in ["inactive", "deleted", "pending"] {
        execute(
            &world.new,
            &format!("UPDATE integrations SET status = '{status}'"),
        )
        .await;
        let ended = rows(&world.new, EVERYTHING).await;
        assert_eq!(world.keep().await, report([("settled here", 2)]), "{status}");
        assert_eq!(rows(&world.new, EVERYTHING).await, ended, "{status}");
    }
}

#[tokio::test]
async fn whoever_connects_while_theirs_is_taken_over_keeps_what_they_connected() {
    let mut world = World::new().await;
    let acme = world.organization("acme").await;
    world.slack("acme", "T1").await;
    let meanwhile = Meanwhile {
        kms: world.kms.clone(),
        database: Arc::clone(&world.new),
        statement: format!(
            "INSERT INTO integrations (integration_id, organization_id, connector_type, status, health,
                                       health_changed_at, external_id, metadata, installed_at, created_at, updated_at)
             VALUES (gen_random_uuid(), '{}', 'slack', 'active', 'healthy', now(), 'T9', '{{}}', now(), now(), now())",
            acme.uuid()
        ),
    };
    world.vault = Vault::new(Arc::new(meanwhile), "test", Arc::new(world.clock.clone()));

    assert_eq!(world.keep().await, report([("already connected", 1)]));
    let connected = "SELECT concat_ws(' ', external_id, generation) FROM integrations";
    assert_eq!(rows(&world.new, connected).await, ["T9 1"]);
    let sealed = "SELECT encryption_key_id FROM integration_credentials";
    assert_eq!(rows(&world.new, sealed).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_told_by_its_reason() {
    let world = World::new().await;
    world.organization("acme").await;
    world.organization("zeta").await;
    let gone = world.organization("gone").await;
    world.old_organization("unseen").await;
    execute(
        &world.new,
        &format!(
            "UPDATE organizations SET deleted_at = now() WHERE organization_id = '{}'",
            gone.uuid()
        ),
    )
    .await;
    world.slack("gone", "T1").await;
    world.slack("unseen", "T2").await;
    let sealed = || seal(SALT, &json!({ "api_key": "hunter2" }));
    let of = |connector| Row {
        connector,
        ..Row::gcp("acme")
    };
    world.connected(of("teams"), &sealed()).await;
    // It was never more than a word there.
    world.connected(of("datadog"), &sealed()).await;
    let inactive = Row {
        status: "inactive",
        ..of("github")
    };
    world.connected(inactive, &sealed()).await;
    // Stored without its credentials: the existing system does the two without a transaction.
    world.connected(of("gcp"), &sealed()).await;
    execute(
        &world.old,
        "DELETE FROM integration_credentials c USING integrations i
          WHERE i.id = c.integration_id AND connector_type = 'gcp'",
    )
    .await;
    // Sealed by a release that nobody knows.
    world.gcp("zeta", "zeta-prod-1").await;
    execute(
        &world.old,
        "UPDATE integration_credentials SET encryption_key_id = 'v2' FROM integrations i
          WHERE i.id = integration_id AND connector_type = 'gcp'",
    )
    .await;
    // The workspace of another organization here.
    world.slack("zeta", "T3").await;
    let now = world.clock.now();
    let other = world.organization("other").await;
    let installation = Installation {
        external_id: "T3",
        bot_user_id: "U0BOT",
        bot_token: "xoxb-of-another",
    };
    let mut db = world.new.pool(1).expect("a way in").get().await.expect("it");
    seed::slack(&mut db, &world.vault, &world.ids, other, installation, now)
        .await
        .expect("connected");
    drop(db);
    // And a token that Slack does not take any more.
    let token = world.slack("acme", "T4").await;
    world.slack.place("T4", "").revoke_token(&token, "token_revoked");

    let expected = report([
        ("not active", 1),
        ("refused", 2),
        ("taken", 1),
        ("unknown connector", 1),
        ("unknown organization", 2),
        ("unreadable", 2),
    ]);
    let before = rows(&world.new, EVERYTHING).await;
    assert_eq!(world.keep().await, expected);
    assert_eq!(rows(&world.new, EVERYTHING).await, before);
}

#[tokio::test]
async fn what_was_away_is_taken_over_by_the_next_run_and_nothing_is_done_by_halves() {
    let world = World::new().await;
    let acme = world.organization("acme").await;
    world.slack("acme", "T1").await;
    world.github("acme", 101, 7).await;
    world.gcp("acme", "acme-prod-1").await;

    world.github.trouble(Some(Trouble::Fails));
    world.gcp.trouble(Some(Trouble::Limits(1)));
    assert_eq!(world.keep().await, report([("imported", 1), ("unavailable", 2)]));

    world.github.trouble(None);
    world.gcp.trouble(None);
    world.kms.fail(Fault::Down);
    let failed = world.run(SALT, Mode::Kept, Trust::Installations, |_, _| {}).await;
    assert!(matches!(failed, Err(ImportError::Vault(error)) if error.is_outage()));
    world.kms.recover();
    assert_eq!(
        rows(&world.new, EVERYTHING).await.len(),
        2,
        "one, with credentials"
    );

    // The credentials cannot be stored: then there is no connection either.
    execute(
        &world.new,
        "ALTER TABLE integration_credentials ADD CONSTRAINT full_disk CHECK (false) NOT VALID",
    )
    .await;
    let failed = world.run(SALT, Mode::Kept, Trust::Installations, |_, _| {}).await;
    assert!(matches!(failed, Err(ImportError::Db(_))));
    assert_eq!(rows(&world.new, EVERYTHING).await.len(), 2);
    execute(
        &world.new,
        "ALTER TABLE integration_credentials DROP CONSTRAINT full_disk",
    )
    .await;

    assert_eq!(
        world.keep().await,
        report([("already connected", 1), ("imported", 2)])
    );
    assert!(world.bot_token(acme).await.is_some());
}

#[tokio::test]
async fn neither_plaintext_nor_salt_is_ever_in_the_output() {
    let world = World::new().await;
    world.organization("acme").await;
    world.organization("zeta").await;
    world.slack("acme", "T1").await;
    world.slack("zeta", "T2").await;
    world.github("acme", 101, 7).await;
    world.gcp("acme", "acme-prod-1").await;
    let broken = json!({ "service_account_json": "{\"private_key\": \"hunter2-of-zeta\"" });
    world.connected(Row::gcp("zeta"), &seal(SALT, &broken)).await;
    let number = json!({ "installation_id": "hunter2-of-zeta", "account_id": "1" });
    world
        .connected(Row::github("zeta", "1", "1"), &seal(SALT, &number))
        .await;
    let mut canaries = world.github.canaries();
    canaries.extend(world.gcp.canaries());
    canaries.extend(["hunter2", "BEGIN PRIVATE KEY"].map(ToOwned::to_owned));

    // What logs for the first time while another test begins to listen may be taken for what nobody listens to.
    let rehearsed = world
        .run(SALT, Mode::Rehearsal, Trust::Installations, |_, _| {})
        .await;
    rehearsed.expect("it runs");
    let lines = Lines::default();
    let mut output = String::new();
    {
        let _guard = lines.listen("trace");
        for (salt, trust, trouble) in [
            (SALT, Trust::Nobody, Some(Trouble::Fails)),
            (SALT, Trust::Installations, Some(Trouble::Refuses)),
            (SALT, Trust::Installations, Some(Trouble::Babbles)),
            ("wrong-hunter2", Trust::Installations, None),
            (SALT, Trust::Installations, None),
        ] {
            world.github.trouble(trouble);
            world.gcp.trouble(trouble);
            let mut told = String::new();
            let ran = world
                .run(salt, Mode::Kept, trust, |stored, outcome| {
                    writeln!(told, "{stored:?} {outcome} {outcome:?}").expect("written");
                })
                .await;
            match ran {
                Ok(ran) => writeln!(output, "{told}{ran:?}").expect("written"),
                Err(error) => writeln!(output, "{told}{error} {error:?}").expect("written"),
            }
        }
    }
    canaries.extend(world.github.canaries());
    canaries.extend(world.gcp.canaries());
    assert!(output.contains("imported as"), "{output}");
    assert!(output.contains("the salt is wrong"), "{output}");
    let logged = lines.whole();
    assert!(logged.contains("credentials opened"));
    for canary in canaries {
        assert!(!output.contains(&canary), "{canary} in {output}");
        assert!(!logged.contains(&canary), "{canary} in {logged}");
    }
}

#[tokio::test]
async fn the_database_of_this_deployment_is_not_taken_for_that_of_the_existing_system() {
    let database = Database::new().await.expect("a database");
    let read = source::read(&database.pool(1).expect("a way in")).await;
    assert!(matches!(read, Err(SourceError::OtherSchema)));
}

/// What is here for operators is out of reach for whoever sends requests.
#[test]
fn no_function_can_open_what_the_existing_system_sealed() {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let mut folders = vec![functions];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("source");
                for word in ["V1Key", "secret::v1", "v1::", "integration::import", "import::{"] {
                    assert!(!text.contains(word), "{} in {}", word, path.display());
                }
                read += 1;
            }
        }
    }
    assert!(read > 8, "{read}");
}
