//! Every route of the API, tried by one organization on another's things.
//!
//! What is tried comes from the API's own description, which is made from the code, so that a new route is tried without
//! anybody's doing. What the handlers' statements would show without their filters is shown in `statements`, one by one,
//! for transactions that name nobody but their own organization; that those of the handlers do not is shown here.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Map, Value, json};
use shared::{
    auth::fake::{SignedIn, SigningKey},
    clock::Clock as _,
    id::{IntegrationId, OrganizationId, UserId},
};
use tests::{
    gateway::{Answer, Call},
    integrations,
    people::{Person, WEB_ORIGIN, bearer, read},
};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{count, marks, tenants_tables};

/// Routes that ask for no session: they tell nothing of anybody.
const PUBLIC: [&str; 4] = ["/health/live", "/health/ready", BROWSERS, "/openapi.json"];

/// Where third parties send browsers. What it does it does for whoever the browser's cookie says.
const BROWSERS: &str = "/integrations/{connector}/callback";
/// Where somebody comes back from a third party, which nobody here has been sent to.
const COMING_BACK: &str = "/integrations/callback";

/// Routes that tell nobody anything of an organization, because they change something, or are about third parties.
const SILENT: [&str; 9] = [
    "GET /connectors",
    "POST /identity/organization/set-metadata",
    "POST /integrations/alerts/settings",
    "POST /integrations/authorize",
    "POST /integrations/callback",
    "POST /integrations/initiate",
    "POST /integrations/revoke",
    "POST /integrations/sync",
    "POST /integrations/validate",
];

/// A route, as the API describes it.
struct Route {
    method: &'static str,
    path: String,
    is_public: bool,
    /// What a body may hold, by name.
    fields: BTreeMap<String, Value>,
    /// What it must hold.
    required: Vec<String>,
}

impl Route {
    /// All that the API describes.
    fn all() -> Vec<Self> {
        let document: Value = serde_json::from_str(&tests::api::document()).expect("JSON");
        let mut routes = Vec::new();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            for (method, operation) in operations.as_object().expect("operations") {
                let method = match method.as_str() {
                    "get" => "GET",
                    "post" => "POST",
                    other => panic!("{path}: say here how {other} is tried"),
                };
                let input = &operation["requestBody"]["content"]["application/json"]["schema"];
                let input = resolve(&document, input);
                let fields = input["properties"].as_object().cloned().unwrap_or_default();
                let required = input["required"].as_array().cloned().unwrap_or_default();
                routes.push(Self {
                    method,
                    path: path.clone(),
                    is_public: operation["security"] == json!([{}]),
                    fields: fields
                        .into_iter()
                        .map(|(name, field)| (name, resolve(&document, &field)))
                        .collect(),
                    required: required
                        .iter()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect(),
                });
            }
        }
        // What has ended can be read anew no more.
        routes.sort_by_key(|route| route.path == "/integrations/revoke");
        routes
    }

    /// What it answers somebody who may call it and sends the least that it can be sent.
    fn expected(&self) -> u16 {
        if self.path == COMING_BACK { 422 } else { 200 }
    }

    /// Those for people who signed in.
    fn for_people() -> Vec<Self> {
        let mut routes = Self::all();
        routes.retain(|route| !route.is_public);
        assert!(routes.len() >= 5, "only {} routes were found", routes.len());
        routes
    }

    fn is_called(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The least that it can be sent: what it must be told, with words that it takes, by somebody of this organization.
    fn least(&self, own: &Tenant) -> Map<String, Value> {
        self.required
            .iter()
            .map(|name| {
                let field = &self.fields[name];
                let value = if name.ends_with("_id") {
                    own.names(name)[0].clone().into()
                } else if name == "connector_type" {
                    // To be tried is what has a form.
                    let has_form = self.path == "/integrations/validate";
                    json!(if has_form { "gcp" } else { "github" })
                } else {
                    sample(field).unwrap_or_else(|| panic!("{}: say here what {name} is", self.is_called()))
                };
                (name.clone(), value)
            })
            .chain((self.path == "/integrations/validate").then(|| ("credentials".to_owned(), json!({}))))
            .collect()
    }

    /// The same with one more field, or another value of one.
    fn with(&self, own: &Tenant, name: &str, value: &str) -> Value {
        let mut body = self.least(own);
        body.insert(name.to_owned(), value.into());
        body.into()
    }

    /// The fields in which anything may be written.
    fn free(&self) -> impl Iterator<Item = &String> {
        self.fields
            .iter()
            .filter(|(name, field)| {
                let is_text = field["type"] == "string" || field["type"] == json!(["string", "null"]);
                is_text && field["enum"].is_null() && field["format"].is_null() && *name != "cursor"
            })
            .map(|(name, _)| name)
    }

    fn call(&self, authorization: Option<&str>, body: &Value) -> Call {
        let call = match authorization {
            Some(token) => bearer(&self.path, token, body),
            None => Call::post(&self.path, body.to_string()),
        };
        Call {
            method: self.method,
            ..call
        }
    }
}

