//! Who may do what.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use serde_json::{Value, json};
use shared::{
    clock::{FixedClock, Timestamp},
    connector::ConnectorKind,
    id::Ids,
    secret::vault::{CredentialScope, Vault},
};
use tests::kms::FakeKms;

use super::{
    Complaints, Function, attribute_of, functions, leads_to, list, passes, resources, stops, template, texts,
};

/// What strangers reach first: it verifies a signature, enqueues and answers, and works while the database is away.
const DOORS: [&str; 3] = ["slack-events", "clerk-webhook", "github-webhook"];
/// The same for what is sent to an address of a connection's own: what it verifies with belongs to the connection. So it
/// may look for the connection and open that, and knows no secret of our own at a third party.
const CONNECTIONS_DOORS: [&str; 2] = ["pagerduty-webhook", "datadog-webhook"];
/// What answers people whose session it has verified. It may use the database, and does the work itself.
const APIS: [&str; 2] = ["identity-api", "integrations-api"];

/// Rights that AWS takes on all resources or on none, word for word, and why.
const ON_EVERYTHING: [(&[&str], &str); 2] = [
    (
        &["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
        "X-Ray knows no resources",
    ),
    (
        &[
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ],
        "Lambda attaches a function to a network with the function's role, and asks for these on everything",
    ),
];

/// A right on what is somebody else's, whose names nobody knows beforehand: [`taken_on`] says who may have it, and how.
const ON_ROLES_OF_OTHERS: (&str, &str) = (TAKE_ON_ROLE, "arn:${AWS::Partition}:iam::*:role/*");
const TAKE_ON_ROLE: &str = "sts:AssumeRole";

/// The statements of a role's policies. One that is only there on a condition counts as if it always were.
fn statements(role: &Value) -> Vec<&Value> {
    list(&role["Properties"]["Policies"])
        .into_iter()
        .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]))
        .flat_map(|statement| match statement.get("Fn::If") {
            Some(branches) => list(branches)
                .into_iter()
                .skip(1)
                .filter(|branch| branch.get("Effect").is_some())
                .collect(),
            None => vec![statement],
        })
        .collect()
}

fn allowed(role: &Value) -> Vec<&Value> {
    statements(role)
        .into_iter()
        .filter(|statement| statement["Effect"] != "Deny")
        .collect()
}

fn actions(statement: &Value) -> BTreeSet<&str> {
    texts(&statement["Action"]).into_iter().collect()
}

fn wildcards(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for (id, role) in resources(template, "AWS::IAM::Role") {
        if !role["Properties"]["ManagedPolicyArns"].is_null() {
            complaints.push(format!("{id} has rights that somebody else decides about"));
        }
        for statement in allowed(role) {
            for word in ["NotAction", "NotResource"] {
                if !statement[word].is_null() {
                    complaints.push(format!("{id} may do everything but something: {word}"));
                }
            }
            let actions = actions(statement);
            if actions.is_empty() || actions.iter().any(|action| action.contains(['*', '?'])) {
                complaints.push(format!("{id} has a wildcard among its actions: {actions:?}"));
            }
            let resources = texts(&statement["Resource"]);
            let is_everything =
                resources.is_empty() || resources.iter().any(|resource| resource.contains(['*', '?']));
            let is_known = resources == ["*"]
                && ON_EVERYTHING
                    .iter()
                    .any(|(known, _)| actions.iter().eq(known.iter()));
            let (action, of_others) = ON_ROLES_OF_OTHERS;
            let is_known = is_known || (actions == BTreeSet::from([action]) && resources == [of_others]);
            if is_everything && !is_known {
                complaints.push(format!("{id} has a wildcard among its resources: {actions:?}"));
            }
        }
    }
    complaints
}

