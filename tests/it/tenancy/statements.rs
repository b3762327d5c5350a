//! Every statement of `shared/queries`, tried by one organization on another's rows: as it is, and with the filters
//! that it has of its own taken out, so that row-level security alone is in the way.
//!
//! `rival` tries everything on `acme`. What it may be answered is what it would be answered if `acme` had never been.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use shared::id::OrganizationId;
use tests::database::Database;
use tokio_postgres::{Client, Error, error::SqlState};

use super::{REVOKED, Rows, answers, marks, rows_of, tenants_tables, two};
use crate::statement::{Statement, numbered, statements, with_parameters};

/// An id that nothing has yet.
const NEW: &str = "00000000-0000-7000-8000-00000000abcd";
/// Before and after everything.
const FIRST: &str = "0001-01-01T00:00:00Z";
const LAST: &str = "9999-01-01T00:00:00Z";
/// When things are written: later than what is there, so that they are not taken for old news.
const LATER: &str = "2100-01-01T00:00:00Z";

/// By what statements say whose rows they mean: `organization_id = :organization_id` and so on.
const FILTERS: [&str; 3] = ["organization_id", "clerk_org_id", "clerk_user_id"];

/// Statements that find nothing for an organization in its own name: they are for whoever clears up behind all, and
/// remove what is not there yet. [`what_clears_up_removes_nothing_without_being_told_to`] is about them.
const CLEARING: [&str; 3] = [
    "organization_members.delete_expired",
    "organizations.delete_expired",
    "users.delete_expired",
];

/// An organization, and its rows by what parameters call them.
struct Tenant {
    name: &'static str,
    ids: BTreeMap<&'static str, String>,
}

impl Tenant {
    async fn of(client: &Client, name: &'static str, organization: OrganizationId) -> Self {
        let row = client
            .query_one(
                "SELECT o.clerk_org_id, u.user_id, i.integration_id, c.conversation_id, answered.message_id,
                        answer.message_id, waiting.message_id, r.github_repository_id, alert.alert_id
                   FROM organizations o JOIN users u ON u.clerk_user_id = 'user_' || $2
                   JOIN integrations i USING (organization_id) JOIN conversations c USING (organization_id)
                   JOIN github_repositories r ON r.integration_id = i.integration_id
                   JOIN messages answered ON answered.slack_message_ts = '1.' || $2
                   JOIN messages answer ON answer.in_reply_to = answered.message_id
                   JOIN messages waiting ON waiting.slack_message_ts = '3.' || $2
                   JOIN alerts alert ON alert.dedupe_key = 'alert of ' || $2
                  WHERE o.organization_id = $1",
                &[&organization.uuid(), &name],
            )
            .await
            .expect("it is furnished");
        let uuid = |column: usize| row.get::<_, uuid::Uuid>(column).to_string();
        let ids = BTreeMap::from([
            ("organization_id", organization.uuid().to_string()),
            ("clerk_org_id", row.get(0)),
            ("clerk_user_id", format!("user_{name}")),
            ("user_id", uuid(1)),
            ("integration_id", uuid(2)),
            ("conversation_id", uuid(3)),
            ("answered", uuid(4)),
            ("answer", uuid(5)),
            ("waiting", uuid(6)),
            ("github_repository_id", row.get::<_, i64>(7).to_string()),
            ("alert_id", uuid(8)),
        ]);
        Self { name, ids }
    }

    fn id(&self, name: &str) -> String {
        self.ids[name].clone()
    }