/// A schema with what it refers to in its place; of alternatives, the one that is not null.
fn resolve(document: &Value, schema: &Value) -> Value {
    let schema = schema["oneOf"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["type"] != "null"))
        .unwrap_or(schema);
    let mut schema = match schema["$ref"].as_str() {
        Some(target) => document
            .pointer(target.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{target} is not described"))
            .clone(),
        None => schema.clone(),
    };
    if !schema["items"].is_null() {
        schema["items"] = resolve(document, &schema["items"]);
    }
    schema
}

/// A word of a list, or a list of one.
fn sample(schema: &Value) -> Option<Value> {
    if schema["type"] == "array" {
        return Some(json!([sample(&schema["items"])?]));
    }
    schema["enum"].get(0).cloned()
}

/// An organization, somebody who administers it, and by what they are named.
struct Tenant {
    admin: Person,
    user: UserId,
    organization: OrganizationId,
    /// Its GitHub account.
    integration: IntegrationId,
}

impl Tenant {
    async fn of(world: &integrations::World, admin: Person, account: u8) -> Self {
        let told = world.people.me(&admin).await;
        let connected = world.connect(&admin, "github", account).await;
        let id = |id: &Value| -> Uuid { id.as_str().and_then(|id| id.parse().ok()).expect("an id") };
        let uuid = |name: &str| id(&told[name]);
        Self {
            integration: id(&connected["id"]).into(),
            user: uuid("user_id").into(),
            organization: uuid("organization_id").into(),
            admin,
        }
    }

    /// All that a field may call it, or its admin.
    fn names(&self, field: &str) -> Vec<String> {
        match field {
            "organization_id" | "clerk_org_id" => vec![
                self.admin.organization.clone(),
                self.organization.to_string(),
                self.organization.uuid().to_string(),
                self.organization.uuid().simple().to_string(),
            ],
            "integration_id" => vec![
                self.integration.to_string(),
                self.integration.uuid().to_string(),
                self.integration.uuid().simple().to_string(),
            ],
            "user_id" | "clerk_user_id" => vec![
                self.admin.id.clone(),
                self.user.to_string(),
                self.user.uuid().to_string(),
                self.user.uuid().simple().to_string(),
            ],
            _ => panic!("say here what may be named by {field}"),
        }
    }
}

/// Two things happened where an organization is connected, and two alerts were raised, which it wants to be told of.
async fn happened(client: &Client, tenant: &Tenant, name: &str) {
    let (organization, integration) = (tenant.organization.uuid(), tenant.integration.uuid());
    client
        .batch_execute(&format!(
            "INSERT INTO integration_activities
                 SELECT gen_random_uuid(), '{organization}', '{integration}', n::text, 'push', '', '{name}', '{name}/infra',
                        'push of {name}', 'actor of {name}', NULL, now(), 'infinity', now()
                   FROM generate_series(1, 2) n;
             INSERT INTO alerts (alert_id, organization_id, integration_id, dedupe_key, severity, state, title,
                                 source_updated_at, expires_at, created_at, updated_at)
                 SELECT gen_random_uuid(), '{organization}', '{integration}', n::text, 'high', 'triggered',
                        'alert of {name}', now(), 'infinity', now(), now()
                   FROM generate_series(1, 2) n;
             INSERT INTO alert_settings (organization_id, slack_channel_id, updated_at)
             VALUES ('{organization}', 'C{name}', now())"
        ))
        .await
        .expect("the rows fit the schema");
}

