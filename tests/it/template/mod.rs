//! What `template.yaml` must be, beside valid: it fits the code, it loses nothing, and it gives no right too many.
//!
//! Every check takes a template and answers its complaints, so that each test can do two things: look at the real one,
//! and see the check complain about one that it has broken.

mod data;
mod functions;
mod queues;
mod rights;
mod schedules;
mod slack_app;

use serde_json::{Map, Value, json};
use tests::local;

/// What a check has against a template.
type Complaints = Vec<String>;

fn template() -> Value {
    local::template::read(&local::repository()).expect("the template")
}

/// The real template passes `check`.
#[track_caller]
fn passes(check: fn(&Value) -> Complaints) {
    assert_eq!(check(&template()), Complaints::new());
}

/// `check` complains, in words that contain `complaint`, when the template has `value` at `pointer` (an array grows).
#[track_caller]
fn stops(check: fn(&Value) -> Complaints, pointer: &str, value: Value, complaint: &str) {
    let mut broken = template();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match broken.pointer_mut(parent) {
        Some(Value::Object(parent)) if value.is_null() => {
            parent.remove(key).expect("what is taken away was there");
        }
        Some(Value::Object(parent)) => drop(parent.insert(key.to_owned(), value)),
        Some(Value::Array(items)) if key == "-" => items.push(value),
        Some(Value::Array(items)) => items[key.parse::<usize>().expect("a position")] = value,
        _ => panic!("{pointer} leads nowhere"),
    }
    let complaints = check(&broken);
    assert!(
        complaints.iter().any(|said| said.contains(complaint)),
        "nothing is said about {pointer}: {complaints:#?}"
    );
}

/// The resources of one type, by logical id.
fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let all = template["Resources"].as_object().expect("resources");
    all.iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (id.as_str(), resource))
        .collect()
}

/// A function with what all functions have in common filled in.
struct Function<'a> {
    id: &'a str,
    properties: &'a Value,
    globals: &'a Value,
}

fn functions(template: &Value) -> Vec<Function<'_>> {
    let found: Vec<_> = resources(template, "AWS::Serverless::Function")
        .into_iter()
        .map(|(id, resource)| Function {
            id,
            properties: &resource["Properties"],
            globals: &template["Globals"]["Function"],
        })
        .collect();
    assert!(!found.is_empty(), "a template without functions");
    found
}

impl<'a> Function<'a> {
    fn get(&self, name: &str) -> &'a Value {
        match &self.properties[name] {
            Value::Null => &self.globals[name],
            own => own,
        }
    }

    fn package(&self) -> &'a str {
        local::template::package(self.properties["CodeUri"].as_str().unwrap_or_default())
    }

    fn timeout(&self) -> u64 {
        self.get("Timeout").as_u64().unwrap_or(3)
    }

    fn variables(&self) -> Map<String, Value> {
        let of = |settings: &Value| {
            settings["Environment"]["Variables"]
                .as_object()
                .cloned()
                .unwrap_or_default()
        };
        let mut variables = of(self.globals);
        variables.extend(of(self.properties));
        variables
    }

    /// Its event sources of one type.
    fn events(&self, kind: &str) -> Vec<&'a Value> {
        let events = self.properties["Events"].as_object();
        events
            .into_iter()
            .flat_map(Map::values)
            .filter(|event| event["Type"] == kind)
            .map(|event| &event["Properties"])
            .collect()
    }

    /// Whether strangers can reach it.
    fn is_at_the_edge(&self) -> bool {
        !self.events("HttpApi").is_empty()
            || !self.events("Api").is_empty()
            || !self.properties["FunctionUrlConfig"].is_null()
    }

    fn is_in_the_network(&self) -> bool {
        !self.get("VpcConfig").is_null()
    }

    /// Whether it is made and changed only after `resource`.
    fn waits_for(&self, template: &Value, resource: &str) -> bool {
        texts(&template["Resources"][self.id]["DependsOn"]).contains(&resource)
    }

    fn role<'t>(&self, template: &'t Value) -> &'t Value {
        let id = attribute_of(&self.properties["Role"], "Arn").unwrap_or_default();
        &template["Resources"][id]
    }
}

/// The resource whose `attribute` a value is.
fn attribute_of<'a>(value: &'a Value, attribute: &str) -> Option<&'a str> {
    let path = value.get("Fn::GetAtt")?;
    (path.get(1)? == attribute).then(|| path.get(0)?.as_str())?
}

/// The one thing, or the things, that are written in a place that takes both.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// All texts in a value, keys left out.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(entries) => entries.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Whether a value leads to a resource: by `Ref`, `GetAtt` or inside a `Sub`.
fn leads_to(value: &Value, resource: &str) -> bool {
    texts(value).iter().any(|text| {
        *text == resource
            || text.contains(&format!("${{{resource}}}"))
            || text.contains(&format!("${{{resource}."))
    })
}

/// What a value is when nobody chooses a parameter.
fn by_default<'a>(template: &'a Value, value: &'a Value) -> &'a Value {
    value["Ref"]
        .as_str()
        .map_or(value, |parameter| &template["Parameters"][parameter]["Default"])
}

/// Every alarm on `metric` whose dimension `name` is `value`.
fn alarms<'a>(template: &'a Value, metric: &str, dimension: &str, value: &Value) -> Vec<&'a Value> {
    let wanted = json!([{ "Name": dimension, "Value": value }]);
    resources(template, "AWS::CloudWatch::Alarm")
        .into_iter()
        .map(|(_, alarm)| &alarm["Properties"])
        .filter(|alarm| alarm["MetricName"] == metric && alarm["Dimensions"] == wanted)
        .filter(|alarm| leads_to(&alarm["AlarmActions"], "AlarmTopic"))
        .collect()
}