    /// What a parameter is bound to: where it names something, something of this organization; where it limits, all;
    /// where it is written, something that nobody has. None is NULL.
    fn value(&self, statement: &str, parameter: &str) -> Option<String> {
        let name = self.name;
        let value = match (statement, parameter) {
            // What is made if there is none gets an id that nothing has.
            ("users.ensure" | "users.upsert", "user_id")
            | ("integrations.upsert", "integration_id")
            | ("alerts.upsert", "alert_id")
            | (_, "integration_activity_id")
            | (
                "conversations.find_or_insert" | "conversations.find_or_insert_monitored",
                "conversation_id",
            ) => NEW.to_owned(),
            (
                _,
                "organization_id"
                | "clerk_org_id"
                | "clerk_user_id"
                | "user_id"
                | "integration_id"
                | "conversation_id"
                | "alert_id"
                | "github_repository_id",
            ) => self.id(parameter),
            (_, "github_repository_ids") => format!("{{{}}}", self.id("github_repository_id")),
            ("integration_activities.delete_surplus", "subject_id") => name.to_owned(),
            ("integrations.update_cured", "health_reason") => format!("reason of {name}"),
            (_, "created_by_user_id") => self.id("user_id"),
            ("messages.finish_posted", "message_id") => self.id("answer"),
            ("messages.finish_posted", "slack_message_ts") => "4.new".to_owned(),
            (_, "in_reply_to") => self.id("waiting"),
            (_, "clerk_session_id") => format!("sess_{name}"),
            (_, "team_id" | "external_id") => format!("T{name}"),
            (_, "channel_id" | "slack_channel_id") => format!("C{name}"),
            (_, "dedupe_key") => format!("alert of {name}"),
            (_, "thread_ts" | "slack_message_ts") => format!("1.{name}"),
            (_, "connector_user_ids") => format!("{{U{name}}}"),
            (_, "key") => format!("T{name}:1"),
            (_, "actor") => format!("usr_{name}"),
            ("integration_activities.list", "subject") => return None,
            (_, "subject") => format!("int_{name}"),

            (_, "audit_event_id" | "message_id") => NEW.to_owned(),
            ("integration_revocations.update_wrapped_key", "old_wrapped_key") => {
                format!("old key of {name}")
            }
            (_, "old_wrapped_key") => format!("key of {name}"),
            ("oauth_states.insert", "state_hash") => format!("\\x{}", "00".repeat(32)),
            (_, "state_hash") => hash_of(name),
            (_, "redirect_uri" | "code_verifier") => format!("new of {name}"),
            (_, "created_at" | "posting_until" | "due_at") => REVOKED.to_owned(),
            (_, "message_ids") => format!("{{{NEW}}}"),
            (_, "before_audit_event_id" | "before_alert_id" | "before_integration_activity_id") => {
                uuid::Uuid::max().to_string()
            }
            (_, "after" | "after_user_id") => uuid::Uuid::nil().to_string(),
            (_, "since" | "after_joined_at" | "after_due_at" | "never") => FIRST.to_owned(),
            (_, "until" | "before" | "before_created_at" | "before_occurred_at" | "give_up_at") => {
                LAST.to_owned()
            }
            (
                _,
                "now" | "source_updated_at" | "posted_updated_at" | "installed_at" | "event_time"
                | "joined_at" | "sent_at" | "occurred_at" | "started_at" | "github_created_at"
                | "github_pushed_at" | "check_at" | "sync_at",
            )
            | ("alerts.upsert" | "integration_activities.insert" | "oauth_states.insert", "expires_at") => {
                LATER.to_owned()
            }
            (_, "sent_ats") => format!("{{{LATER}}}"),
            ("organization_members.list", "role" | "prefix")
            | ("oauth_states.insert", "impersonated_by")
            | ("alerts.list", "state")
            | (
                _,
                "deleted_at" | "expires_at" | "refresh_at" | "refresh_started_at" | "retry_at" | "reason",
            ) => return None,

            (_, word) => constant(statement, word).to_owned(),
        };
        Some(value)
    }
}

/// The question that an organization has asked is answered, and another one waits, with somebody at work on it.
async fn talk(client: &Client, name: &str) {
    client
        .batch_execute(&format!(
            "INSERT INTO messages
                 SELECT gen_random_uuid(), organization_id, conversation_id, role, NULL, '3.{name}', sender_user_id,
                        sender_name, message_text, sent_at, created_at
                   FROM messages WHERE slack_message_ts = '1.{name}';
             INSERT INTO messages
                 SELECT gen_random_uuid(), organization_id, conversation_id, 'assistant', message_id, '2.{name}', NULL,
                        NULL, 'answer to {name}', sent_at, created_at
                   FROM messages WHERE slack_message_ts = '1.{name}';
             INSERT INTO deliveries
             VALUES ('slack', 'T{name}:1', 'in_progress', 1, 1, now() + interval '1 hour', NULL, now(), now())"
        ))
        .await
        .expect("the rows fit the schema");
}

/// The state that an organization has begun, as its hash.
fn hash_of(name: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    format!("\\x{}", hex::encode(hash))
}

