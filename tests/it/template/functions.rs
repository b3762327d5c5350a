//! The functions: their variables, code, logs and alarms, and what tells somebody how to deploy them.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    sync::Arc,
};

use aws_config::SdkConfig;
use serde_json::{Value, json};
use shared::{
    aws::{self, Patience},
    clock::SystemClock,
    config::Env,
    connector::{
        ConnectorKind, Connectors,
        contract::{Connector, Parts},
    },
    secret::manager::{MemorySecrets, SecretStore},
    webhook::{DoorConfig as _, connection},
};
use tests::local;

use super::{Complaints, alarms, attribute_of, functions, passes, resources, stops, template};

/// What Lambda itself sets.
const LAMBDAS_OWN: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];
/// Read, and set by no deployment: the roots of a proxy that stands before AWS on somebody's machine, and an STS there.
const SET_BY_HAND: [&str; 2] = ["AWS_CA_BUNDLE", "AWS_STS_URL"];

/// Lets a function read its own variables.
fn read(package: &str, env: &mut Env) {
    match package {
        "clerk-webhook" => drop(clerk_webhook::Config::read(env)),
        "slack-events" => drop(slack_events::Config::read(env)),
        "agent-dispatcher" => {
            drop(agent_dispatcher::Config::read(env));
            Connectors::only(ConnectorKind::Slack, env, &parts()).expect("nothing is set wrongly");
        }
        "pagerduty-webhook" => read_by_door::<pagerduty_webhook::Connector>(env),
        "datadog-webhook" => read_by_door::<datadog_webhook::Connector>(env),
        "github-webhook" => drop(github_webhook::Config::read(env)),
        "event-processor" => drop(event_processor::Config::read(env)),
        "identity-api" => drop(identity_api::Config::read(env)),
        "integrations-api" => {
            drop(integrations_api::Config::read(env));
            read_by_connectors(env);
        }
        "migrator" => drop(migrator::run::Settings::read(env)),
        "reencryptor" => drop(reencryptor::Config::read(env)),
        "scheduler" => {
            drop(scheduler::Config::read(env));
            read_by_connectors(env);
        }
        other => panic!("say here where {other} reads its variables"),
    }
}

/// What each connector reads.
fn read_by_connectors(env: &mut Env) {
    Connectors::from_env(env, &parts()).expect("nothing is set wrongly");
}

/// What the door of a connector's own addresses reads.
fn read_by_door<C: Connector>(env: &mut Env) {
    drop(connection::Config::read(env));
    C::configure(env, &parts()).expect("nothing is set wrongly");
}

fn parts() -> Parts {
    Parts {
        clock: Arc::new(SystemClock),
        secrets: SecretStore::from_source(MemorySecrets::new()),
        aws: SdkConfig::builder().build(),
    }
}

/// What a function asks its environment for, and what of that it cannot do without.
fn read_by(package: &str) -> (BTreeSet<&'static str>, HashSet<String>) {
    let mut env = Env::from_pairs::<String, String>([]);
    read(package, &mut env);
    aws::config(&mut env, Patience::BEHIND_A_QUEUE).expect("no bundle is named");
    let asked = env.asked().clone();
    let error = env.finish().expect_err("nothing is set").to_string();
    let (_, missing) = error.split_once("missing: ").expect("names");
    (asked, missing.split(", ").map(ToOwned::to_owned).collect())
}

fn variables(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for function in functions(template) {
        let (read, required) = read_by(function.package());
        let set = function.variables();
        for name in &read {
            let (id, is_theirs) = (
                function.id,
                LAMBDAS_OWN.contains(name) || SET_BY_HAND.contains(name),
            );
            match set.get(*name) {
                None if !is_theirs => complaints.push(format!("{id} reads {name}, which is not set")),
                Some(_) if is_theirs => {
                    complaints.push(format!("{id} is given {name}, which is not ours to set"));
                }
                Some(value) if required.contains(*name) && value.to_string().contains("AWS::NoValue") => {
                    complaints.push(format!("{id} needs {name}, which is set on a condition"));
                }
                _ => {}
            }
        }
        complaints.extend(
            set.keys()
                .filter(|name| !read.contains(name.as_str()))
                .map(|name| format!("{} does not read {name}", function.id)),
        );
    }
    complaints
}

