//! What CloudFormation sends to a custom resource.
//!
//! Source: "Custom resource request objects" of the AWS CloudFormation user guide. Read as leniently as possible: an
//! event that is not understood cannot be answered, and CloudFormation then waits for an hour.

use serde_json::Value;

/// Why CloudFormation calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestType {
    /// The resource is to be made.
    Create,
    /// The resource is to be changed.
    Update,
    /// The resource is to go.
    Delete,
}

/// The part of the event that an answer repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where the answer goes.
    pub response_url: String,
    /// The stack.
    pub stack_id: String,
    /// The request.
    pub request_id: String,
    /// The resource's name in the template.
    pub logical_resource_id: String,
    /// The id that the resource was given when it was made. A resource whose id changes is deleted under its old one,
    /// so it never does.
    pub physical_resource_id: String,
}

impl Event {
    /// Why CloudFormation calls; none when it is not CloudFormation that does. A word that is not known is taken for
    /// an update: that does no harm.
    #[must_use]
    pub fn request_type(payload: &Value) -> Option<RequestType> {
        Some(match text(payload, "RequestType")? {
            "Create" => RequestType::Create,
            "Delete" => RequestType::Delete,
            _ => RequestType::Update,
        })
    }

    /// None when there is nobody to answer to: somebody invoked the function by hand.
    #[must_use]
    pub fn parse(payload: &Value) -> Option<Self> {
        let field = |name| text(payload, name).unwrap_or_default().to_owned();
        let logical_resource_id = field("LogicalResourceId");
        Some(Self {
            response_url: text(payload, "ResponseURL")?.to_owned(),
            stack_id: field("StackId"),
            request_id: field("RequestId"),
            physical_resource_id: text(payload, "PhysicalResourceId")
                .map_or_else(|| format!("infragpt-{logical_resource_id}"), str::to_owned),
            logical_resource_id,
        })
    }
}

fn text<'a>(payload: &'a Value, name: &str) -> Option<&'a str> {
    payload.get(name)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_that_is_half_there_can_still_be_answered() {
        let payload =
            json!({ "RequestType": "Reconsider", "ResponseURL": "https://s3/x", "StackId": 7, "New": {} });
        assert_eq!(Event::request_type(&payload), Some(RequestType::Update));
        let event = Event::parse(&payload).expect("there is somebody to answer to");
        assert_eq!(
            (event.response_url.as_str(), event.stack_id.as_str()),
            ("https://s3/x", "")
        );
    }

    #[test]
    fn an_operators_own_event_is_no_request_of_cloudformation() {
        for payload in [json!({}), json!(null), json!("go"), json!({ "ResponseURL": "" })] {
            assert_eq!(Event::request_type(&payload), None);
            assert_eq!(Event::parse(&payload), None);
        }
    }

    #[test]
    fn a_resource_keeps_the_id_it_has() {
        let new = json!({ "ResponseURL": "u", "LogicalResourceId": "Migrations" });
        let old =
            json!({ "ResponseURL": "u", "LogicalResourceId": "Migrations", "PhysicalResourceId": "kept" });
        assert_eq!(
            Event::parse(&new).expect("parses").physical_resource_id,
            "infragpt-Migrations"
        );
        assert_eq!(Event::parse(&old).expect("parses").physical_resource_id, "kept");
    }
}