/// What a parameter is bound to, whoever binds it.
fn constant(statement: &str, parameter: &str) -> &'static str {
    match (statement, parameter) {
        ("organization_members.upsert", "role") => "member",
        ("messages.store_answer", "role") => "assistant",
        (_, "source" | "connector_type") => "slack",
        (_, "connector_types") => "{slack}",
        (_, "action") => "a.b",
        (_, "outcome") => "succeeded",
        (_, "fence" | "generation" | "encryption_version") => "1",
        (_, "count") => "100",
        (
            _,
            "search_email" | "is_monitored" | "begins_here" | "may_administer" | "may_push" | "may_pull"
            | "is_private" | "has_details" | "replaces",
        ) => "true",
        ("alerts.upsert", "state") | (_, "posted_state") => "resolved",
        (_, "state") => "done",
        (_, "severity" | "minimum_severity") => "high",
        (_, "keep") => "0",
        (_, "status") => "inactive",
        (_, "health") => "degraded",
        (_, "health_remedy") => "wait",
        (_, "browser_hash") => "\\x0000000000000000000000000000000000000000000000000000000000000000",
        ("github_repositories.upsert_listed" | "github_repositories.upsert_read", "repositories") => {
            r#"[{"id": 1, "name": "new", "full_name": "new/new", "url": "new", "is_private": true, "may_administer": true,
                 "may_push": true, "may_pull": true}]"#
        }
        (_, "account" | "details" | "metadata" | "use_cases" | "observability_stack") => "{}",
        (_, "company_size") => "large",
        (_, "team_size") => "100+",
        (_, "roles") => "{user}",
        (_, "slack_message_tss") => "{5.new}",
        (_, "sender_user_ids" | "sender_names" | "message_texts") => "{new}",
        (_, "nonce") => "\\x000000000000000000000000",
        (_, "ciphertext" | "wrapped_key") => "\\x00",
        (
            _,
            "request_id"
            | "address"
            | "channel_name"
            | "encryption_key_id"
            | "key_id"
            | "bot_id"
            | "connector_user_id"
            | "connector_organization_id"
            | "health_message"
            | "title"
            | "service"
            | "url"
            | "undelivered_reason"
            | "health_reason"
            | "dedupe_key"
            | "kind"
            | "subject_id"
            | "default_branch"
            | "repository_name"
            | "repository_full_name"
            | "repository_url"
            | "repository_description"
            | "repository_language"
            | "sender_user_id"
            | "sender_name"
            | "message_text"
            | "name"
            | "slug"
            | "email"
            | "first_name"
            | "last_name"
            | "image_url",
        ) => "new",
        _ => panic!("{statement}: say here what :{parameter} is"),
    }
}

/// Whom the settings of a transaction name.
struct Settings {
    called: &'static str,
    /// As the list of a `SELECT`.
    sql: String,
}

/// All that a transaction of this organization may name: nothing, one thing, or everything at once.
fn settings(of: &Tenant) -> Vec<Settings> {
    let set = |name: &str, value: &str| format!("set_config('{name}', '{value}', true)");
    let organization = set("app.organization_id", &of.id("organization_id"));
    let identity = format!(
        "{}, {}",
        set("app.clerk_user_id", &of.id("clerk_user_id")),
        set("app.clerk_org_id", &of.id("clerk_org_id"))
    );
    let workspace = set("app.external_id", &format!("slack:T{}", of.name));
    let everything = format!("{organization}, {identity}, {workspace}");
    [
        ("nobody", "true".to_owned()),
        ("an organization", organization),
        ("a person with an organization", identity),
        ("a workspace", workspace),
        ("all of its own", everything),
    ]
    .into_iter()
    .map(|(called, sql)| Settings { called, sql })
    .collect()
}

/// A statement, as it is or without its filters.
struct Variant {
    name: String,
    sql: String,
    is_filtered: bool,
    /// The types of its parameters, by name.
    types: BTreeMap<String, String>,
}

impl Variant {
    async fn of(client: &Client, name: &str, sql: &str, is_filtered: bool) -> Self {
        let prepared = client
            .prepare(&numbered(sql))
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let types = crate::statement::parameters(sql)
            .into_iter()
            .zip(prepared.params())
            .map(|(name, kind)| (name.to_owned(), kind.name().to_owned()))
            .collect();
        Self {
            name: name.to_owned(),
            sql: sql.to_owned(),
            is_filtered,
            types,
        }
    }

