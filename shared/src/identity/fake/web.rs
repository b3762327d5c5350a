//! The Backend API over HTTP. Source of what it takes, answers and refuses:
//! <https://clerk.com/docs/reference/backend-api>.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{Call, SECRET_KEY, Shared, Trouble, World, wire};

/// How many things a page holds when nobody says.
const DEFAULT_LIMIT: usize = 10;
/// How many it holds at the most.
const MAX_LIMIT: usize = 500;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().route("/v1/{*path}", get(call)).with_state(shared)
}

async fn call(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let call = Call {
        path: format!("/v1/{path}"),
        query: url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        is_authorized: authorization.and_then(|value| value.strip_prefix("Bearer ")) == Some(SECRET_KEY),
    };
    let (answer, trouble) = shared.change(|world| {
        world.calls.push(call.clone());
        let trouble = world.next_trouble(&call.path);
        world.hanging += usize::from(trouble == Some(Trouble::Hang));
        (world.answer(&path, &call), trouble)
    });
    match trouble {
        None => {}
        Some(Trouble::Hang) => std::future::pending().await,
        Some(Trouble::RateLimited(retry_after)) => {
            let refusal = Refusal {
                status: StatusCode::TOO_MANY_REQUESTS,
                code: "too_many_requests",
                message: "Too many requests",
                long_message: "Too many requests. Please try again in a bit.".to_owned(),
            };
            let seconds = retry_after.as_secs().to_string();
            return ([(header::RETRY_AFTER, seconds)], refusal).into_response();
        }
        Some(Trouble::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return (status, [(header::CONTENT_TYPE, "text/html")], indiscreet(&call)).into_response();
        }
        Some(Trouble::Malformed) => {
            return ([(header::CONTENT_TYPE, "application/json")], indiscreet(&call)).into_response();
        }
    }
    match answer {
        Ok(body) => axum::Json(body).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// A page of the indiscreet kind: it tells the key and what was asked.
fn indiscreet(call: &Call) -> String {
    format!("<html><body>Something went wrong for {SECRET_KEY} with {call:?}</body></html>")
}

struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    long_message: String,
}

impl Refusal {
    fn not_found(thing: &str, id: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "resource_not_found",
            message: "not found",
            long_message: format!("No {thing} was found with id {id}"),
        }
    }

    fn invalid(field: &str) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: "form_param_value_invalid",
            message: "is invalid",
            long_message: format!("{field} does not match one of the allowed values for parameter {field}"),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = json!({"code": self.code, "message": self.message, "long_message": self.long_message});
        let body = json!({"errors": [error], "clerk_trace_id": "fake0trace"});
        (self.status, axum::Json(body)).into_response()
    }
}

impl World {
    fn next_trouble(&mut self, path: &str) -> Option<Trouble> {
        let at = self.troubles.iter().position(|(at, _)| at == "*" || at == path)?;
        self.troubles.remove(at).map(|(_, trouble)| trouble)
    }

    fn answer(&self, path: &str, call: &Call) -> Result<Value, Refusal> {
        if !call.is_authorized {
            return Err(Refusal {
                status: StatusCode::UNAUTHORIZED,
                code: "clerk_key_invalid",
                message: "The provided Clerk Secret Key is invalid.",
                long_message: "The provided Clerk Secret Key is invalid. Make sure that it is correct."
                    .to_owned(),
            });
        }
        let steps: Vec<&str> = path.split('/').collect();
        match steps[..] {
            ["users"] => {
                let all = self.users.iter();
                let all = all.map(|(id, user)| (user.created_at, wire::user(id, user)));
                page(all.collect(), call).map(|page| page.0.into())
            }
            ["users", id] => {
                let user = self.users.get(id).ok_or_else(|| Refusal::not_found("user", id))?;
                Ok(wire::user(id, user))
            }
            ["organizations"] => {
                let all = self.organizations.iter();
                let all = all.map(|(id, organization)| {
                    (organization.created_at, wire::organization(id, organization))
                });
                page(all.collect(), call).map(counted)
            }
            ["organizations", id] => {
                let organization = self.organizations.get(id);
                let organization = organization.ok_or_else(|| Refusal::not_found("organization", id))?;
                Ok(wire::organization(id, organization))
            }
            ["organizations", id, "memberships"] => {
                if !self.organizations.contains_key(id) {
                    return Err(Refusal::not_found("organization", id));
                }
                let asked: Vec<&String> = call
                    .query
                    .iter()
                    .filter(|(field, _)| field == "user_id")
                    .map(|(_, user)| user)
                    .collect();
                let all = self
                    .memberships
                    .iter()
                    .filter(|((organization, user), _)| {
                        organization == id && (asked.is_empty() || asked.contains(&user))
                    })
                    .filter_map(|((organization, user), membership)| {
                        Some((membership.created_at, self.membership(organization, user)?))
                    });
                page(all.collect(), call).map(counted)
            }
            _ => Err(Refusal::not_found("route", path)),
        }
    }
}