#[test]
fn a_variable_that_a_function_reads_and_nobody_sets_is_found_and_so_is_one_that_nobody_reads() {
    passes(variables);
    let dispatcher = "/Resources/AgentDispatcherFunction/Properties/Environment/Variables";
    stops(
        variables,
        &format!("{dispatcher}/CREDENTIALS_KEY_ARN"),
        Value::Null,
        "AgentDispatcherFunction reads CREDENTIALS_KEY_ARN, which is not set",
    );
    stops(
        variables,
        &format!("{dispatcher}/HISTORY_TOKENS"),
        Value::Null,
        "reads HISTORY_TOKENS, which is not set",
    );
    stops(
        variables,
        &format!("{dispatcher}/SLACK_APP_ID"),
        json!("A0"),
        "AgentDispatcherFunction does not read SLACK_APP_ID",
    );
    stops(
        variables,
        "/Globals/Function/Environment/Variables/DATABASE_HOST",
        json!("db"),
        "SlackEventsFunction does not read DATABASE_HOST",
    );
    stops(
        variables,
        &format!("{dispatcher}/AGENT_ENDPOINT"),
        json!({"Fn::If": ["HasAgent", "http://agent:50051", {"Ref": "AWS::NoValue"}]}),
        "needs AGENT_ENDPOINT, which is set on a condition",
    );
}

/// Whether a function can read whatever number somebody may choose.
fn numbers(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for function in functions(template) {
        for (name, value) in function.variables() {
            let parameter = &template["Parameters"][value["Ref"].as_str().unwrap_or_default()];
            if parameter["Type"] != "Number" {
                continue;
            }
            for bound in ["MinValue", "MaxValue"] {
                let number = parameter[bound].to_string();
                let mut env = Env::from_pairs([(&name, &number)]);
                read(function.package(), &mut env);
                let error = env.finish().err().map(|error| error.to_string());
                if error.is_some_and(|error| error.contains(&format!("; {name}: "))) {
                    complaints.push(format!("{} cannot read {number} as {name}", function.id));
                }
            }
        }
    }
    complaints
}

#[test]
fn a_number_that_the_template_takes_and_its_function_does_not_is_found() {
    passes(numbers);
    stops(
        numbers,
        "/Parameters/UserRequestsPerMinute/MaxValue",
        json!(5_000_000_000_u64),
        "IdentityApiFunction cannot read 5000000000 as USER_REQUESTS_PER_MINUTE",
    );
    stops(
        numbers,
        "/Parameters/HistoryTokens/MinValue",
        json!(-1),
        "AgentDispatcherFunction cannot read -1 as HISTORY_TOKENS",
    );
}

fn code(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for function in functions(template) {
        let folder = function.properties["CodeUri"].as_str().unwrap_or_default();
        let manifest = local::repository().join(folder).join("Cargo.toml");
        let name = format!("name = \"{}\"", function.package());
        if !fs::read_to_string(manifest).is_ok_and(|text| text.lines().any(|line| line == name)) {
            complaints.push(format!(
                "{}: {folder} is not the folder of a package of that name",
                function.id
            ));
        }
        let called = json!({"Fn::Sub": format!("infragpt-${{Environment}}-{}", function.package())});
        if function.properties["FunctionName"] != called {
            complaints.push(format!("{} is not called after its package", function.id));
        }
        if template["Resources"][function.id]["Metadata"]["BuildMethod"] != "rust-cargolambda" {
            complaints.push(format!("{} is not built by cargo-lambda", function.id));
        }
    }
    complaints
}

#[test]
fn a_function_without_a_package_behind_it_is_found() {
    passes(code);
    let pointer = "/Resources/MigratorFunction/Properties/CodeUri";
    stops(code, pointer, json!("functions/migrators"), "not the folder");
    stops(code, pointer, json!("functions/slack-events"), "not called after");
}