    fn how(&self) -> &'static str {
        if self.is_filtered {
            "as it is"
        } else {
            "without its filters"
        }
    }

    /// The statement with values in it, and the values.
    fn bind(&self, organization: &Tenant, rest: &Tenant) -> (String, BTreeSet<String>) {
        let value = |parameter: &str| {
            let of = if parameter == "organization_id" {
                organization
            } else {
                rest
            };
            of.value(&self.name, parameter)
        };
        let sql = with_parameters(self.sql.trim_end().trim_end_matches(';'), |parameter| {
            let literal = value(parameter).map_or_else(
                || "NULL".to_owned(),
                |value| format!("'{}'", value.replace('\'', "''")),
            );
            format!("CAST({literal} AS {})", self.types[parameter])
        });
        (sql, self.types.keys().filter_map(|name| value(name)).collect())
    }
}

/// The statement with its own filters taken out: those that say whose rows it means.
fn without_filters(sql: &str) -> String {
    FILTERS.iter().fold(sql.to_owned(), |sql, name| {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let filter = format!("{name} = :{name}");
        let mut out = String::new();
        let mut rest = sql.as_str();
        while let Some(at) = rest.find(&filter) {
            let (before, after) = (&rest[..at], &rest[at + filter.len()..]);
            let is_whole = !before.ends_with(is_word) && !after.starts_with(is_word);
            assert!(is_whole, "a filter of another name: {sql}");
            // `m.organization_id`: the name of the table goes too.
            out.push_str(
                before
                    .strip_suffix('.')
                    .map_or(before, |table| table.trim_end_matches(is_word)),
            );
            out.push_str("true");
            rest = after;
        }
        out + rest
    })
}

/// The two organizations, in a database that every run leaves as it was.
struct World {
    _database: Database,
    client: Client,
    /// Whom the functions log in as.
    role: String,
    acme: Tenant,
    rival: Tenant,
    /// The tables with rows of tenants, and which of them are `acme`'s.
    tables: BTreeMap<String, String>,
    /// What `acme` has: a query, and its answer as long as nobody touched it.
    inventory: String,
    untouched: Option<String>,
    /// What stands in `acme`'s rows and in none of `rival`'s.
    marks: BTreeSet<String>,
}

impl World {
    async fn new() -> Self {
        let (database, acme_id, rival_id, tables) = two().await;
        let client = database.superuser().await.expect("a connection");
        for name in ["acme", "rival"] {
            talk(&client, name).await;
        }
        let acme = Tenant::of(&client, "acme", acme_id).await;
        let rival = Tenant::of(&client, "rival", rival_id).await;
        let tables = rows_of(&tables, acme_id);
        let parts: Vec<_> = tables
            .iter()
            .map(|(table, own)| {
                format!("SELECT '{table} ' || to_jsonb(t)::text AS row FROM {table} t WHERE {own}")
            })
            .collect();
        let inventory = format!(
            "SELECT md5(string_agg(row, E'\\n' ORDER BY row)) FROM ({}) AS rows",
            parts.join(" UNION ALL ")
        );
        let marks = marks(&client, "acme", acme_id, rival_id).await;
        let mut world = Self {
            role: database.application().username,
            tables,
            _database: database,
            client,
            acme,
            rival,
            inventory,
            untouched: None,
            marks,
        };
        world.untouched = world.look().await;
        assert!(world.untouched.is_some(), "acme has nothing");
        world
    }

    /// What `acme` has now.
    async fn look(&self) -> Option<String> {
        let row = self.client.query_one(&self.inventory, &[]).await;
        row.expect("it can be read").get(0)
    }

    /// All statements on tables of tenants, each as it is and, where it has filters, without them.
    async fn variants(&self) -> Vec<Variant> {
        let mut variants = Vec::new();
        for Statement { name, sql, .. } in statements() {
            if !self.tables.keys().any(|table| mentions(&sql, table)) {
                continue;
            }
            variants.push(Variant::of(&self.client, &name, &sql, true).await);
            let unfiltered = without_filters(&sql);
            let is_known = FILTERS
                .iter()
                .all(|name| !unfiltered.contains(&format!(":{name}")));
            assert!(
                is_known || sql.contains("INSERT INTO"),
                "{name} says whose rows it means in a way that this test does not know: {unfiltered}"
            );
            if unfiltered != sql {
                variants.push(Variant::of(&self.client, &name, &unfiltered, false).await);
            }
        }
        variants
    }

