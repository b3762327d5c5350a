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
        let id = function.id;
        if !function.get("VpcConfig").is_null() {
            complaints.push(format!("{id} is at the edge and in the network"));
        }
        let variables = Value::Object(function.variables());
        for precious in [
            "DatabaseSecret",
            "Database",
            "ExistingDatabaseSecretArn",
            "CredentialsKey",
        ] {
            if leads_to(&variables, precious)
                || leads_to(&function.role(template)["Properties"]["Policies"], precious)
            {
                complaints.push(format!("{id} is at the edge and knows {precious}"));
            }
        }
    }
    complaints
}

#[test]
fn a_function_at_the_edge_that_could_reach_the_database_or_a_credential_is_found() {
    passes(edge);
    let statement = "/Resources/SlackEventsRole/Properties/Policies/0/PolicyDocument/Statement/-";
    let read = |secret: &str| json!({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": {"Fn::GetAtt": [secret, "Id"]}});
    stops(edge, statement, read("DatabaseSecret"), "knows DatabaseSecret");
    stops(
        edge,
        statement,
        json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": {"Fn::Sub": "${CredentialsKey.Arn}"}}),
        "knows CredentialsKey",
    );
    stops(
        edge,
        "/Resources/SlackEventsFunction/Properties/Environment/Variables/DATABASE_SECRET_ARN",
        json!({"Fn::GetAtt": ["DatabaseSecret", "Id"]}),
        "knows DatabaseSecret",
    );
    stops(
        edge,
        "/Resources/SlackEventsFunction/Properties/VpcConfig",
        json!({"SubnetIds": ["subnet-1"]}),
        "in the network",
    );
    assert!(functions(&template()).iter().any(Function::is_at_the_edge));
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
        let (network, package) = (!function.get("VpcConfig").is_null(), function.package());
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

/// Who may use which secret, and how.
const SECRETS: [(&str, &str, &str); 4] = [
    ("SlackSecret", "secretsmanager:GetSecretValue", "SlackEventsRole"),
    (
        "DatabaseSecret",
        "secretsmanager:GetSecretValue",
        "AgentDispatcherRole",
    ),
    ("DatabaseSecret", "secretsmanager:GetSecretValue", "MigratorRole"),
    ("DatabaseSecret", "secretsmanager:PutSecretValue", "MigratorRole"),
];

fn secrets(template: &Value) -> Complaints {
    let mut used = BTreeSet::new();
    for (secret, _) in resources(template, "AWS::SecretsManager::Secret") {
        for (role, resource) in resources(template, "AWS::IAM::Role") {
            let of_this = allowed(resource)
                .into_iter()
                .filter(|it| leads_to(&it["Resource"], secret));
            used.extend(of_this.flat_map(actions).map(|action| (secret, action, role)));
        }
    }
    let expected = BTreeSet::from(SECRETS);
    used.symmetric_difference(&expected)
        .map(|(secret, action, role)| format!("{role} and {action} of {secret}"))
        .collect()
}

#[test]
fn a_secret_in_the_wrong_hands_is_found() {
    passes(secrets);
    stops(
        secrets,
        "/Resources/AgentDispatcherRole/Properties/Policies/0/PolicyDocument/Statement/-",
        json!({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": {"Fn::GetAtt": ["SlackSecret", "Id"]}}),
        "AgentDispatcherRole and secretsmanager:GetSecretValue of SlackSecret",
    );
}

/// Whose duty it is to open credentials.
const OPENERS: [&str; 1] = ["AgentDispatcherRole"];
const CONTEXT: &str = "kms:EncryptionContext:";
/// The environment that the vault is asked for in this test, in the place of the parameter.
const DEPLOYMENT: &str = "a-deployment";

fn opened(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for (id, role) in resources(template, "AWS::IAM::Role") {
        for statement in allowed(role) {
            let actions = actions(statement);
            if actions.iter().any(|action| action.starts_with("kms:")) && statement["Condition"].is_null() {
                complaints.push(format!("{id} uses a key on no condition"));
            }
            if !leads_to(&statement["Resource"], "CredentialsKey") {
                continue;
            }
            if !OPENERS.contains(&id) {
                complaints.push(format!("{id} may use the credentials' key"));
            }
            if !actions.iter().eq(["kms:Decrypt"].iter()) {
                complaints.push(format!("{id} may do more than open: {actions:?}"));
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
        "do more than open",
    );
    stops(
        opened,
        &format!("{}/-", statements("MigratorRole")),
        template.pointer(&open).cloned().expect("the statement"),
        "MigratorRole may use the credentials' key",
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
        4,
        "two of the role, two of the key: {conditions:?}"
    );
    for (key, value) in conditions {
        let name = key.strip_prefix(CONTEXT).expect("about the encryption context");
        assert_eq!(context.get(name), Some(&in_words(value)), "{name}");
    }
}
