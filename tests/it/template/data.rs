//! The keys and the database, and who waits for it.

use serde_json::{Value, json};

use super::{Complaints, by_default, functions, leads_to, passes, resources, stops};

fn keys(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for (id, key) in resources(template, "AWS::KMS::Key") {
        if key["Properties"]["EnableKeyRotation"] != true {
            complaints.push(format!("{id} is never rotated"));
        }
        if key["DeletionPolicy"] != "Retain" || key["UpdateReplacePolicy"] != "Retain" {
            complaints.push(format!("{id} goes with the stack, and what it encrypted with it"));
        }
    }
    complaints
}

#[test]
fn a_key_that_is_never_rotated_or_that_goes_with_the_stack_is_found() {
    passes(keys);
    stops(
        keys,
        "/Resources/CredentialsKey/Properties/EnableKeyRotation",
        json!(false),
        "CredentialsKey is never rotated",
    );
    stops(
        keys,
        "/Resources/QueuesKey/DeletionPolicy",
        json!("Delete"),
        "QueuesKey goes",
    );
}

fn database(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    let instances = resources(template, "AWS::RDS::DBInstance");
    for (id, instance) in &instances {
        let settings = &instance["Properties"];
        let mut must = |is_so: bool, complaint: &str| {
            if !is_so {
                complaints.push(format!("{id} {complaint}"));
            }
        };
        must(settings["StorageEncrypted"] == true, "is not encrypted");
        must(
            settings["PubliclyAccessible"] == false,
            "can be reached from the Internet",
        );
        must(
            settings["ManageMasterUserPassword"] == true,
            "has a password that somebody must keep",
        );
        must(
            by_default(template, &settings["DeletionProtection"]) == "true",
            "can be deleted by mistake",
        );
        must(
            by_default(template, &settings["BackupRetentionPeriod"])
                .as_u64()
                .is_some_and(|days| days >= 7),
            "has no backup of last week",
        );
        must(
            instance["DeletionPolicy"] == "Snapshot" && instance["UpdateReplacePolicy"] == "Snapshot",
            "leaves nothing behind",
        );
        let parameters = settings["DBParameterGroupName"]["Ref"]
            .as_str()
            .unwrap_or_default();
        must(
            template["Resources"][parameters]["Properties"]["Parameters"]["rds.force_ssl"] == "1",
            "takes connections in the clear",
        );
        let group = &settings["VPCSecurityGroups"][0]["Fn::GetAtt"][0];
        let doors =
            &template["Resources"][group.as_str().unwrap_or_default()]["Properties"]["SecurityGroupIngress"];
        must(
            doors.as_array().is_some_and(|doors| {
                doors
                    .iter()
                    .all(|door| door["CidrIp"].is_null() && !door["SourceSecurityGroupId"].is_null())
            }),
            "is open to others than the functions",
        );
    }
    if instances.len() != 1 {
        complaints.push("the stack makes another number of databases than one".to_owned());
    }
    complaints
}

#[test]
fn a_database_that_is_open_in_the_clear_or_easily_lost_is_found() {
    passes(database);
    let settings = "/Resources/Database/Properties";
    for (pointer, value, complaint) in [
        (
            format!("{settings}/StorageEncrypted"),
            Value::Null,
            "not encrypted",
        ),
        (
            format!("{settings}/PubliclyAccessible"),
            json!(true),
            "from the Internet",
        ),
        (
            format!("{settings}/DeletionProtection"),
            json!("false"),
            "by mistake",
        ),
        (
            "/Parameters/DatabaseDeletionProtection/Default".to_owned(),
            json!("false"),
            "by mistake",
        ),
        (
            "/Parameters/DatabaseBackupDays/Default".to_owned(),
            json!(1),
            "no backup",
        ),
        (
            "/Resources/Database/DeletionPolicy".to_owned(),
            json!("Delete"),
            "leaves nothing",
        ),
        (
            "/Resources/DatabaseParameters/Properties/Parameters/rds.force_ssl".to_owned(),
            json!("0"),
            "in the clear",
        ),
        (
            "/Resources/DatabaseSecurityGroup/Properties/SecurityGroupIngress/0/CidrIp".to_owned(),
            json!("0.0.0.0/0"),
            "open to others",
        ),
    ] {
        stops(database, &pointer, value, complaint);
    }
}

/// What the migrator does at each deployment.
const MIGRATIONS: &str = "Migrations";

fn users(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for function in functions(template) {
        let id = function.id;
        let uses_database = leads_to(&Value::Object(function.variables()), "DatabaseSecret");
        if uses_database != function.is_in_the_network() {
            complaints.push(format!(
                "{id} is in the network without the database, or the other way round"
            ));
        }
        // The migrator is what they wait for.
        let is_migrator = leads_to(
            &template["Resources"][MIGRATIONS]["Properties"]["ServiceToken"],
            id,
        );
        if uses_database && !is_migrator && !function.waits_for(template, MIGRATIONS) {
            complaints.push(format!("{id} may meet a database without the schema"));
        }
    }
    complaints
}

#[test]
fn a_function_that_does_not_wait_for_the_schema_or_is_in_the_network_for_nothing_is_found() {
    passes(users);
    for function in [
        "AgentDispatcherFunction",
        "EventProcessorFunction",
        "IdentityApiFunction",
        "ReencryptorFunction",
        "SchedulerFunction",
    ] {
        let resource = format!("/Resources/{function}");
        stops(
            users,
            &format!("{resource}/DependsOn"),
            Value::Null,
            &format!("{function} may meet a database without the schema"),
        );
        stops(
            users,
            &format!("{resource}/Properties/Environment/Variables/DATABASE_SECRET_ARN"),
            Value::Null,
            &format!("{function} is in the network without the database"),
        );
    }
    stops(
        users,
        "/Resources/IdentityApiFunction/DependsOn",
        json!("Database"),
        "IdentityApiFunction may meet",
    );
    stops(
        users,
        "/Resources/MigratorFunction/Properties/VpcConfig",
        Value::Null,
        "MigratorFunction is in the network without the database, or the other way round",
    );
}