#[test]
fn a_wildcard_in_a_role_beside_what_aws_demands_is_found() {
    passes(wildcards);
    let first = "/Resources/SlackEventsRole/Properties/Policies/0/PolicyDocument/Statement";
    for (statement, complaint) in [
        (
            json!({"Effect": "Allow", "Action": "sqs:*", "Resource": {"Fn::GetAtt": ["TasksQueue", "Arn"]}}),
            "SlackEventsRole has a wildcard among its actions",
        ),
        (
            json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}),
            "SlackEventsRole has a wildcard among its resources",
        ),
        (
            json!({"Effect": "Allow", "Action": "sqs:SendMessage",
                   "Resource": [{"Fn::Sub": "arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:*"}]}),
            "wildcard among its resources",
        ),
        // More than what AWS demands, in the shelter of what it demands.
        (
            json!({"Effect": "Allow", "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments", "kms:Decrypt"],
                   "Resource": "*"}),
            "wildcard among its resources",
        ),
        (
            json!({"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": {"Fn::GetAtt": ["TasksQueue", "Arn"]}}),
            "everything but something",
        ),
        (
            json!({"Fn::If": ["HasVpc", {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}, {"Ref": "AWS::NoValue"}]}),
            "wildcard among its actions",
        ),
    ] {
        stops(wildcards, &format!("{first}/-"), statement, complaint);
    }
    stops(
        wildcards,
        "/Resources/MigratorRole/Properties/ManagedPolicyArns",
        json!(["arn:aws:iam::aws:policy/AdministratorAccess"]),
        "MigratorRole has rights that somebody else decides about",
    );
}

