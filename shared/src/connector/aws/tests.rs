#![expect(clippy::expect_used, reason = "a world that cannot be set up has failed")]

use std::{fmt::Write as _, time::Duration};

use futures_util::future;
use serde_json::{Value, json};

use super::{
    Aws, AwsCredentials, DESCRIPTOR,
    fake::{FakeAws, OUR_ACCOUNT},
    foreign,
};
use crate::{
    aws::{self, Patience},
    clock::{FixedClock, Timestamp},
    config::Env,
    connector::{
        contract::{
            Checked, Connection, Connector, ConnectorError, Credentials, DynConnector, Linked, Parts, Remedy, Returned,
            Start, Started,
        },
        fake::{Trouble, Vendor as _},
    },
    id::{Ids, IntegrationId, OrganizationId},
    secret::manager::{MemorySecrets, SecretStore},
};

const ACME: &str = "acacacacacacacacacacacacacacacacacacacacacacacacacacacacacacacac";
const OTHER: &str = "0707070707070707070707070707070707070707070707070707070707070707";
const ROLE: &str = "arn:aws:iam::111122223333:role/team/infragpt";

struct World {
    aws: Aws,
    fake: FakeAws,
    clock: FixedClock,
    organization: OrganizationId,
    integration: IntegrationId,
}

fn connector(fake: &FakeAws, clock: &FixedClock) -> Aws {
    let own = [
        ("AWS_ACCESS_KEY_ID", "AKIAOURSELVES0000000".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "our own key of our own account".to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
    ];
    let mut env = Env::from_pairs(own.into_iter().chain(fake.variables()));
    let parts = Parts {
        clock: std::sync::Arc::new(clock.clone()),
        secrets: SecretStore::from_source(MemorySecrets::new()),
        aws: aws::config(&mut env, Patience::SENDER_WAITS).expect("no bundle is named"),
    };
    Aws::configure(&mut env, &parts).expect("the fake's address serves")
}

async fn world() -> World {
    let clock = FixedClock::at(Timestamp::from_timestamp(1_800_000_000, 0).expect("a time"));
    let fake = FakeAws::start(std::sync::Arc::new(clock.clone())).await.expect("a fake");
    let ids = Ids::seeded(1);
    World {
        aws: connector(&fake, &clock),
        fake,
        clock,
        organization: ids.organization(),
        integration: ids.integration(),
    }
}

/// A trust policy of our account on a condition.
fn trust(condition: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{OUR_ACCOUNT}:root") },
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }]})
}

fn demands(external_id: &str) -> Value {
    trust(&json!({ "StringEquals": { "sts:ExternalId": external_id } }))
}