/// A page, and how many things there are in all.
fn page(mut all: Vec<(i64, Value)>, call: &Call) -> Result<(Vec<Value>, usize), Refusal> {
    let number = |name: &'static str, default: usize| {
        call.field(name)
            .map_or(Some(default), |number| number.parse().ok())
            .ok_or_else(|| Refusal::invalid(name))
    };
    let (limit, offset) = (number("limit", DEFAULT_LIMIT)?, number("offset", 0)?);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Refusal::invalid("limit"));
    }
    all.sort_by_key(|(created_at, _)| *created_at);
    match call.field("order_by") {
        Some("created_at" | "+created_at") => {}
        Some("-created_at") | None => all.reverse(),
        Some(_) => return Err(Refusal::invalid("order_by")),
    }
    let count = all.len();
    let page = all.into_iter().skip(offset).take(limit);
    Ok((page.map(|(_, thing)| thing).collect(), count))
}

fn counted((page, count): (Vec<Value>, usize)) -> Value {
    json!({"data": page, "total_count": count})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::fake::FakeClerk;

    fn ask(clerk: &FakeClerk, path: &str, query: &[(&str, &str)]) -> Result<Value, StatusCode> {
        let call = Call {
            path: format!("/v1/{path}"),
            query: query
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            is_authorized: true,
        };
        let answer = clerk.0.shared.world().answer(path, &call);
        answer.map_err(|refusal| refusal.status)
    }

    fn emails(users: &Value) -> Vec<&str> {
        let users = users.as_array().into_iter().flatten();
        users
            .filter_map(|user| user["email_addresses"][0]["email_address"].as_str())
            .collect()
    }

    #[tokio::test]
    async fn lists_are_paged_newest_first_unless_asked_otherwise() {
        let clerk = FakeClerk::start().await.expect("a port");
        let ids: Vec<String> = (0..12)
            .map(|number| clerk.sign_up(&format!("{number}@a.example"), "A", "B"))
            .collect();
        let newest = ask(&clerk, "users", &[]).expect("a page");
        assert_eq!(emails(&newest).len(), DEFAULT_LIMIT);
        assert_eq!(emails(&newest)[0], "11@a.example");
        let oldest = ask(
            &clerk,
            "users",
            &[("order_by", "+created_at"), ("limit", "2"), ("offset", "1")],
        );
        assert_eq!(emails(&oldest.expect("a page")), ["1@a.example", "2@a.example"]);
        for odd in [
            ("limit", "0"),
            ("limit", "501"),
            ("offset", "-1"),
            ("order_by", " created_at"),
        ] {
            assert_eq!(
                ask(&clerk, "users", &[odd]),
                Err(StatusCode::UNPROCESSABLE_ENTITY),
                "{odd:?}"
            );
        }

        let acme = clerk.create_organization("Acme", "acme", &ids[0]);
        clerk.add_member(&acme, &ids[1], "org:member");
        assert_eq!(
            ask(&clerk, "organizations", &[]).expect("a page")["total_count"],
            1
        );
        let memberships = format!("organizations/{acme}/memberships");
        let one = ask(&clerk, &memberships, &[("user_id", ids[1].as_str())]).expect("a page");
        assert_eq!(
            (&one["total_count"], &one["data"][0]["role"]),
            (&json!(1), &json!("org:member"))
        );
        assert_eq!(
            ask(&clerk, &memberships, &[("limit", "1")]).expect("a page")["total_count"],
            2
        );

        clerk.delete_organization(&acme);
        for gone in [
            memberships.as_str(),
            "organizations/org_1",
            "users/user_1",
            "sessions",
        ] {
            assert_eq!(ask(&clerk, gone, &[]), Err(StatusCode::NOT_FOUND), "{gone}");
        }
    }

    #[tokio::test]
    async fn trouble_comes_in_its_order_and_calls_are_remembered() {
        use tower::ServiceExt as _;
        let clerk = FakeClerk::start().await.expect("a port");
        let send = async |key: &str| {
            let request = axum::extract::Request::get("/v1/users?limit=1")
                .header("Authorization", format!("Bearer {key}"));
            let request = request.body(axum::body::Body::empty()).expect("a request");
            let response = router(clerk.0.shared.clone())
                .oneshot(request)
                .await
                .expect("an answer");
            (
                response.status().as_u16(),
                response.headers().get("retry-after").cloned(),
            )
        };
        assert_eq!(send(SECRET_KEY).await.0, 200);
        assert_eq!(send("sk_test_wrong").await.0, 401);
        clerk.trouble(
            "/v1/users",
            1,
            &Trouble::RateLimited(std::time::Duration::from_secs(7)),
        );
        clerk.trouble("*", 1, &Trouble::Status(502));
        assert_eq!(send(SECRET_KEY).await, (429, Some("7".parse().expect("a value"))));
        assert_eq!(send(SECRET_KEY).await.0, 502);
        assert_eq!(send(SECRET_KEY).await.0, 200);
        clerk.until_called("/v1/users", 5).await;
        let calls = clerk.calls();
        assert_eq!(calls.iter().filter(|call| call.is_authorized).count(), 4);
        assert_eq!(calls[0].field("limit"), Some("1"));
    }
}