#[test]
fn every_function_of_the_workspace_is_deployed() {
    let template = template();
    let deployed: BTreeSet<_> = functions(&template)
        .iter()
        .map(|function| function.package().to_owned())
        .collect();
    let folders: BTreeSet<_> = fs::read_dir(local::repository().join("functions"))
        .expect("the functions")
        .filter_map(|entry| entry.expect("a function").file_name().into_string().ok())
        .collect();
    assert_eq!(deployed, folders);
}

fn watched(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    let mut groups = HashSet::new();
    for function in functions(template) {
        let group = function.properties["LoggingConfig"]["LogGroup"]["Ref"]
            .as_str()
            .unwrap_or_default();
        let group_name =
            json!({"Fn::Sub": format!("/aws/lambda/infragpt-${{Environment}}-{}", function.package())});
        if template["Resources"][group]["Properties"]["LogGroupName"] != group_name || !groups.insert(group) {
            complaints.push(format!("{} has no log group of its own", function.id));
        }
        for metric in ["Errors", "Throttles"] {
            if alarms(template, metric, "FunctionName", &json!({"Ref": function.id})).is_empty() {
                complaints.push(format!("{} has no alarm for {metric}", function.id));
            }
        }
    }
    for (id, group) in resources(template, "AWS::Logs::LogGroup") {
        if group["Properties"]["RetentionInDays"].is_null() {
            complaints.push(format!("{id} keeps its lines for ever"));
        }
    }
    complaints
}

#[test]
fn a_function_that_nobody_watches_and_a_log_that_grows_for_ever_are_found() {
    passes(watched);
    for (pointer, value, complaint) in [
        (
            "/Resources/MigratorFunction/Properties/LoggingConfig/LogGroup",
            json!({"Ref": "SlackEventsLogs"}),
            "MigratorFunction has no log group",
        ),
        (
            "/Resources/SlackEventsLogs/Properties/RetentionInDays",
            Value::Null,
            "SlackEventsLogs keeps",
        ),
        (
            "/Resources/SlackEventsErrorsAlarm",
            Value::Null,
            "SlackEventsFunction has no alarm for Errors",
        ),
        (
            "/Resources/MigratorThrottlesAlarm/Properties/MetricName",
            json!("Invocations"),
            "MigratorFunction has no alarm for Throttles",
        ),
        (
            "/Resources/AgentDispatcherErrorsAlarm/Properties/AlarmActions",
            json!([]),
            "AgentDispatcherFunction has no alarm for Errors",
        ),
    ] {
        stops(watched, pointer, value, complaint);
    }
}

fn parameters(template: &Value) -> Complaints {
    let readme = fs::read_to_string(local::repository().join("README.md")).expect("the README");
    let groups = &template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let mut complaints = Complaints::new();
    for (name, parameter) in template["Parameters"].as_object().expect("parameters") {
        if parameter["Description"].as_str().is_none_or(str::is_empty) {
            complaints.push(format!("{name} is not described"));
        }
        let is_closed = ["Default", "AllowedPattern", "AllowedValues"]
            .iter()
            .any(|rule| !parameter[*rule].is_null());
        if !is_closed {
            complaints.push(format!("{name} has no default and takes anything"));
        }
        if parameter["Type"] == "String"
            && parameter["AllowedPattern"].is_null()
            && parameter["AllowedValues"].is_null()
        {
            complaints.push(format!("{name} takes any text"));
        }
        if !readme.contains(&format!("`{name}`")) {
            complaints.push(format!("the README does not know {name}"));
        }
        let shown = super::texts(groups).iter().filter(|shown| *shown == name).count();
        if shown != 1 {
            complaints.push(format!("{name} is shown {shown} times in the console"));
        }
    }
    complaints
}

#[test]
fn a_parameter_that_nobody_explains_or_that_takes_anything_is_found() {
    passes(parameters);
    stops(
        parameters,
        "/Parameters/AgentEndpoint/Description",
        Value::Null,
        "AgentEndpoint is not described",
    );
    stops(
        parameters,
        "/Parameters/AgentEndpoint/AllowedPattern",
        Value::Null,
        "takes anything",
    );
    stops(
        parameters,
        "/Parameters/Surprise",
        json!({"Type": "String", "Description": "What is it?", "Default": ""}),
        "the README does not know Surprise",
    );
}

