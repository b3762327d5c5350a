//! What somebody needs to make the role that we take on: a `CloudFormation` template, and its parts for those who make
//! roles in another way.

use serde_json::{Value, json};

use crate::connector::contract::Started;

/// The tag that our template puts on its role. Our own functions may take on a role of the account that they run in only
/// if it has this tag: `template.yaml` says so.
pub(super) const TAG: &str = "infragpt-connection";

/// What the role may: see what there is and read metrics and logs, but not what is stored in buckets and tables.
const POLICIES: [&str; 2] = ["job-function/ViewOnlyAccess", "CloudWatchReadOnlyAccess"];

/// A role that trusts us.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipe<'a> {
    /// The part of AWS that it is in, which is ours too: no role can be taken on from another.
    pub(super) partition: &'a str,
    /// Our account.
    pub(super) account: &'a str,
    /// What we say when we take it on.
    pub(super) external_id: &'a str,
}

impl Recipe<'_> {
    /// Whom the role trusts: our account, which in turn lets only the functions that work on connections take on roles.
    /// One of their roles by name would be wrong: several need it, and AWS ties a trust to the very role, so that every
    /// connection would break when one of them is made anew.
    fn principal(&self) -> String {
        format!("arn:{}:iam::{}:root", self.partition, self.account)
    }

    fn policies(&self) -> [String; 2] {
        POLICIES.map(|name| format!("arn:{}:iam::aws:policy/{name}", self.partition))
    }

    fn trust_policy(&self) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": self.principal() },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "sts:ExternalId": self.external_id } },
            }],
        })
    }

    fn template(&self) -> String {
        let (principal, external_id) = (self.principal(), self.external_id);
        let [view, metrics] = self.policies();
        format!(
            r#"AWSTemplateFormatVersion: "2010-09-09"
Description: Lets InfraGPT see what runs in this account, and change nothing
Resources:
  InfraGptRole:
    Type: AWS::IAM::Role
    Properties:
      Description: InfraGPT sees what runs here, and changes nothing
      MaxSessionDuration: 3600
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              AWS: "{principal}"
            Action: sts:AssumeRole
            # Without this condition, anybody who knows the role's name could have InfraGPT look into this account.
            Condition:
              StringEquals:
                sts:ExternalId: "{external_id}"
      ManagedPolicyArns:
        - "{view}"
        - "{metrics}"
      Tags:
        - Key: {TAG}
          Value: "true"
Outputs:
  RoleArn:
    Description: What to fill in at InfraGPT
    Value:
      Fn::GetAtt: [InfraGptRole, Arn]
"#
        )
    }

    /// The page on which a stack is made. Roles belong to no region, so whichever region it opens in serves.
    fn url(&self) -> String {
        let console = match self.partition {
            "aws-cn" => "console.amazonaws.cn",
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            _ => "console.aws.amazon.com",
        };
        format!("https://{console}/cloudformation/home#/stacks/create/template")
    }

    /// What somebody is shown.
    pub(super) fn started(&self) -> Started {
        Started {
            url: self.url(),
            setup: json!({
                "external_id": self.external_id,
                "account_id": self.account,
                "principal": self.principal(),
                "trust_policy": self.trust_policy(),
                "policies": self.policies(),
                "template_file": "infragpt-role.yaml",
                "template": self.template(),
                "cli": [
                    "aws cloudformation deploy --stack-name infragpt-role --template-file infragpt-role.yaml \
                     --capabilities CAPABILITY_IAM",
                    "aws cloudformation describe-stacks --stack-name infragpt-role \
                     --query \"Stacks[0].Outputs[?OutputKey=='RoleArn'].OutputValue\" --output text",
                ],
            }),
        }
    }
}
