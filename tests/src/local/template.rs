//! `template.yaml` as data.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// The template of the repository, with CloudFormation's short forms (`!Ref x`) written out (`{"Ref": "x"}`).
pub fn read(repository: &Path) -> anyhow::Result<Value> {
    let path = repository.join("template.yaml");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    parse(&text).with_context(|| format!("{} is not a template", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Value> {
    long_form(serde_yaml_ng::from_str(text)?)
}

fn long_form(value: Yaml) -> anyhow::Result<Value> {
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => serde_json::to_value(number)?,
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => items.into_iter().map(long_form).collect::<anyhow::Result<_>>()?,
        Yaml::Mapping(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(key, value)| Ok((key_text(key)?, long_form(value)?)))
                .collect::<anyhow::Result<Map<_, _>>>()?,
        ),
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let value = long_form(tagged.value)?;
            match (name, &value) {
                ("Ref" | "Condition", _) => json!({ name: value }),
                ("GetAtt", Value::String(path)) => {
                    let (resource, attribute) =
                        path.split_once('.').context("!GetAtt without an attribute")?;
                    json!({ "Fn::GetAtt": [resource, attribute] })
                }
                _ => json!({ format!("Fn::{name}"): value }),
            }
        }
    })
}

fn key_text(key: Yaml) -> anyhow::Result<String> {
    match key {
        Yaml::String(text) => Ok(text),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(value) => Ok(value.to_string()),
        other => bail!("a key that is no text: {other:?}"),
    }
}

/// The functions of a template: logical id, and the folder of its package.
pub fn functions(template: &Value) -> anyhow::Result<Vec<(String, String)>> {
    let resources = template["Resources"]
        .as_object()
        .context("a template without resources")?;
    resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function")
        .map(|(id, resource)| {
            let code = resource["Properties"]["CodeUri"]
                .as_str()
                .with_context(|| format!("{id} has no CodeUri"))?;
            Ok((id.clone(), code.trim_end_matches('/').to_owned()))
        })
        .collect()
}

/// The packages of a template's functions.
pub fn packages(template: &Value) -> anyhow::Result<Vec<String>> {
    let functions = functions(template)?;
    Ok(functions
        .iter()
        .map(|(_, code)| package(code).to_owned())
        .collect())
}

/// The package of a function: the last part of its folder.
#[must_use]
pub fn package(code: &str) -> &str {
    code.rsplit('/').next().unwrap_or(code)
}

/// Points the functions at what was built, as `sam build` does, and leaves everything else as it is.
pub fn point_at(template: &mut Value, built: impl Fn(&str) -> String) -> anyhow::Result<()> {
    for (id, code) in functions(template)? {
        template["Resources"][&id]["Properties"]["CodeUri"] = Value::String(built(&code));
    }
    Ok(())
}

/// What a variable of the functions refers to, such as `SLACK_URL`: the logical id of a parameter or resource. None where no
/// function has it, or it is something else.
#[must_use]
pub fn referred_to<'a>(template: &'a Value, variable: &str) -> Option<&'a str> {
    let resources = template["Resources"].as_object()?;
    resources.values().find_map(|resource| {
        let value = &resource["Properties"]["Environment"]["Variables"][variable];
        value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_written_out() {
        let template = parse(
            "A: !Ref Queue\nB: !GetAtt Database.Endpoint.Port\nC: !If [Own, !Sub '${A}-x', !Ref AWS::NoValue]\n\
             D: !Condition Own\nVersion: 2012-10-17\nE: [1, true, null]",
        )
        .expect("a template");
        assert_eq!(
            template,
            json!({
                "A": {"Ref": "Queue"},
                "B": {"Fn::GetAtt": ["Database", "Endpoint.Port"]},
                "C": {"Fn::If": ["Own", {"Fn::Sub": "${A}-x"}, {"Ref": "AWS::NoValue"}]},
                "D": {"Condition": "Own"},
                "Version": "2012-10-17",
                "E": [1, true, null],
            })
        );
    }

    #[test]
    fn only_functions_are_built_and_pointed_elsewhere() {
        let mut template = parse(
            "Resources:\n  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/one/, Timeout: 3}}\n  \
             Q: {Type: AWS::SQS::Queue, Properties: {CodeUri: untouched}}",
        )
        .expect("a template");
        assert_eq!(packages(&template).expect("a function"), ["one"]);
        point_at(&mut template, |code| format!("/built/{code}")).expect("a function");
        assert_eq!(
            template["Resources"],
            json!({
                "F": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "/built/functions/one", "Timeout": 3}},
                "Q": {"Type": "AWS::SQS::Queue", "Properties": {"CodeUri": "untouched"}},
            })
        );
    }

    #[test]
    fn a_variable_is_known_by_what_it_refers_to() {
        let template = parse(
            "Resources:\n  F: {Properties: {Environment: {Variables: {A_URL: !Ref AUrl, SECRET: !GetAtt Secret.Id, B: text}}}}",
        )
        .expect("a template");
        for (variable, logical) in [
            ("A_URL", Some("AUrl")),
            ("SECRET", Some("Secret")),
            ("B", None),
            ("C", None),
        ] {
            assert_eq!(referred_to(&template, variable), logical, "{variable}");
        }
    }
}