    /// Runs a statement with the functions' rights and undoes it; answers its rows, and what `acme` has after it. Where
    /// `acme` is not to have been, it is removed before.
    async fn run(
        &self,
        sql: &str,
        settings: &Settings,
        acme: Presence,
    ) -> Result<(Rows, Option<String>), Error> {
        let mut script = "BEGIN;\n".to_owned();
        if acme == Presence::NeverBeen {
            for table in ["audit_events", "users", "organizations"] {
                writeln!(script, "DELETE FROM {table} WHERE {};", self.tables[table]).expect("a text");
            }
        }
        // The session itself becomes the functions': nothing of the superuser's is left but the way back.
        write!(
            script,
            "SET LOCAL SESSION AUTHORIZATION {};\nSELECT {};\n{sql};\nRESET SESSION AUTHORIZATION;\n{};\nROLLBACK",
            self.role, settings.sql, self.inventory
        )
        .expect("a text");
        let answers = match self.client.simple_query(&script).await {
            Ok(messages) => answers(messages),
            Err(error) => {
                self.client.batch_execute("ROLLBACK").await.expect("it goes on");
                return Err(error);
            }
        };
        // …, the statement, the way back, what acme has, the end.
        let [.., rows, _, inventory, _] = &answers[..] else {
            panic!("too few answers: {answers:?}")
        };
        Ok((rows.clone(), inventory[0][0].clone()))
    }

    /// What is wrong with what `rival` gets for a statement that names `organization` and otherwise things of `rest`.
    async fn complaint(
        &self,
        variant: &Variant,
        organization: &Tenant,
        rest: &Tenant,
        settings: &Settings,
    ) -> Option<String> {
        let (sql, bound) = variant.bind(organization, rest);
        let told = |what: &str| {
            Some(format!(
                "{} {}, with {}'s organization and {}'s ids, while the transaction names {}: {what}",
                variant.name,
                variant.how(),
                organization.name,
                rest.name,
                settings.called,
            ))
        };
        let (rows, left) = match self.run(&sql, settings, Presence::There).await {
            Ok(answer) => answer,
            Err(error) if is_refusal(&error) => return None,
            Err(error) => return told(&format!("an error of another kind: {error:?}")),
        };
        if left != self.untouched {
            return told("acme's rows are not what they were");
        }
        let shown = rows.iter().flatten().flatten().find(|value| {
            // What was asked for by name may be repeated; it is no news.
            !bound.contains(*value) && self.marks.iter().any(|mark| value.contains(mark.as_str()))
        });
        if let Some(shown) = shown {
            return told(&format!("{shown:?} of acme's is shown"));
        }
        if rows.is_empty() {
            return None;
        }
        match self.run(&sql, settings, Presence::NeverBeen).await {
            Ok((same, _)) if same == rows => None,
            Ok((other, _)) => told(&format!(
                "the answer is {rows:?}, and without acme it would be {other:?}"
            )),
            Err(error) => told(&format!("without acme there would be no answer: {error:?}")),
        }
    }

    /// All that is wrong with what `rival` gets for a statement, whatever it names.
    async fn complaints(&self, variant: &Variant, settings: &[Settings]) -> Vec<String> {
        let mut complaints = Vec::new();
        for (organization, rest) in [
            (&self.acme, &self.acme),
            (&self.rival, &self.acme),
            (&self.acme, &self.rival),
        ] {
            for settings in settings {
                complaints.extend(self.complaint(variant, organization, rest, settings).await);
            }
        }
        complaints
    }

    /// Opens a table to everybody who may use it at all, or closes it again.
    async fn set_open(&self, table: &str, is_open: bool) {
        let change = if is_open {
            format!("CREATE POLICY hole ON {table} USING (true)")
        } else {
            format!("DROP POLICY hole ON {table}")
        };
        self.client.batch_execute(&change).await.expect("a hole, or none");
    }
}

/// Whether `acme` is there during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    There,
    NeverBeen,
}

/// Whether a statement says a word.
fn mentions(sql: &str, word: &str) -> bool {
    sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|found| found == word)
}

/// Whether the database refused for a reason that tenancy has: a policy, or a reference to what is another's or not
/// there, or a place that is taken.
fn is_refusal(error: &Error) -> bool {
    error.as_db_error().is_some_and(|refused| {
        let code = refused.code();
        // The same code stands for rights that were never granted: those would refuse the owner as well.
        (*code == SqlState::INSUFFICIENT_PRIVILEGE && refused.message().contains("row-level security"))
            || [
                SqlState::FOREIGN_KEY_VIOLATION,
                SqlState::UNIQUE_VIOLATION,
                SqlState::NOT_NULL_VIOLATION,
            ]
            .contains(code)
    })
}