/// Two organizations that have told and tried the same, each with an admin and a member; and somebody who administers
/// both.
struct World {
    inner: integrations::World,
    client: Client,
    acme: Tenant,
    rival: Tenant,
    /// The one who administers both, at work for `rival`.
    both: Person,
    /// What is `acme`'s alone.
    marks: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let inner = integrations::World::start().await.expect("a world");
        let people = &inner.people;
        let client = people.database.superuser().await.expect("a connection");
        let both = people.clerk.sign_up("both@example.com", "Ubiquitous", "Person");
        let mut pairs = Vec::new();
        for name in ["acme", "rival"] {
            let founder = people.founder(name);
            people.clerk.add_member(&founder.organization, &both, "org:admin");
            let joiner = people.joiner(&format!("{name}hopper"), &founder);
            pairs.push((founder, joiner));
        }
        people.webhooks_come().await;
        let mut tenants = Vec::new();
        for (((founder, joiner), size), account) in pairs.into_iter().zip(["large", "enterprise"]).zip(0..) {
            let tenant = Tenant::of(&inner, founder, account).await;
            let told = json!({
                "organization_id": tenant.organization.to_string(), "company_size": size, "team_size": "1-5",
                "use_cases": [], "observability_stack": [],
            });
            let answer = people
                .post(&tenant.admin, "/identity/organization/set-metadata", &told)
                .await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let answer = people.post(&joiner, "/identity/audit", &json!({})).await;
            assert_eq!(answer.status, 403, "{}", answer.body);
            tenants.push(tenant);
        }
        for (tenant, name) in tenants.iter().zip(["acme", "rival"]) {
            happened(&client, tenant, name).await;
        }
        let [acme, rival] = <[Tenant; 2]>::try_from(tenants).unwrap_or_else(|_| panic!("two"));
        let marks = marks(&client, "acme", acme.organization, rival.organization).await;
        for mark in [
            "acme@example.com",
            "acmehopper",
            &acme.admin.organization,
            &acme.user.uuid().to_string(),
        ] {
            assert!(marks.contains(mark), "{mark} is not in {marks:?}");
        }
        let both = Person {
            session: people.clerk.start_session(&both),
            id: both,
            ..rival.admin.clone()
        };
        Self {
            inner,
            client,
            acme,
            rival,
            both,
            marks: marks.into_iter().collect(),
        }
    }

    /// Those who work for `rival` and may do everything there.
    fn rivals(&self) -> [&Person; 2] {
        [&self.rival.admin, &self.both]
    }

    async fn send(&self, route: &Route, person: &Person, body: &Value) -> Answer {
        let token = self.inner.people.token(person);
        self.inner.send(&route.call(Some(&token), body)).await
    }

    /// What of `acme`'s is in an answer, its headers among it.
    fn found_in(&self, answer: &Answer) -> Option<&String> {
        let headers = format!("{:?}", answer.headers);
        self.marks
            .iter()
            .find(|mark| answer.body.contains(*mark) || headers.contains(*mark))
    }

    /// Sends something in `rival`'s name, and expects nothing of `acme`'s.
    async fn harmless(&self, route: &Route, person: &Person, body: &Value) -> Answer {
        let answer = self.send(route, person, body).await;
        assert_eq!(
            self.found_in(&answer),
            None,
            "{} shows it for {body}: {}",
            route.is_called(),
            answer.body
        );
        answer
    }
}