fn own_roles(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    let mut taken = HashSet::new();
    for function in functions(template) {
        let role = attribute_of(&function.properties["Role"], "Arn").unwrap_or_default();
        if template["Resources"][role]["Type"] != "AWS::IAM::Role" || !taken.insert(role) {
            complaints.push(format!("{} has no role of its own", function.id));
        }
        if !function.properties["Policies"].is_null() {
            complaints.push(format!("{} has rights that are not in its role", function.id));
        }
    }
    for (id, role) in resources(template, "AWS::IAM::Role") {
        let trust = &role["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        if !list(trust)
            .iter()
            .all(|trust| trust["Principal"] == json!({"Service": "lambda.amazonaws.com"}))
        {
            complaints.push(format!("{id} can be taken on by others than Lambda"));
        }
        if !taken.contains(id) {
            complaints.push(format!("{id} is no function's"));
        }
    }
    complaints
}

#[test]
fn a_role_that_two_share_or_that_somebody_else_can_take_on_is_found() {
    passes(own_roles);
    stops(
        own_roles,
        "/Resources/MigratorFunction/Properties/Role",
        json!({"Fn::GetAtt": ["AgentDispatcherRole", "Arn"]}),
        "MigratorFunction has no role of its own",
    );
    stops(
        own_roles,
        "/Resources/MigratorRole/Properties/AssumeRolePolicyDocument/Statement/0/Principal",
        json!({"AWS": "*"}),
        "MigratorRole can be taken on",
    );
}

fn edge(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for function in functions(template)
        .iter()
        .filter(|function| function.is_at_the_edge())
    {
        let (id, package) = (function.id, function.package());
        let variables = Value::Object(function.variables());
        let policies = &function.role(template)["Properties"]["Policies"];
        let mut must_not_know = |what: &str, precious: &[&str]| {
            for name in precious {
                if leads_to(&variables, name) || leads_to(policies, name) {
                    complaints.push(format!("{id} is {what} and knows {name}"));
                }
            }
        };
        if CONNECTIONS_DOORS.contains(&package) {
            must_not_know(
                "a door",
                &[
                    "SlackSecret",
                    "SlackAppSecret",
                    "ClerkSecret",
                    "ClerkApiSecret",
                    "GitHubSecret",
                    "GitHubAppSecret",
                    "TasksQueue",
                ],
            );
            if function.events("HttpApi").iter().any(|it| it["Method"] != "POST") {
                complaints.push(format!("{id} is a door and takes more than what is posted"));
            }
            continue;
        }
        match (DOORS.contains(&package), APIS.contains(&package)) {
            (true, false) => {
                must_not_know(
                    "a door",
                    &[
                        "DatabaseSecret",
                        "Database",
                        "ExistingDatabaseSecretArn",
                        "CredentialsKey",
                        "ClerkApiSecret",
                        "GitHubAppSecret",
                        "SlackAppSecret",
                    ],
                );
                if function.is_in_the_network() {
                    complaints.push(format!("{id} is a door and in the network"));
                }
                if function.events("HttpApi").iter().any(|it| it["Method"] != "POST") {
                    complaints.push(format!("{id} is a door and takes more than what is posted"));
                }
            }
            (false, true) => {
                must_not_know(
                    "an API",
                    &["SlackSecret", "ClerkSecret", "ClerkApiSecret", "GitHubSecret"],
                );
                let sends = |it: &&Value| actions(it).iter().any(|action| is_about_messages(action));
                if allowed(function.role(template)).iter().any(sends) {
                    complaints.push(format!("{id} is an API and reaches what is on a queue"));
                }
            }
            _ => complaints.push(format!(
                "{id} is at the edge: say here whether it is a door or an API"
            )),
        }
    }
    complaints
}

/// Whether a right is to more than looking at a queue from outside.
fn is_about_messages(action: &str) -> bool {
    action.starts_with("sqs:") && action != "sqs:GetQueueAttributes"
}

#[test]
fn a_door_that_could_reach_the_database_or_a_credential_is_found() {
    passes(edge);
    for door in ["SlackEvents", "ClerkWebhook", "GitHubWebhook"] {
        let statement = format!("/Resources/{door}Role/Properties/Policies/0/PolicyDocument/Statement/-");
        stops(edge, &statement, read("DatabaseSecret"), "knows DatabaseSecret");
        stops(edge, &statement, read("ClerkApiSecret"), "knows ClerkApiSecret");
        stops(edge, &statement, read("GitHubAppSecret"), "knows GitHubAppSecret");
        stops(edge, &statement, read("SlackAppSecret"), "knows SlackAppSecret");
        stops(
            edge,
            &statement,
            json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": {"Fn::Sub": "${CredentialsKey.Arn}"}}),
            "knows CredentialsKey",
        );
        let properties = format!("/Resources/{door}Function/Properties");
        stops(
            edge,
            &format!("{properties}/Environment/Variables/DATABASE_SECRET_ARN"),
            json!({"Fn::GetAtt": ["DatabaseSecret", "Id"]}),
            "knows DatabaseSecret",
        );
        stops(
            edge,
            &format!("{properties}/VpcConfig"),
            json!({"SubnetIds": ["subnet-1"]}),
            &format!("{door}Function is a door and in the network"),
        );
    }
    stops(
        edge,
        "/Resources/ClerkWebhookFunction/Properties/Events/Clerk/Properties/Method",
        json!("ANY"),
        "ClerkWebhookFunction is a door and takes more",
    );
    stops(
        edge,
        "/Resources/SlackEventsFunction/Properties/Events/Slack/Properties/Method",
        Value::Null,
        "SlackEventsFunction is a door and takes more",
    );
}

#[test]
fn a_door_of_connections_that_knows_a_secret_of_our_own_is_found() {
    for door in ["PagerDutyWebhook", "DatadogWebhook"] {
        let statement = format!("/Resources/{door}Role/Properties/Policies/0/PolicyDocument/Statement/-");
        for secret in ["SlackSecret", "ClerkApiSecret", "GitHubAppSecret"] {
            let complaint = format!("{door}Function is a door and knows {secret}");
            stops(edge, &statement, read(secret), &complaint);
        }
        stops(
            edge,
            &statement,
            json!({"Effect": "Allow", "Action": SEND, "Resource": {"Fn::GetAtt": ["TasksQueue", "Arn"]}}),
            &format!("{door}Function is a door and knows TasksQueue"),
        );
        stops(
            opened,
            &statement,
            json!({"Effect": "Allow", "Action": "kms:GenerateDataKey",
                   "Resource": {"Fn::GetAtt": ["CredentialsKey", "Arn"]}}),
            &format!("{door}Role may do more than its duty"),
        );
        stops(
            edge,
            &format!("/Resources/{door}Function/Properties/Events/Connections/Properties/Method"),
            json!("ANY"),
            &format!("{door}Function is a door and takes more"),
        );
    }
}

#[test]
fn an_api_that_could_speak_for_a_sender_is_found() {
    let statement = "/Resources/IdentityApiRole/Properties/Policies/0/PolicyDocument/Statement/-";
    for secret in ["SlackSecret", "ClerkSecret", "ClerkApiSecret", "GitHubSecret"] {
        stops(
            edge,
            statement,
            read(secret),
            &format!("IdentityApiFunction is an API and knows {secret}"),
        );
    }
    stops(
        edge,
        "/Resources/IdentityApiFunction/Properties/Environment/Variables/CLERK_API_SECRET_ARN",
        json!({"Fn::GetAtt": ["ClerkApiSecret", "Id"]}),
        "knows ClerkApiSecret",
    );
    for action in ["sqs:SendMessage", "sqs:ReceiveMessage"] {
        stops(
            edge,
            statement,
            json!({"Effect": "Allow", "Action": action, "Resource": {"Fn::GetAtt": ["EventsQueue", "Arn"]}}),
            "reaches what is on a queue",
        );
    }
}

#[test]
fn a_function_at_the_edge_that_nobody_has_thought_about_is_found() {
    let template = template();
    let route = template.pointer("/Resources/IdentityApiFunction/Properties/Events/Health");
    for (pointer, value) in [
        ("Events/Health", route.cloned().expect("a route")),
        ("FunctionUrlConfig", json!({"AuthType": "NONE"})),
    ] {
        stops(
            edge,
            &format!("/Resources/SchedulerFunction/Properties/{pointer}"),
            value,
            "SchedulerFunction is at the edge: say here",
        );
    }
    let edge: BTreeSet<_> = functions(&template)
        .iter()
        .filter(|it| it.is_at_the_edge())
        .map(Function::package)
        .collect();
    assert_eq!(
        edge,
        DOORS.into_iter().chain(CONNECTIONS_DOORS).chain(APIS).collect()
    );
}

/// A statement that lets somebody read a secret of the template.
fn read(secret: &str) -> Value {
    json!({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": {"Fn::GetAtt": [secret, "Id"]}})
}

/// Rights that a role has for Lambda's sake are denied to the function's own code, which runs under the same role.
/// Source: "Configuring VPC permissions" in the AWS Lambda developer guide.
fn lambdas_own(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for function in functions(template) {
        let role = function.role(template);
        let of_network =
            |statement: &&&Value| actions(statement).iter().any(|action| action.starts_with("ec2:"));
        let given = allowed(role)
            .iter()
            .filter(of_network)
            .map(|it| actions(it))
            .collect::<Vec<_>>();
        let (network, package) = (function.is_in_the_network(), function.package());
        if given.is_empty() == network {
            complaints.push(format!(
                "{} and its role do not agree on the network",
                function.id
            ));
        }
        let itself = json!({"ArnEquals": {"lambda:SourceFunctionArn": {"Fn::Sub": format!(
            "arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:infragpt-${{Environment}}-{package}"
        )}}});
        let denied: BTreeSet<_> = statements(role)
            .into_iter()
            .filter(|it| it["Effect"] == "Deny" && it["Resource"] == "*" && it["Condition"] == itself)
            .flat_map(actions)
            .collect();
        if !given.iter().flatten().all(|action| denied.contains(action)) {
            complaints.push(format!("{}'s own code may change the network", function.id));
        }
    }
    complaints
}

#[test]
fn code_that_could_change_the_network_in_lambdas_name_is_found() {
    passes(lambdas_own);
    let template = template();
    let statements = "/Resources/MigratorRole/Properties/Policies/0/PolicyDocument/Statement";
    let position = template
        .pointer(statements)
        .map(list)
        .and_then(|all| all.iter().position(|it| it["Sid"] == "LeaveNetworkAlone"))
        .expect("the migrator leaves the network alone");
    stops(
        lambdas_own,
        &format!("{statements}/{position}/Action"),
        json!(["ec2:CreateNetworkInterface"]),
        "MigratorFunction's own code",
    );
    stops(
        lambdas_own,
        "/Resources/MigratorFunction/Properties/VpcConfig",
        Value::Null,
        "do not agree on the network",
    );
}

/// Who works on connections, of which some are roles of others.
const TAKERS: [&str; 2] = ["IntegrationsApiRole", "SchedulerRole"];

/// Who may take on roles may take on none of this account, which is the one that they speak for, unless it was made for
/// that; and is held to no word, since whether a role itself demands one can only be found out without.
fn taken_on(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for (id, role) in resources(template, "AWS::IAM::Role") {
        let takes: Vec<_> = allowed(role)
            .into_iter()
            .filter(|it| actions(it).iter().any(|action| action.starts_with("sts:")))
            .collect();
        if takes.is_empty() {
            continue;
        }
        if !TAKERS.contains(&id) {
            complaints.push(format!("{id} may take on roles"));
        }
        let denied: Vec<_> = statements(role)
            .into_iter()
            .filter(|it| it["Effect"] == "Deny" && actions(it).contains(TAKE_ON_ROLE))
            .collect();
        let own = json!({
            "Sid": "LeaveOwnRolesAlone",
            "Effect": "Deny",
            "Action": TAKE_ON_ROLE,
            "Resource": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"},
            "Condition": {"Null": {"iam:ResourceTag/infragpt-connection": "true"}},
        });
        if !denied.contains(&&own) {
            complaints.push(format!("{id} may take on roles of its own account"));
        }
        let is_blind = |it: &&&Value| it["Condition"].to_string().contains("sts:");
        if takes.iter().chain(&denied).any(|it| is_blind(&it)) {
            complaints.push(format!("{id} cannot see whether a role is open"));
        }
    }
    complaints
}

#[test]
fn a_function_that_could_take_on_a_role_of_its_own_account_or_not_see_that_one_is_open_is_found() {
    passes(taken_on);
    let statements = |role: &str| format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement");
    let (scheduler, template) = (statements("SchedulerRole"), template());
    let at = |sid: &str| {
        let all = template.pointer(&scheduler).map(list);
        let position = all.and_then(|all| all.iter().position(|it| it["Sid"] == sid));
        format!("{scheduler}/{}", position.expect("it is there"))
    };
    let (takes, leaves) = (at("TakeOnRolesOfOthers"), at("LeaveOwnRolesAlone"));
    let taking = template.pointer(&takes).cloned().expect("the statement");
    stops(
        taken_on,
        &format!("{}/-", statements("IdentityApiRole")),
        taking,
        "IdentityApiRole may take on roles",
    );
    for (field, value) in [
        ("Effect", json!("Allow")),
        ("Action", json!("sts:GetCallerIdentity")),
        (
            "Condition",
            json!({"Null": {"iam:ResourceTag/infragpt-connection": "false"}}),
        ),
        ("Resource", json!("arn:aws:iam::111122223333:role/*")),
    ] {
        stops(
            taken_on,
            &format!("{leaves}/{field}"),
            value,
            "SchedulerRole may take on roles of its own account",
        );
    }
    stops(
        taken_on,
        &format!("{takes}/Condition"),
        json!({"Null": {"sts:ExternalId": "false"}}),
        "SchedulerRole cannot see whether a role is open",
    );
    stops(
        wildcards,
        &format!("{takes}/Resource"),
        json!("*"),
        "SchedulerRole has a wildcard among its resources",
    );
}

/// Who may use which secret, and how.
const SECRETS: [(&str, &str, &str); 19] = [
    ("SlackSecret", GET_SECRET, "SlackEventsRole"),
    ("SlackAppSecret", GET_SECRET, "AgentDispatcherRole"),
    ("SlackAppSecret", GET_SECRET, "IntegrationsApiRole"),
    ("SlackAppSecret", GET_SECRET, "SchedulerRole"),
    ("ClerkSecret", GET_SECRET, "ClerkWebhookRole"),
    ("ClerkApiSecret", GET_SECRET, "SchedulerRole"),
    ("GitHubSecret", GET_SECRET, "GitHubWebhookRole"),
    ("GitHubAppSecret", GET_SECRET, "IntegrationsApiRole"),
    ("GitHubAppSecret", GET_SECRET, "SchedulerRole"),
    ("DatabaseSecret", GET_SECRET, "PagerDutyWebhookRole"),
    ("DatabaseSecret", GET_SECRET, "DatadogWebhookRole"),
    ("DatabaseSecret", GET_SECRET, "AgentDispatcherRole"),
    ("DatabaseSecret", GET_SECRET, "EventProcessorRole"),
    ("DatabaseSecret", GET_SECRET, "IdentityApiRole"),
    ("DatabaseSecret", GET_SECRET, "IntegrationsApiRole"),
    ("DatabaseSecret", GET_SECRET, "SchedulerRole"),
    ("DatabaseSecret", GET_SECRET, "ReencryptorRole"),
    ("DatabaseSecret", GET_SECRET, "MigratorRole"),
    ("DatabaseSecret", "secretsmanager:PutSecretValue", "MigratorRole"),
];
const GET_SECRET: &str = "secretsmanager:GetSecretValue";

/// Who may do what to the resources of one type: resource, action, role.
fn uses<'a>(template: &'a Value, kind: &str) -> BTreeSet<(&'a str, &'a str, &'a str)> {
    let mut used = BTreeSet::new();
    for (id, _) in resources(template, kind) {
        for (role, resource) in resources(template, "AWS::IAM::Role") {
            let of_this = allowed(resource)
                .into_iter()
                .filter(|it| leads_to(&it["Resource"], id));
            used.extend(of_this.flat_map(actions).map(|action| (id, action, role)));
        }
    }
    used
}

fn differences(used: &BTreeSet<(&str, &str, &str)>, expected: &BTreeSet<(&str, &str, &str)>) -> Complaints {
    used.symmetric_difference(expected)
        .map(|(id, action, role)| format!("{role} and {action} of {id}"))
        .collect()
}

fn secrets(template: &Value) -> Complaints {
    differences(
        &uses(template, "AWS::SecretsManager::Secret"),
        &BTreeSet::from(SECRETS),
    )
}

#[test]
fn a_secret_in_the_wrong_hands_is_found() {
    passes(secrets);
    stops(
        secrets,
        "/Resources/AgentDispatcherRole/Properties/Policies/0/PolicyDocument/Statement/-",
        read("SlackSecret"),
        "AgentDispatcherRole and secretsmanager:GetSecretValue of SlackSecret",
    );
    stops(
        secrets,
        "/Resources/EventProcessorRole/Properties/Policies/0/PolicyDocument/Statement/-",
        read("ClerkApiSecret"),
        "EventProcessorRole and secretsmanager:GetSecretValue of ClerkApiSecret",
    );
}

/// Who may do what on which queue.
const QUEUES: [(&str, &str, &str); 18] = [
    ("TasksQueue", SEND, "SlackEventsRole"),
    ("EventsQueue", SEND, "SlackEventsRole"),
    ("EventsQueue", SEND, "ClerkWebhookRole"),
    ("EventsQueue", SEND, "GitHubWebhookRole"),
    ("EventsQueue", SEND, "PagerDutyWebhookRole"),
    ("EventsQueue", SEND, "DatadogWebhookRole"),
    ("TasksQueue", "sqs:ReceiveMessage", "AgentDispatcherRole"),
    ("TasksQueue", "sqs:DeleteMessage", "AgentDispatcherRole"),
    ("TasksQueue", "sqs:ChangeMessageVisibility", "AgentDispatcherRole"),
    ("TasksQueue", LOOK_AT_QUEUE, "AgentDispatcherRole"),
    ("TasksDeadLetterQueue", SEND, "AgentDispatcherRole"),
    ("EventsQueue", "sqs:ReceiveMessage", "EventProcessorRole"),
    ("EventsQueue", "sqs:DeleteMessage", "EventProcessorRole"),
    ("EventsQueue", "sqs:ChangeMessageVisibility", "EventProcessorRole"),
    ("EventsQueue", LOOK_AT_QUEUE, "EventProcessorRole"),
    ("EventsDeadLetterQueue", SEND, "EventProcessorRole"),
    ("TasksQueue", LOOK_AT_QUEUE, "IdentityApiRole"),
    ("EventsQueue", LOOK_AT_QUEUE, "IdentityApiRole"),
];
const SEND: &str = "sqs:SendMessage";
const LOOK_AT_QUEUE: &str = "sqs:GetQueueAttributes";

fn queues(template: &Value) -> Complaints {
    differences(&uses(template, "AWS::SQS::Queue"), &BTreeSet::from(QUEUES))
}

#[test]
fn a_queue_in_the_wrong_hands_is_found() {
    passes(queues);
    let send =
        |queue: &str| json!({"Effect": "Allow", "Action": SEND, "Resource": {"Fn::GetAtt": [queue, "Arn"]}});
    stops(
        queues,
        "/Resources/ClerkWebhookRole/Properties/Policies/0/PolicyDocument/Statement/-",
        send("TasksQueue"),
        "ClerkWebhookRole and sqs:SendMessage of TasksQueue",
    );
    stops(
        queues,
        "/Resources/SchedulerRole/Properties/Policies/0/PolicyDocument/Statement/-",
        send("EventsQueue"),
        "SchedulerRole and sqs:SendMessage of EventsQueue",
    );
}

/// Whose duty it is to do something with credentials, and with which of the two keys that they may be under.
const KEEPERS: [(&str, &[&str], &[&str]); 11] = [
    ("AgentDispatcherRole", &["kms:Decrypt"], &[PRESENT, PREVIOUS]),
    ("AgentDispatcherRole", &["kms:GenerateDataKey"], &[PRESENT]),
    ("EventProcessorRole", &["kms:Decrypt"], &[PRESENT, PREVIOUS]),
    ("PagerDutyWebhookRole", &["kms:Decrypt"], &[PRESENT, PREVIOUS]),
    ("DatadogWebhookRole", &["kms:Decrypt"], &[PRESENT, PREVIOUS]),
    ("IntegrationsApiRole", &["kms:Decrypt"], &[PRESENT, PREVIOUS]),
    ("IntegrationsApiRole", &["kms:GenerateDataKey"], &[PRESENT]),
    ("SchedulerRole", &["kms:Decrypt"], &[PRESENT, PREVIOUS]),
    ("SchedulerRole", &["kms:GenerateDataKey"], &[PRESENT]),
    ("ReencryptorRole", &["kms:ReEncryptFrom"], &[PREVIOUS]),
    ("ReencryptorRole", &["kms:ReEncryptTo"], &[PRESENT]),
];
/// The key that credentials are sealed with: the stack's, or one of somebody's own in its place.
const PRESENT: &str = "CredentialsKey";
/// The key that they are being moved from.
const PREVIOUS: &str = "PreviousCredentialsKeyArn";
/// Who may see that the credentials' key is there and enabled.
const LOOKERS: [&str; 1] = ["IdentityApiRole"];
/// Tells about a key, and neither seals nor opens anything. It knows no encryption context, so it cannot be held to one.
/// Source: "Encryption context" and `DescribeKey` in the AWS KMS developer guide and API reference.
const LOOK_AT_KEY: &str = "kms:DescribeKey";
const CONTEXT: &str = "kms:EncryptionContext:";
/// The environment that the vault is asked for in this test, in the place of the parameter.
const DEPLOYMENT: &str = "a-deployment";

fn opened(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for (id, role) in resources(template, "AWS::IAM::Role") {
        for statement in allowed(role) {
            let actions = actions(statement);
            let keys: Vec<_> = [PRESENT, PREVIOUS]
                .into_iter()
                .filter(|key| leads_to(&statement["Resource"], key))
                .collect();
            let is_credentials = !keys.is_empty();
            let looks = actions.contains(LOOK_AT_KEY);
            if looks && !(LOOKERS.contains(&id) && is_credentials) {
                complaints.push(format!("{id} may look at a key"));
            }
            if looks && actions.len() == 1 {
                continue;
            }
            if actions.iter().any(|action| action.starts_with("kms:")) && statement["Condition"].is_null() {
                complaints.push(format!("{id} uses a key on no condition"));
            }
            if !is_credentials {
                continue;
            }
            let mut duties = KEEPERS.iter().filter(|(keeper, ..)| *keeper == id).peekable();
            if duties.peek().is_none() {
                complaints.push(format!("{id} may use the credentials' key"));
            } else if !duties.any(|(_, may, of)| actions.iter().eq(may.iter()) && keys == *of) {
                complaints.push(format!("{id} may do more than its duty: {actions:?} of {keys:?}"));
            }
            let wanted = json!({"StringEquals": {
                format!("{CONTEXT}application"): "infragpt",
                format!("{CONTEXT}environment"): {"Ref": "Environment"},
            }});
            if statement["Condition"] != wanted {
                complaints.push(format!("{id} may open what is not this deployment's"));
            }
        }
    }
    complaints
}

#[test]
fn a_role_that_could_open_more_than_it_should_is_found() {
    passes(opened);
    let statements = |role: &str| format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement");
    let template = template();
    let position = template
        .pointer(&statements("AgentDispatcherRole"))
        .map(list)
        .and_then(|all| all.iter().position(|it| it["Sid"] == "OpenCredentials"))
        .expect("the dispatcher opens credentials");
    let open = format!("{}/{position}", statements("AgentDispatcherRole"));
    stops(
        opened,
        &format!("{open}/Condition"),
        Value::Null,
        "on no condition",
    );
    stops(
        opened,
        &format!("{open}/Condition/StringEquals/{CONTEXT}environment"),
        Value::Null,
        "not this deployment's",
    );
    stops(
        opened,
        &format!("{open}/Action"),
        json!(["kms:Decrypt", "kms:ReEncryptTo"]),
        "do more than its duty",
    );
    let moving = statements("ReencryptorRole");
    stops(
        opened,
        &format!("{moving}/-"),
        template.pointer(&open).cloned().expect("the statement"),
        "ReencryptorRole may do more than its duty: {\"kms:Decrypt\"}",
    );
    stops(
        opened,
        &format!("{moving}/-"),
        json!({"Effect": "Allow", "Action": "kms:ReEncryptTo", "Resource": {"Ref": PREVIOUS}}),
        "ReencryptorRole may do more than its duty",
    );
    stops(
        opened,
        &format!("{}/-", statements("MigratorRole")),
        template.pointer(&open).cloned().expect("the statement"),
        "MigratorRole may use the credentials' key",
    );
    stops(
        opened,
        &format!("{}/-", statements("IdentityApiRole")),
        template.pointer(&open).cloned().expect("the statement"),
        "IdentityApiRole may use the credentials' key",
    );
}

#[test]
fn a_role_that_could_do_more_with_a_key_than_look_at_it_is_found() {
    passes(opened);
    let statements = |role: &str| format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement");
    let template = template();
    let position = template
        .pointer(&statements("IdentityApiRole"))
        .map(list)
        .and_then(|all| all.iter().position(|it| it["Sid"] == "LookAtKey"))
        .expect("the API looks at the key");
    let look = format!("{}/{position}", statements("IdentityApiRole"));
    for (action, complaint) in [
        (
            json!([LOOK_AT_KEY, "kms:Decrypt"]),
            "IdentityApiRole uses a key on no condition",
        ),
        (
            json!([LOOK_AT_KEY, "kms:Decrypt"]),
            "IdentityApiRole may use the credentials' key",
        ),
        (
            json!("kms:GetKeyPolicy"),
            "IdentityApiRole may use the credentials' key",
        ),
    ] {
        stops(opened, &format!("{look}/Action"), action, complaint);
    }
    stops(
        opened,
        &format!("{look}/Resource"),
        json!({"Fn::GetAtt": ["QueuesKey", "Arn"]}),
        "IdentityApiRole may look at a key",
    );
    stops(
        opened,
        &format!("{}/-", statements("SchedulerRole")),
        template.pointer(&look).cloned().expect("the statement"),
        "SchedulerRole may look at a key",
    );
}

/// What the template demands of an encryption context is what the vault puts into it.
#[tokio::test]
async fn what_the_vault_seals_can_be_opened_under_the_roles_condition() {
    let kms = FakeKms::new();
    let clock = FixedClock::at(Timestamp::UNIX_EPOCH);
    let vault = Vault::new(Arc::new(kms.clone()), DEPLOYMENT, Arc::new(clock));
    let ids = Ids::seeded(1);
    let scope = CredentialScope {
        organization: ids.organization(),
        connector: ConnectorKind::Slack,
        integration: ids.integration(),
    };
    vault
        .seal(&scope, &json!({"a": "credential"}))
        .await
        .expect("a sealed credential");
    let context: BTreeMap<_, _> = kms.calls().remove(0).context;

    let template = template();
    let dispatcher = functions(&template)
        .into_iter()
        .find(|function| function.package() == "agent-dispatcher")
        .expect("the dispatcher");
    // The vault's deployment is the function's variable, which is the parameter.
    assert_eq!(
        dispatcher.variables()["ENVIRONMENT"],
        json!({"Ref": "Environment"})
    );
    let in_words = |value: &Value| match value["Ref"].as_str() {
        Some("Environment") => DEPLOYMENT.to_owned(),
        _ => value.as_str().expect("a text").to_owned(),
    };
    let mut conditions: Vec<(&String, &Value)> = Vec::new();
    for statement in allowed(dispatcher.role(&template)) {
        if leads_to(&statement["Resource"], "CredentialsKey") {
            conditions.extend(
                statement["Condition"]["StringEquals"]
                    .as_object()
                    .expect("a condition"),
            );
        }
    }
    let policy = &template["Resources"]["CredentialsKey"]["Properties"]["KeyPolicy"]["Statement"];
    for statement in list(policy).into_iter().filter(|it| it["Effect"] == "Deny") {
        conditions.extend(
            statement["Condition"]["StringNotEquals"]
                .as_object()
                .expect("a condition"),
        );
    }
    assert_eq!(
        conditions.len(),
        6,
        "four of the role, two of the key: {conditions:?}"
    );
    for (key, value) in conditions {
        let name = key.strip_prefix(CONTEXT).expect("about the encryption context");
        assert_eq!(context.get(name), Some(&in_words(value)), "{name}");
    }
}