#[tokio::test]
async fn no_statement_shows_or_changes_anything_of_another_organization_even_without_its_filters() {
    let world = World::new().await;
    let variants = world.variants().await;
    let unfiltered = variants.iter().filter(|variant| !variant.is_filtered).count();
    assert!(
        variants.len() > 60 && unfiltered > 25,
        "only {} and {unfiltered} statements were tried",
        variants.len()
    );
    let own = settings(&world.rival);
    let mut complaints = Vec::new();
    for variant in &variants {
        complaints.extend(world.complaints(variant, &own).await);
    }
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!(world.look().await, world.untouched);
}

#[tokio::test]
async fn every_statement_works_on_an_organizations_own_rows_and_its_filters_leave_nothing_out() {
    let world = World::new().await;
    let own = settings(&world.rival).pop().expect("settings");
    let mut filtered: Option<(String, Rows)> = None;
    for variant in world.variants().await {
        let (sql, _) = variant.bind(&world.rival, &world.rival);
        let called = format!("{} {}", variant.name, variant.how());
        let (rows, left) = world
            .run(&sql, &own, Presence::There)
            .await
            .unwrap_or_else(|error| panic!("{called} is refused: {error:?}"));
        assert_eq!(
            rows.is_empty(),
            CLEARING.contains(&variant.name.as_str()),
            "{called}: {rows:?}"
        );
        assert_eq!(left, world.untouched, "{called} changes acme's rows");
        if variant.is_filtered {
            filtered = Some((variant.name, rows));
        } else {
            assert_eq!(Some((variant.name, rows)), filtered, "{called}: another answer");
        }
    }
}

#[tokio::test]
async fn without_row_level_security_the_check_complains_about_every_table_and_every_statement() {
    let world = World::new().await;
    let variants = world.variants().await;
    let own: Vec<_> = settings(&world.rival).into_iter().skip(1).take(1).collect();

    // A hole in one table is noticed, by the statements on it.
    for table in world.tables.keys() {
        world.set_open(table, true).await;
        let mut complaints = Vec::new();
        let mut touching = variants
            .iter()
            .filter(|variant| mentions(&variant.sql, table))
            .peekable();
        let is_used = touching.peek().is_some();
        for variant in touching {
            complaints.extend(world.complaints(variant, &own).await);
        }
        assert_eq!(complaints.is_empty(), !is_used, "{table}: {complaints:#?}");
        world.set_open(table, false).await;
    }

    // With a hole in each, none of the statements that lack their filters is harmless.
    for table in world.tables.keys() {
        world.set_open(table, true).await;
    }
    let mut unnoticed = BTreeSet::new();
    let mut seen = Vec::new();
    for variant in &variants {
        let complaints = world.complaints(variant, &own).await;
        if complaints.is_empty() {
            unnoticed.insert(variant.name.as_str());
        }
        seen.extend(complaints);
    }
    assert_eq!(unnoticed, BTreeSet::from(CLEARING));
    // Each of the ways to notice has been seen to work.
    for (statement, what) in [
        ("messages.history without its filters", "of acme's is shown"),
        ("channels.is_monitored as it is", "and without acme it would be"),
        (
            "integration_credentials.delete_all as it is",
            "acme's rows are not what they were",
        ),
        (
            "audit_events.insert as it is",
            "acme's rows are not what they were",
        ),
    ] {
        let is_told = |complaint: &String| complaint.starts_with(statement) && complaint.contains(what);
        assert!(seen.iter().any(is_told), "{statement}: {what}: {seen:#?}");
    }

    // And what was never granted is no proof of a policy.
    world
        .client
        .batch_execute("REVOKE ALL ON channels FROM infragpt_application")
        .await
        .expect("it is revoked");
    let monitored = variants
        .iter()
        .find(|variant| variant.name == "channels.is_monitored");
    let complaints = world.complaints(monitored.expect("it is there"), &own).await;
    assert!(
        complaints[0].contains("an error of another kind"),
        "{complaints:?}"
    );
}