/// What is pasted into a sender's settings: the output, its path, and whose they are.
const ADDRESSES: [(&str, &str, &str); 3] = [
    ("SlackRequestUrl", "/slack/events", "Slack"),
    ("ClerkWebhookUrl", "/webhooks/clerk", "Clerk"),
    ("GitHubWebhookUrl", "/webhooks/github", "GitHub"),
];
/// The secrets that somebody must fill in, and the output that says where.
const PUT_BY_HAND: [(&str, &str); 6] = [
    ("SlackSecretArn", "SlackSecret"),
    ("SlackAppSecretArn", "SlackAppSecret"),
    ("ClerkSecretArn", "ClerkSecret"),
    ("ClerkApiSecretArn", "ClerkApiSecret"),
    ("GitHubSecretArn", "GitHubSecret"),
    ("GitHubAppSecretArn", "GitHubAppSecret"),
];

fn door(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    let outputs = &template["Outputs"];
    for (output, path, sender) in ADDRESSES {
        if outputs[output]["Value"]["Fn::Sub"] != format!("${{HttpApi.ApiEndpoint}}{path}") {
            complaints.push(format!("no output is the address to paste into {sender}"));
        }
    }
    for (output, secret) in PUT_BY_HAND {
        if attribute_of(&outputs[output]["Value"], "Id") != Some(secret) {
            complaints.push(format!("no output says where to put {secret}"));
        }
    }
    for (name, output) in outputs.as_object().expect("outputs") {
        if output["Description"].as_str().is_none_or(str::is_empty) {
            complaints.push(format!("output {name} is not described"));
        }
    }
    for (id, api) in resources(template, "AWS::Serverless::HttpApi") {
        let settings = &api["Properties"]["DefaultRouteSettings"];
        if settings["ThrottlingRateLimit"].is_null() || settings["ThrottlingBurstLimit"].is_null() {
            complaints.push(format!("{id} lets through any number of requests"));
        }
        if api["Properties"]["AccessLogSettings"]["DestinationArn"].is_null() {
            complaints.push(format!("{id} has no access log"));
        }
    }
    for function in functions(template) {
        for route in function.events("HttpApi") {
            if route["PayloadFormatVersion"] != "2.0" || route["ApiId"]["Ref"] != "HttpApi" {
                complaints.push(format!(
                    "{} has a route elsewhere than on the HTTP API",
                    function.id
                ));
            }
            if route["Path"].as_str().is_none_or(|path| path.ends_with('/')) {
                complaints.push(format!("{} has a route that API Gateway refuses", function.id));
            }
        }
    }
    complaints
}

#[test]
fn a_door_without_a_limit_a_log_or_an_address_is_found() {
    passes(door);
    for (pointer, value, complaint) in [
        (
            "/Outputs/SlackRequestUrl",
            Value::Null,
            "address to paste into Slack",
        ),
        (
            "/Outputs/ClerkWebhookUrl/Value",
            json!({"Fn::Sub": "${HttpApi.ApiEndpoint}/webhooks"}),
            "address to paste into Clerk",
        ),
        ("/Outputs/SlackSecretArn", Value::Null, "where to put SlackSecret"),
        (
            "/Outputs/ClerkApiSecretArn/Value",
            json!({"Fn::GetAtt": ["ClerkSecret", "Id"]}),
            "where to put ClerkApiSecret",
        ),
        (
            "/Resources/HttpApi/Properties/DefaultRouteSettings/ThrottlingBurstLimit",
            Value::Null,
            "any number",
        ),
        (
            "/Resources/HttpApi/Properties/AccessLogSettings",
            Value::Null,
            "access log",
        ),
        (
            "/Resources/SlackEventsFunction/Properties/Events/Slack/Properties/Path",
            json!("/slack/events/"),
            "refuses",
        ),
        (
            "/Resources/IdentityApiFunction/Properties/Events/Health/Properties/ApiId",
            Value::Null,
            "elsewhere",
        ),
    ] {
        stops(door, pointer, value, complaint);
    }
}