#[tokio::test]
async fn no_route_for_people_answers_without_a_good_session_for_an_organization() {
    let world = World::new().await;
    let people = &world.inner.people;
    let now = people.clock.now();
    let admin = &world.rival.admin;
    let key = people.issuer.key();
    let payload = admin.signed_in().payload(&people.issuer.url(), now);
    let forged = SigningKey::number(1).sign(&key.header(), &payload);
    let nowhere = SignedIn::new(&admin.id, &admin.session, WEB_ORIGIN);
    let nowhere = people.issuer.token(&nowhere, now);
    for route in Route::for_people() {
        let body = route.least(&world.rival).into();
        for (kind, token, status) in [
            ("no token", None, 401),
            ("what is no token", Some("x.y.z"), 401),
            ("a token signed by somebody else", Some(forged.as_str()), 401),
            ("a token for no organization", Some(nowhere.as_str()), 403),
        ] {
            let answer = world.inner.send(&route.call(token, &body)).await;
            assert_eq!(
                answer.status,
                status,
                "{} with {kind}: {}",
                route.is_called(),
                answer.body
            );
        }
        // The body is not what they were refused for.
        let answer = world.send(&route, admin, &body).await;
        assert_eq!(
            answer.status,
            route.expected(),
            "{}: {}",
            route.is_called(),
            answer.body
        );
    }
}

#[tokio::test]
async fn another_organizations_ids_are_not_found_wherever_a_route_takes_one() {
    let world = World::new().await;
    let mut tried = 0;
    for route in Route::for_people() {
        // Those of third parties are none of ours.
        let theirs = ["installation_id", "slack_channel_id"];
        let ids = |field: &&String| field.ends_with("_id") && !theirs.contains(&field.as_str());
        for field in route.fields.keys().filter(ids) {
            for id in world.acme.names(field) {
                let body = route.with(&world.rival, field, &id);
                for person in world.rivals() {
                    let answer = world.harmless(&route, person, &body).await;
                    assert_eq!(
                        answer.status,
                        404,
                        "{} {body}: {}",
                        route.is_called(),
                        answer.body
                    );
                    tried += 1;
                }
            }
            // Its own are found, in every spelling.
            for id in world.rival.names(field) {
                let body = route.with(&world.rival, field, &id);
                let answer = world.send(&route, &world.rival.admin, &body).await;
                assert_eq!(
                    answer.status,
                    route.expected(),
                    "{} {body}: {}",
                    route.is_called(),
                    answer.body
                );
            }
        }
    }
    assert!(tried >= 40, "only {tried} ids were tried");
}

#[tokio::test]
async fn no_route_shows_anything_of_another_organization_whatever_it_is_asked_for() {
    let world = World::new().await;
    let (mut lists, mut free) = (0, 0);
    for route in Route::for_people() {
        let called = route.is_called();
        let least: Value = route.least(&world.rival).into();
        // There is something to be shown, to whom it belongs.
        let own = route.least(&world.acme).into();
        let answer = world.send(&route, &world.acme.admin, &own).await;
        assert_eq!(answer.status, route.expected(), "{called}: {}", answer.body);
        assert_eq!(
            world.found_in(&answer).is_none(),
            SILENT.contains(&called.as_str()),
            "{called}: {}",
            answer.body
        );

        for person in world.rivals() {
            let answer = world.harmless(&route, person, &least).await;
            assert_eq!(answer.status, route.expected(), "{called}: {}", answer.body);

            for field in route.free().filter(|field| !field.ends_with("_id")) {
                free += 1;
                for wanted in [
                    "acme",
                    "acmehopper Joiner",
                    "acme@example.com",
                    &world.acme.admin.id,
                    &world.acme.user.to_string(),
                    &world.acme.organization.to_string(),
                ] {
                    let body = route.with(&world.rival, field, wanted);
                    let answer = world.harmless(&route, person, &body).await;
                    // What somebody brings back from nowhere, or a page that is not ours.
                    let refused = ["/integrations/authorize", COMING_BACK, "/integrations/initiate"];
                    let is_fine = answer.status == 200
                        || (answer.status == 422 && refused.contains(&route.path.as_str()));
                    assert!(is_fine, "{called} {body}: {}", answer.body);
                }
            }
            if route.fields.contains_key("cursor") {
                lists += 1;
                let page = |own: &Tenant| {
                    let mut body = route.least(own);
                    body.insert("limit".to_owned(), 1.into());
                    Value::from(body)
                };
                let theirs = world.send(&route, &world.acme.admin, &page(&world.acme)).await;
                let theirs = read(&theirs)["next_cursor"].as_str().expect(&called).to_owned();
                let body = route.with(&world.rival, "cursor", &theirs);
                let answer = world.harmless(&route, person, &body).await;
                assert_eq!(answer.status, 200, "{called} {body}: {}", answer.body);
            }
        }
    }
    assert!(
        lists >= 4 && free >= 8,
        "only {lists} lists and {free} fields were tried"
    );
}