#[tokio::test]
async fn what_clears_up_removes_nothing_without_being_told_to() {
    let mut world = World::new().await;
    for table in ["users", "organizations", "organization_members"] {
        world
            .client
            .batch_execute(&format!(
                "UPDATE {table} SET deleted_at = '2020-01-01' WHERE {}",
                world.tables[table]
            ))
            .await
            .expect("acme is gone at Clerk");
    }
    world.untouched = world.look().await;
    let variants = world.variants().await;
    let clearing: Vec<_> = variants
        .iter()
        .filter(|variant| CLEARING.contains(&variant.name.as_str()))
        .collect();
    assert_eq!(clearing.len(), CLEARING.len());
    for variant in &clearing {
        let complaints = world.complaints(variant, &settings(&world.rival)).await;
        assert_eq!(complaints, Vec::<String>::new());
    }

    // Whoever is told the time removes what had ended then, and nothing that lives.
    for (before, is_removed) in [("2020-01-01", false), ("2020-01-02", true)] {
        let told = Settings {
            called: "a time",
            sql: format!("set_config('app.expired_before', '{before}', true)"),
        };
        for variant in &clearing {
            let (sql, _) = variant.bind(&world.rival, &world.rival);
            let (rows, left) = world
                .run(&sql, &told, Presence::There)
                .await
                .unwrap_or_else(|error| panic!("{} is refused: {error:?}", variant.name));
            assert_eq!(
                rows.len(),
                usize::from(is_removed),
                "{} {before}: {rows:?}",
                variant.name
            );
            assert_eq!(left != world.untouched, is_removed, "{} {before}", variant.name);
        }
    }
}

/// The tables that belong to no organization, with all their columns: names, counters and times. A new column stands
/// here when it can hold nothing that a tenant said, is called or keeps secret.
const NOBODYS: [(&str, &[&str]); 6] = [
    (
        "deliveries",
        &[
            "attempts",
            "created_at",
            "fence",
            "key",
            "lease_until",
            "reason",
            "source",
            "state",
            "updated_at",
        ],
    ),
    (
        "github_unclaimed_installations",
        &[
            "created_at",
            "deleted_at",
            "event_time",
            "github_account_id",
            "github_account_type",
            "github_installation_id",
            "is_suspended",
            "updated_at",
        ],
    ),
    ("rate_limits", &["arrival_at", "granted", "subject"]),
    (
        "reconciliations",
        &[
            "after_id",
            "completed_at",
            "lease_until",
            "name",
            "pass_started_at",
            "phase",
            "position",
            "subposition",
            "updated_at",
        ],
    ),
    (
        "refinery_schema_history",
        &["applied_on", "checksum", "name", "version"],
    ),
    ("revoked_sessions", &["clerk_session_id", "expires_at"]),
];

#[tokio::test]
async fn what_belongs_to_no_organization_has_no_column_for_what_a_tenant_says() {
    let database = Database::new().await.expect("a database");
    let client = database.superuser().await.expect("a connection");
    let mut tenants = tenants_tables(&client).await;
    tenants.insert("users".to_owned());
    // Views and the like count too: they show what their owner may see.
    let rows = client
        .query(
            "SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attname)
               FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
              WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                AND a.attnum > 0 AND NOT a.attisdropped
              GROUP BY 1",
            &[],
        )
        .await
        .expect("the catalogue can be read");
    let found: BTreeMap<String, Vec<String>> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let nobodys: BTreeMap<&str, Vec<&str>> = found
        .iter()
        .filter(|(table, _)| !tenants.contains(*table))
        .map(|(table, columns)| (table.as_str(), columns.iter().map(String::as_str).collect()))
        .collect();
    let allowed: BTreeMap<&str, Vec<&str>> = NOBODYS
        .iter()
        .map(|(table, columns)| (*table, columns.to_vec()))
        .collect();
    assert_eq!(nobodys, allowed);
    // Nor is there a function that works with its owner's rights.
    let functions: i64 = client
        .query_one(
            "SELECT count(*) FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace",
            &[],
        )
        .await
        .expect("the catalogue can be read")
        .get(0);
    assert_eq!(functions, 0);
}

#[test]
fn filters_are_taken_out_with_the_name_of_their_table_and_nothing_else_is() {
    assert_eq!(
        without_filters(
            "UPDATE a SET x = :x FROM b WHERE m.organization_id = :organization_id AND id = :id OR clerk_org_id = \
             :clerk_org_id"
        ),
        "UPDATE a SET x = :x FROM b WHERE true AND id = :id OR true"
    );
    assert_eq!(
        without_filters("INSERT INTO a (organization_id) VALUES (:organization_id)"),
        "INSERT INTO a (organization_id) VALUES (:organization_id)"
    );
}