impl World {
    fn connection(&self, nonce: &'static str) -> Connection<'static> {
        Connection {
            organization: self.organization,
            integration: self.integration,
            nonce,
            webhook_url: None,
            account: None,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    async fn complete(&self, input: Value) -> Result<Linked<Credentials>, ConnectorError> {
        let returned = Returned { redirect_uri: "", code_verifier: "" };
        DynConnector::complete(&self.aws, self.connection(ACME), returned, input).await
    }

    async fn complete_role(&self, trust_policy: &Value) -> Result<Linked<Credentials>, ConnectorError> {
        self.fake.role(ROLE, trust_policy);
        self.complete(json!({ "role_arn": ROLE })).await
    }

    async fn validate(&self, credentials: &Credentials) -> Result<Checked, ConnectorError> {
        DynConnector::validate(&self.aws, self.connection(ACME), credentials).await
    }

    async fn started(&self) -> Started {
        let start = Start { nonce: ACME, ..Start::default() };
        Connector::initiate(&self.aws, start).await.expect("a page")
    }

    /// What was asked for whenever a role was to be taken on.
    fn assumed(&self) -> Vec<std::collections::BTreeMap<String, String>> {
        let asked = self.fake.asked().into_iter();
        asked.filter(|asked| asked.action == "AssumeRole").map(|asked| asked.form).collect()
    }
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, ConnectorError>) -> (&'static str, String, Remedy) {
    match answer {
        Err(ConnectorError::Refused { reason, message, remedy }) => (reason, message, remedy),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn whoever_makes_the_role_as_they_are_shown_is_connected() {
    let world = world().await;
    let started = world.started().await;
    assert_eq!(started.url, "https://console.aws.amazon.com/cloudformation/home#/stacks/create/template");
    assert_eq!(started.setup["account_id"], OUR_ACCOUNT);
    assert_eq!(started.setup["external_id"], ACME);
    assert_eq!(started.setup["principal"], format!("arn:aws:iam::{OUR_ACCOUNT}:root"));

    let template = started.setup["template"].as_str().expect("a template");
    let template: Value = serde_yaml_ng::from_str(template).expect("YAML");
    let role = &template["Resources"]["InfraGptRole"];
    assert_eq!(role["Type"], "AWS::IAM::Role");
    let role = &role["Properties"];
    assert_eq!(role["AssumeRolePolicyDocument"], started.setup["trust_policy"]);
    assert_eq!(role["AssumeRolePolicyDocument"], demands(ACME));
    assert_eq!(role["ManagedPolicyArns"], started.setup["policies"]);
    let policies: Vec<String> = serde_json::from_value(role["ManagedPolicyArns"].clone()).expect("a list");
    assert!(
        policies.iter().all(|arn| arn.starts_with("arn:aws:iam::aws:policy/") && arn.contains("Only")),
        "{policies:?}"
    );
    assert!(role["Policies"].is_null(), "nothing beside what AWS calls reading");
    let names: Vec<_> = role["Tags"].as_array().expect("tags").iter().map(|tag| &tag["Key"]).collect();
    assert_eq!(names, ["infragpt-connection"], "what template.yaml asks of a role in our own account");
    assert_eq!(template["Outputs"]["RoleArn"]["Value"], json!({ "Fn::GetAtt": ["InfraGptRole", "Arn"] }));

    let linked = world.complete_role(&role["AssumeRolePolicyDocument"]).await.expect("a connection");
    assert_eq!(linked.account.id, "111122223333");
    let session = format!(
        "arn:aws:sts::111122223333:assumed-role/infragpt/infragpt-{}",
        world.organization.uuid()
    );
    assert_eq!(linked.account.user_id.as_deref(), Some(&*session));
    let shown = json!({
        "account_id": "111122223333", "arn": session, "partition": "aws", "region": "eu-central-1", "way": "role",
    });
    assert_eq!(json!(linked.account.metadata), shown);
    let kept = serde_json::to_value(&linked.credentials).expect("JSON");
    let stored = json!({ "role": { "role_arn": ROLE, "external_id": ACME, "region": "eu-central-1" } });
    assert_eq!(kept, stored, "a stored format");
}

#[tokio::test]
async fn a_session_is_short_only_reads_and_says_whom_it_is_for() {
    let world = world().await;
    world.complete_role(&demands(ACME)).await.expect("a connection");
    let assumed = world.assumed();
    assert_eq!(assumed.len(), 3, "with our ExternalId, without, and with another");
    for form in assumed {
        assert_eq!(form["RoleSessionName"], format!("infragpt-{}", world.organization.uuid()));
        assert_eq!(form["PolicyArns.member.1.arn"], "arn:aws:iam::aws:policy/ReadOnlyAccess");
        assert_eq!(form["DurationSeconds"], "900");
    }
}

#[tokio::test]
async fn our_own_identity_is_shown_in_our_own_region_only_and_a_session_in_that_of_the_connection() {
    let world = world().await;
    world.fake.role(ROLE, &demands(ACME));
    // Ours may not be switched on there: AWS would take us for nobody.
    let input = json!({ "role_arn": ROLE, "region": " ap-southeast-2 " });
    let linked = world.complete(input).await.expect("a connection");
    assert_eq!(linked.account.metadata["region"], "ap-southeast-2");
    for asked in world.fake.asked() {
        let is_ours = asked.arn.contains(OUR_ACCOUNT);
        assert_eq!(asked.region, if is_ours { "eu-central-1" } else { "ap-southeast-2" });
    }
    world.fake.switch_off("ap-southeast-2");
    let (reason, message, _) = refusal(world.validate(&linked.credentials).await);
    assert!(reason == "region_disabled" && message.contains("ap-southeast-2"), "{message}");
}

#[tokio::test]
async fn a_role_that_lets_in_others_than_whom_it_was_made_for_is_not_connected() {
    let world = world().await;
    let id = "sts:ExternalId";
    let of_session = format!("infragpt-{}", world.organization.uuid());
    for condition in [
        json!({}),
        json!({ "StringLike": { id: "*" } }),
        json!({ "StringLike": { id: "acac*" } }),
        json!({ "StringLike": { id: "*acac" } }),
        json!({ "StringEqualsIfExists": { id: ACME } }),
        // A condition that has nothing to do with it must not pass for one: our other requests meet it too.
        json!({ "StringEquals": { "sts:RoleSessionName": of_session } }),
    ] {
        let (reason, message, remedy) = refusal(world.complete_role(&trust(&condition)).await);
        assert_eq!((reason, remedy), ("role_open", Remedy::Grant), "{condition}");
        assert!(message.contains("sts:ExternalId"), "{message}");
    }
    let mut anybody = demands(ACME);
    anybody["Statement"][0]["Principal"] = json!("*");
    world.complete_role(&anybody).await.expect("the condition is what counts");
}

#[tokio::test]
async fn the_role_of_another_organization_cannot_be_connected() {
    let world = world().await;
    for condition in [demands(OTHER), trust(&json!({ "StringEquals": { "aws:MultiFactorAuthPresent": "true" } }))] {
        let (reason, message, remedy) = refusal(world.complete_role(&condition).await);
        assert_eq!((reason, remedy), ("role_not_assumable", Remedy::Grant));
        assert!(message.contains("may take a minute"), "{message}");
        assert!(!message.contains("infragpt-connection"), "{message}");
    }
    // Whatever is filled in: the word is ours.
    world.fake.role(ROLE, &demands(OTHER));
    let input = json!({ "role_arn": ROLE, "external_id": OTHER, "nonce": OTHER });
    assert_eq!(refusal(world.complete(input).await).0, "role_not_assumable");
    assert!(world.assumed().iter().all(|form| form.get("ExternalId").map(String::as_str) != Some(OTHER)));

    // A deployment without a word for the connection never asks without one.
    let before = world.fake.calls();
    let returned = Returned { redirect_uri: "", code_verifier: "" };
    for nonce in ["", "short", "\"\n  Condition: {}\n#                               "] {
        let connection = world.connection(nonce);
        let input = json!({ "role_arn": ROLE });
        let answer = DynConnector::complete(&world.aws, connection, returned, input).await;
        assert!(matches!(answer, Err(ConnectorError::NotSetUp { .. })), "{answer:?}");
        let start = Start { nonce, ..Start::default() };
        assert!(Connector::initiate(&world.aws, start).await.is_err());
    }
    assert_eq!(world.fake.calls(), before);
}

#[tokio::test]
async fn a_probe_during_an_outage_is_no_proof() {
    let world = world().await;
    let linked = world.complete_role(&demands(ACME)).await.expect("a connection");
    for trouble in [Trouble::Fails, Trouble::Limits(1), Trouble::Hangs, Trouble::Babbles, Trouble::Redirects] {
        world.fake.trouble_of_strangers(Some(trouble));
        for error in [
            world.complete_role(&demands(ACME)).await.expect_err("nothing is proven"),
            world.validate(&linked.credentials).await.expect_err("nothing is proven"),
        ] {
            let is_odd = matches!(trouble, Trouble::Babbles | Trouble::Redirects);
            let is_told = match error {
                ConnectorError::Unavailable { .. } => !is_odd,
                ConnectorError::Protocol { .. } => is_odd,
                _ => false,
            };
            assert!(is_told, "{trouble:?}: {error:?}");
        }
    }
    world.fake.trouble_of_strangers(None);
    world.validate(&linked.credentials).await.expect("it is proven again");
}

#[tokio::test]
async fn a_role_that_was_opened_later_is_told_and_one_that_was_closed_does_not_go_on() {
    let world = world().await;
    let linked = world.complete_role(&demands(ACME)).await.expect("a connection");
    let credentials: AwsCredentials = linked.credentials.read().expect("ours");
    assert_eq!(world.validate(&linked.credentials).await.expect("good").lacking, None);

    world.fake.role(ROLE, &trust(&json!({})));
    let lacking = world.validate(&linked.credentials).await.expect("it works").lacking;
    let lacking = lacking.expect("a lack");
    assert_eq!((lacking.reason, lacking.remedy), ("role_open", Remedy::Grant));

    world.fake.delete_role(ROLE);
    assert_eq!(refusal(world.validate(&linked.credentials).await).0, "role_not_assumable");
    let session = world.aws.session(world.connection(ACME), &credentials).await;
    assert_eq!(refusal(session).0, "role_not_assumable", "the session before is not used any more");
}

#[tokio::test]
async fn a_session_is_shared_within_a_connection_and_with_no_other() {
    let world = world().await;
    let linked = world.complete_role(&demands(ACME)).await.expect("a connection");
    let credentials: AwsCredentials = linked.credentials.read().expect("ours");
    let connection = world.connection(ACME);
    let fresh = connector(&world.fake, &world.clock);
    let before = world.assumed().len();
    let all = (0..8).map(|_| fresh.session(connection, &credentials));
    let all = future::join_all(all).await;
    let first = all.into_iter().next().expect("eight").expect("a session");
    assert_eq!(world.assumed().len(), before + 1, "one asks, the others wait");
    assert_eq!(first.expires_at(), Some(crate::clock::after(crate::clock::Clock::now(&world.clock), Duration::from_mins(15))));

    // Shortly before its end there is another.
    world.clock.advance(Duration::from_mins(11));
    fresh.session(connection, &credentials).await.expect("a session");
    assert_eq!(world.assumed().len(), before + 1);
    world.clock.advance(Duration::from_mins(2));
    fresh.session(connection, &credentials).await.expect("a session");
    assert_eq!(world.assumed().len(), before + 2);

    // Another connection, of the same organization or not, never gets it, though it names the same role; nor does one
    // whose word is another.
    let ids = Ids::seeded(9);
    for other in [
        Connection { integration: ids.integration(), ..connection },
        Connection { organization: ids.organization(), ..connection },
    ] {
        let count = world.assumed().len();
        fresh.session(other, &credentials).await.expect("a session");
        let assumed = world.assumed();
        assert_eq!(assumed.len(), count + 1);
        let name = format!("infragpt-{}", other.organization.uuid());
        assert_eq!(assumed[count]["RoleSessionName"], name);
    }
    let AwsCredentials::Role(mut role) = credentials else {
        panic!("a role");
    };
    OTHER.clone_into(&mut role.external_id);
    let stranger = fresh.session(connection, &AwsCredentials::Role(role)).await;
    assert_eq!(refusal(stranger).0, "role_not_assumable");
}

#[tokio::test]
async fn a_session_goes_on_through_an_outage_and_ends_with_the_connection() {
    let world = world().await;
    let linked = world.complete_role(&demands(ACME)).await.expect("a connection");
    let credentials: AwsCredentials = linked.credentials.read().expect("ours");
    let connection = world.connection(ACME);
    world.fake.trouble(Some(Trouble::Fails));
    assert!(world.validate(&linked.credentials).await.expect_err("an outage").is_outage());
    world.aws.session(connection, &credentials).await.expect("the one before is as good as it was");
    DynConnector::revoke(&world.aws, connection, &linked.credentials)
        .await
        .expect("AWS need not be told");
    assert!(world.aws.session(connection, &credentials).await.expect_err("an outage").is_outage());
}

#[tokio::test]
async fn a_role_in_our_own_account_is_told_what_it_needs_and_one_in_another_partition_is_not_asked_for() {
    let world = world().await;
    let role_arn = format!("arn:aws:iam::{OUR_ACCOUNT}:role/admin");
    let (reason, message, _) = refusal(world.complete(json!({ "role_arn": role_arn })).await);
    assert_eq!(reason, "role_not_assumable");
    assert!(message.ends_with("the tag infragpt-connection"), "{message}");
    world.fake.role(&role_arn, &trust(&json!({})));
    assert_eq!(refusal(world.complete(json!({ "role_arn": role_arn })).await).0, "role_open");
    world.fake.role(&role_arn, &demands(ACME));
    world.complete(json!({ "role_arn": role_arn })).await.expect("a team may look at its own account");

    let before = world.assumed().len();
    let china = world.complete(json!({ "role_arn": "arn:aws-cn:iam::111122223333:role/r" })).await;
    assert_eq!(china.expect_err("another world").reason(), "invalid");
    assert_eq!(world.assumed().len(), before);
}

#[tokio::test]
async fn a_key_connects_by_itself_and_never_with_our_own_identity() {
    let world = world().await;
    let (id, secret) = world.fake.access_key("444455556666", "reader");
    let input = json!({ "access_key_id": id, "secret_access_key": secret, "region": "ap-southeast-2" });
    let linked = world.complete(input.clone()).await.expect("a connection");
    assert_eq!(linked.account.id, "444455556666");
    assert_eq!(linked.account.user_id.as_deref(), Some("arn:aws:iam::444455556666:user/reader"));
    assert_eq!(linked.account.metadata["way"], "access_key");
    assert_eq!(world.validate(&linked.credentials).await.expect("good").lacking, None);
    for asked in world.fake.asked() {
        let by = (asked.arn.as_str(), asked.region.as_str());
        assert_eq!(by, ("arn:aws:iam::444455556666:user/reader", "ap-southeast-2"));
    }
    let kept = serde_json::to_value(&linked.credentials).expect("JSON");
    let stored = json!({ "access_key": {
        "access_key_id": id, "secret_access_key": secret, "region": "ap-southeast-2",
    }});
    assert_eq!(kept, stored, "a stored format");

    world.fake.switch_off("ap-southeast-2");
    assert_eq!(refusal(world.validate(&linked.credentials).await).0, "region_disabled");
    let wrong = json!({ "way": "access_key", "access_key_id": id, "secret_access_key": "w".repeat(40) });
    assert_eq!(refusal(world.complete(wrong).await).0, "key_invalid");
    let unknown = json!({ "access_key_id": "AKIA9999999999999999", "secret_access_key": secret });
    assert_eq!(refusal(world.complete(unknown).await).0, "key_invalid");
    world.fake.withdraw();
    let (reason, _, remedy) = refusal(world.complete(input).await);
    assert_eq!((reason, remedy), ("key_invalid", Remedy::Reconnect));
}

#[tokio::test]
async fn the_key_of_a_root_user_is_not_kept() {
    let world = world().await;
    let (id, secret) = world.fake.access_key("444455556666", "root");
    let answer = world.complete(json!({ "access_key_id": id, "secret_access_key": secret })).await;
    assert_eq!(refusal(answer).0, "key_of_root");
}

#[tokio::test]
async fn a_deployment_whose_own_identity_is_not_good_blames_nobody_else() {
    let world = world().await;
    let linked = world.complete_role(&demands(ACME)).await.expect("a connection");
    world.fake.disown();
    let error = world.validate(&linked.credentials).await.expect_err("who are we?");
    assert!(matches!(error, ConnectorError::NotSetUp { .. }), "{error:?}");
    let start = Start { nonce: ACME, ..Start::default() };
    let fresh = connector(&world.fake, &world.clock);
    let error = Connector::initiate(&fresh, start).await.expect_err("who are we?");
    assert!(matches!(error, ConnectorError::NotSetUp { .. }), "{error:?}");
}

#[tokio::test]
async fn text_of_aws_that_contains_a_secret_gets_nowhere() {
    let world = world().await;
    let (id, secret) = world.fake.access_key("444455556666", "reader");
    let key = world.complete(json!({ "access_key_id": id, "secret_access_key": secret })).await.expect("good");
    let role = world.complete_role(&demands(ACME)).await.expect("good");
    let credentials: AwsCredentials = key.credentials.read().expect("ours");
    let session = world.aws.session(world.connection(ACME), &credentials).await;
    let mut shown = format!("{credentials:?} {session:?} {:?}", world.aws);
    for trouble in [
        Trouble::Refuses,
        Trouble::Fails,
        Trouble::Limits(7),
        Trouble::Babbles,
        Trouble::Redirects,
    ] {
        world.fake.trouble(Some(trouble));
        for credentials in [&key.credentials, &role.credentials] {
            let error = world.validate(credentials).await.expect_err("trouble");
            let causes = crate::telemetry::Causes(&error);
            write!(shown, "{error} {error:?} {causes}").expect("a string grows");
        }
    }
    let canaries = world.fake.canaries();
    assert!(canaries.contains(&secret) && canaries.len() > 2, "{canaries:?}");
    for canary in canaries.iter().map(String::as_str).chain(["AWS4-HMAC", "<Error", "Rate exceeded"]) {
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
}

#[test]
fn what_becomes_part_of_an_address_or_of_a_policy_cannot_be_anything() {
    for region in ["eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-7", "mx-central-1"] {
        let input = json!({ "role_arn": ROLE, "region": region });
        assert!(DESCRIPTOR.check(&input).is_ok(), "{region}");
    }
    for region in ["evil.example/", "eu-central-1.evil.example", "us-iso-east-1", "localhost", "eu-central-1\n", "../x-1"] {
        let input = json!({ "role_arn": ROLE, "region": region });
        // White space around a value is not a part of it.
        assert_eq!(DESCRIPTOR.check(&input).is_ok(), region.trim() == "eu-central-1", "{region}");
    }
    for arn in [
        "arn:aws:iam::111122223333:user/infragpt",
        "arn:aws:iam::11112222333:role/infragpt",
        "arn:aws:sts::111122223333:assumed-role/infragpt/x",
        "arn:evil:iam::111122223333:role/infragpt",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role/a b",
        "x arn:aws:iam::111122223333:role/infragpt",
    ] {
        assert!(DESCRIPTOR.check(&json!({ "role_arn": arn })).is_err(), "{arn}");
    }
    let root = json!({ "way": "access_key", "access_key_id": "ASIA0123456789ABCDEF", "secret_access_key": "s".repeat(40) });
    assert!(DESCRIPTOR.check(&root).is_err(), "a key of a session ends within hours");
}

#[test]
fn no_two_foreign_words_are_the_same_or_ours() {
    let (one, other) = (foreign(ACME), foreign(ACME));
    assert!(one != other && one != ACME && one.len() == ACME.len(), "{one}");
    assert!(one.starts_with(&ACME[..16]) && one.ends_with(&ACME[48..]), "{one}");
}