/// Has the database note, for every row that it shows or takes, whether the transaction works for this organization
/// and its people alone. Counted in sequences, because they keep what a transaction undoes.
async fn witness(client: &Client, tenant: &Tenant, people: &[&Person]) {
    let named: Vec<_> = people.iter().map(|person| format!("'{}'", person.id)).collect();
    client
        .batch_execute(&format!(
            "CREATE SEQUENCE own;
             CREATE SEQUENCE other;
             CREATE FUNCTION witness() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
             BEGIN
                 IF coalesce(current_setting('app.organization_id', true), '') IN ('', '{}')
                    AND coalesce(current_setting('app.clerk_org_id', true), '') IN ('', '{}')
                    AND coalesce(current_setting('app.clerk_user_id', true), '') IN ('', {})
                    AND coalesce(current_setting('app.external_id', true), '') = ''
                    AND coalesce(current_setting('app.unseen_before', true), '') = ''
                    AND coalesce(current_setting('app.expired_before', true), '') = ''
                 THEN PERFORM nextval('own');
                 ELSE PERFORM nextval('other');
                 END IF;
                 RETURN true;
             END
             $$;",
            tenant.organization.uuid(),
            tenant.admin.organization,
            named.join(", "),
        ))
        .await
        .expect("a witness");
    let mut tables = tenants_tables(client).await;
    tables.insert("users".to_owned());
    for table in tables {
        client
            .batch_execute(&format!(
                "CREATE POLICY witness ON {table} AS RESTRICTIVE USING (witness())"
            ))
            .await
            .expect("it looks on");
    }
}

/// How many rows were shown to the right, and to others.
async fn witnessed(client: &Client) -> (i64, i64) {
    let counted =
        |sequence: &str| format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}");
    (
        count(client, &counted("own")).await,
        count(client, &counted("other")).await,
    )
}

#[tokio::test]
async fn what_a_route_reads_and_writes_it_reads_and_writes_for_the_callers_organization_alone() {
    let world = World::new().await;
    witness(&world.client, &world.rival, &world.rivals()).await;
    let mut before = 0;
    for route in Route::for_people() {
        for person in world.rivals() {
            let body = route.least(&world.rival).into();
            let answer = world.harmless(&route, person, &body).await;
            assert_eq!(
                answer.status,
                route.expected(),
                "{}: {}",
                route.is_called(),
                answer.body
            );
            let (own, other) = witnessed(&world.client).await;
            assert!(own > before, "{} was not seen at work", route.is_called());
            assert_eq!(other, 0, "{} works for somebody else", route.is_called());
            before = own;
        }
    }
    // Others would be noticed.
    world.inner.people.me(&world.acme.admin).await;
    let (own, other) = witnessed(&world.client).await;
    assert!(own == before && other > 0, "{own} {other}");
}

#[tokio::test]
async fn the_router_answers_what_is_described_and_only_a_few_routes_ask_for_no_session() {
    let world = integrations::World::start().await.expect("a world");
    let routes = Route::all();
    let public: Vec<_> = routes
        .iter()
        .filter(|route| route.is_public)
        .map(|route| route.path.as_str())
        .collect();
    assert_eq!(public, PUBLIC);
    for route in &routes {
        let answer = world.send(&route.call(None, &json!({}))).await;
        let expected = match (route.is_public, route.path.as_str()) {
            // Nothing is called `{connector}`.
            (true, BROWSERS) => 404,
            (true, _) => 200,
            (false, _) => 401,
        };
        assert_eq!(answer.status, expected, "{}: {}", route.is_called(), answer.body);
    }
    let nowhere = Call::post("/identity/nowhere", "{}");
    assert_eq!(world.send(&nowhere).await.status, 404);
}

/// What would let a handler past its caller: another way to a route than a described one, and another organization than
/// the caller's. In handlers, ids from outside are texts, and `Caller` compares them.
const FORBIDDEN: [&str; 13] = [
    "OrganizationId",
    "begin(",
    "begin_naming",
    "name_identity",
    "name_unseen",
    "name_expired",
    ".enter(",
    ".driver(",
    ".route(",
    ".merge(",
    ".nest",
    ".fallback",
    "_service(",
];

/// What is wrong with a file of the API.
fn faults(text: &str) -> Vec<String> {
    let mut faults: Vec<String> = FORBIDDEN
        .iter()
        .filter(|word| text.contains(**word))
        .map(|word| format!("{word} is said"))
        .collect();
    for handler in text.split("#[utoipa::path(").skip(1) {
        let path = handler
            .split_once("path = \"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map_or("", |(path, _)| path);
        let signature = handler
            .split_once("async fn ")
            .and_then(|(_, rest)| rest.split_once('{'))
            .map_or("", |(signature, _)| signature);
        let asks = ["): Member", "): Admin"]
            .iter()
            .any(|who| signature.contains(who));
        if asks == PUBLIC.contains(&path) {
            faults.push(format!("{path} is public, or lets anybody in"));
        }
    }
    for (word, owner) in [
        ("begin_for(", "caller.organization)"),
        ("(&tx, ", "caller.organization"),
    ] {
        for (_, rest) in text
            .match_indices(word)
            .map(|(at, _)| text.split_at(at + word.len()))
        {
            if !rest.starts_with(owner) {
                let told: String = rest.chars().take(30).collect();
                faults.push(format!("{word}{told}… is not the caller's"));
            }
        }
    }
    faults
}

#[test]
fn every_handler_asks_who_calls_and_works_for_no_other_organization() {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let (mut handlers, mut entered) = (0, 0);
    let files = ["identity-api", "integrations-api"].into_iter().flat_map(|api| {
        let folder = functions.join(api).join("src");
        fs::read_dir(folder).expect("the folder is there")
    });
    for entry in files {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a file");
        assert_eq!(faults(&text), Vec::<String>::new(), "{}", path.display());
        handlers += text.matches("#[utoipa::path(").count();
        entered += text.matches("begin_for(caller.organization)").count();
    }
    assert_eq!(
        handlers,
        Route::all().len(),
        "some handler is not described, or has no route"
    );
    assert!(entered >= 4, "only {entered} transactions were found");

    for (text, fault) in [
        (
            "#[utoipa::path(post, path = \"/identity/all\")]\nasync fn all(State(app): State<Arc<App>>) {}",
            "/identity/all is public, or lets anybody in",
        ),
        (
            "#[utoipa::path(get, path = \"/health/live\")]\nasync fn live(Member(caller): Member) {}",
            "/health/live is public, or lets anybody in",
        ),
        (
            "let id: OrganizationId = asked.parse()?;",
            "OrganizationId is said",
        ),
        ("router.route(\"/identity/all\", get(all))", ".route( is said"),
        (
            "db.begin_for(asked.organization).await?",
            "begin_for(asked.organization).await?… is not the caller's",
        ),
        (
            "messages::find(&tx, asked.organization)",
            "(&tx, asked.organization)… is not the caller's",
        ),
    ] {
        assert_eq!(faults(text), [fault]);
    }
}
