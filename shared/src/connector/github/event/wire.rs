//! What GitHub writes in webhooks: only the fields that we use.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, de};

use crate::{
    clock::Timestamp,
    json::Text,
    task::{GitHubInstallation, GitHubRepository, GitHubRepositoryDetails, GitHubRepositoryName},
};

/// Where GitHub is for people, where an event does not tell.
const SITE: &str = "https://github.com";
/// What an address has at the most, in bytes. A longer one is left out: its beginning would be another one.
const MAX_URL: usize = 512;
/// What owner and name have at the most, in bytes: GitHub takes 39 and 100 characters.
const MAX_FULL_NAME: usize = 200;
/// How many permissions are taken along. GitHub has some sixty.
const MAX_PERMISSIONS: usize = 150;
/// The last second of the year 9999.
const LAST: i64 = 253_402_300_799;

/// A number that GitHub gave to something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id(pub(super) i64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            id @ 1.. => Ok(Self(id)),
            _ => Err(de::Error::custom("not a number of anything")),
        }
    }
}

/// A time: a text of RFC 3339, or seconds since 1970. Where GitHub writes which of them, it has changed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Moment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time")
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Moment, E> {
                (0..=LAST)
                    .contains(&seconds)
                    .then(|| Timestamp::from_timestamp(seconds, 0))
                    .flatten()
                    .map(Moment)
                    .ok_or_else(|| E::custom("not a time"))
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Moment, E> {
                self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
                chrono::DateTime::parse_from_rfc3339(text)
                    .ok()
                    .map(Timestamp::from)
                    .filter(|time| (0..=LAST).contains(&time.timestamp()))
                    .map(Moment)
                    .ok_or_else(|| E::custom("not a time"))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// The first line of a text, of which `N` characters at the most.
#[derive(Debug, Clone, Default)]
pub(super) struct Line<const N: usize>(pub(super) String);

/// A word of GitHub's own.
pub(super) type Word = Line<64>;

impl<const N: usize> Line<N> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const N: usize> Deserialize<'de> for Line<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?.clean();
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let first = text.trim().lines().next().unwrap_or_default();
        Ok(Self(first.chars().map(plain).take(N).collect()))
    }
}

/// The address of a page; nothing when it is none that we would show.
#[derive(Debug, Clone, Default)]
pub(super) struct Url(pub(super) Option<String>);

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<Text<'_>>::deserialize(deserializer)?;
        let is_page = |url: &&str| {
            (url.starts_with("https://") || url.starts_with("http://"))
                && url.len() <= MAX_URL
                && url.bytes().all(|b| b.is_ascii_graphic())
        };
        Ok(Self(text.as_deref().filter(is_page).map(str::to_owned)))
    }
}

/// Owner and name of a repository.
#[derive(Debug, Clone)]
pub(super) struct FullName(pub(super) String);

impl<'de> Deserialize<'de> for FullName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        match text.split_once('/') {
            Some((owner, name)) if is_name(owner) && is_name(name) && text.len() <= MAX_FULL_NAME => {
                Ok(Self(text.0.into_owned()))
            }
            _ => Err(de::Error::custom("not owner and name")),
        }
    }
}

/// What GitHub tells of something that may not be there.
#[derive(Debug, Default)]
enum Told<T> {
    /// It tells nothing: the field is absent.
    #[default]
    Nothing,
    /// It is there, or it is not: then the field is null.
    Of(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Told<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Of)
    }
}

/// Which installation an event is of.
#[derive(Debug, Deserialize)]
pub(super) struct InstallationId {
    pub(super) id: Id,
}

/// An installation, where an event is about it.
#[derive(Debug, Deserialize)]
pub(super) struct Installation {
    pub(super) id: Id,
    account: Account,
    #[serde(default)]
    permissions: BTreeMap<String, Word>,
    updated_at: Moment,
    suspended_at: Option<Moment>,
}

/// The account of an installation. That of an enterprise has no login and no type.
#[derive(Debug, Deserialize)]
struct Account {
    id: Id,
    login: Option<Line<100>>,
    slug: Option<Line<100>>,
    #[serde(rename = "type")]
    kind: Option<Word>,
    #[serde(default)]
    html_url: Url,
}

impl Installation {
    /// Where GitHub is for people: the beginning of the account's page.
    pub(super) fn site(&self) -> String {
        let url = self.account.html_url.0.as_deref().unwrap_or(SITE);
        let host = url.find("://").map_or(0, |at| at + 3);
        let end = url[host..].find('/').map_or(url.len(), |at| host + at);
        url[..end].to_owned()
    }
}

impl From<Installation> for GitHubInstallation {
    fn from(installation: Installation) -> Self {
        let Account { id, login, slug, kind, .. } = installation.account;
        let is_name = |name: &String| {
            (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        let is_level = |level: &Word| matches!(level.as_str(), "read" | "write" | "admin");
        Self {
            account_id: id.0,
            account_login: login.or(slug).unwrap_or_default().0,
            account_type: kind.map_or_else(|| "Enterprise".to_owned(), |kind| kind.0),
            is_suspended: installation.suspended_at.is_some(),
            permissions: installation
                .permissions
                .into_iter()
                .filter(|(name, level)| is_name(name) && is_level(level))
                .map(|(name, level)| (name, level.0))
                .take(MAX_PERMISSIONS)
                .collect(),
            at: installation.updated_at.0,
        }
    }
}

/// A repository in a list.
#[derive(Debug, Deserialize)]
pub(super) struct ListedRepository {
    id: Id,
    full_name: FullName,
    private: bool,
}

impl From<ListedRepository> for GitHubRepositoryName {
    fn from(repository: ListedRepository) -> Self {
        Self {
            id: repository.id.0,
            full_name: repository.full_name.0,
            is_private: repository.private,
        }
    }
}

/// A repository, where an event is about it.
#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub(super) id: Id,
    full_name: FullName,
    private: bool,
    html_url: Url,
    owner: Owner,
    #[serde(default)]
    default_branch: Told<Line<255>>,
    #[serde(default)]
    description: Told<Line<500>>,
    #[serde(default)]
    language: Told<Line<100>>,
    created_at: Option<Moment>,
    pub(super) updated_at: Moment,
    pushed_at: Option<Moment>,
}

#[derive(Debug, Deserialize)]
struct Owner {
    id: Id,
}

impl From<Repository> for GitHubRepository {
    fn from(repository: Repository) -> Self {
        let FullName(full_name) = repository.full_name;
        let name = full_name.split_once('/').map_or("", |(_, name)| name).to_owned();
        let details = match (repository.default_branch, repository.description, repository.language) {
            (Told::Of(default_branch), Told::Of(description), Told::Of(language)) => Some(GitHubRepositoryDetails {
                default_branch: default_branch.map(|line| line.0),
                description: description.map(|line| line.0),
                language: language.map(|line| line.0),
                created_at: repository.created_at.map(|moment| moment.0),
                pushed_at: repository.pushed_at.map(|moment| moment.0),
            }),
            _ => None,
        };
        Self {
            id: repository.id.0,
            owner_id: repository.owner.id.0,
            name,
            url: repository
                .html_url
                .0
                .unwrap_or_else(|| format!("{SITE}/{full_name}")),
            full_name,
            is_private: repository.private,
            details,
            at: repository.updated_at.0,
        }
    }
}

/// The repository that something happened in.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) id: Id,
    pub(super) full_name: FullName,
    #[serde(default)]
    pub(super) html_url: Url,
    pub(super) pushed_at: Option<Moment>,
}

/// Who did something.
#[derive(Debug, Deserialize)]
pub(super) struct Actor {
    pub(super) login: Line<100>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read<T: for<'a> Deserialize<'a>>(text: &str) -> Option<T> {
        json::read(text.as_bytes()).ok()
    }

    #[test]
    fn a_time_may_be_a_number_or_a_text_and_nothing_else() {
        for same in [
            "1619663570",
            r#""2021-04-29T02:32:50Z""#,
            r#""2021-04-28T22:32:50.000-04:00""#,
        ] {
            let moment: Moment = read(same).expect("a time");
            assert_eq!(moment.0.timestamp(), 1_619_663_570, "{same}");
        }
        for other in [
            "-1",
            "1e9",
            "1619663570.5",
            "9223372036854775807",
            "18446744073709551615",
            "true",
            "[]",
            r#""""#,
            r#""today""#,
            r#""1619663570""#,
            r#""2021-04-29""#,
            r#""0000-01-01T00:00:00Z""#,
        ] {
            assert!(read::<Moment>(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_line_is_the_first_one_and_cut_at_a_character() {
        let line: Line<4> = read(r#"" a\t\u0000🐢bcd""#).expect("a text");
        assert_eq!(line.0, "a \u{FFFD}🐢");
        let line: Line<40> = read(r#""\nsubject\r\n\nand the rest""#).expect("a text");
        assert_eq!(line.0, "subject");
    }

    #[test]
    fn only_the_address_of_a_page_is_taken() {
        for good in ["https://github.com/a/b", "http://ghes.example/a"] {
            let url: Url = read(&format!("{good:?}")).expect("a text");
            assert_eq!(url.0.as_deref(), Some(good));
        }
        let long = format!("https://{}", "a".repeat(MAX_URL));
        for odd in ["javascript:alert(1)", "github.com", "https://a b", "https://é", "", &long] {
            let url: Url = read(&format!("{odd:?}")).expect("a text");
            assert_eq!(url.0, None, "{odd}");
        }
    }

    #[test]
    fn owner_and_name_are_what_github_lets_them_be() {
        for good in ["a/b", "octo-org/.github", "a_corp/x.y-Z_0"] {
            assert!(read::<FullName>(&format!("{good:?}")).is_some(), "{good}");
        }
        let long = format!("a/{}", "b".repeat(MAX_FULL_NAME));
        for odd in ["", "a", "/", "a/", "/b", "a/b/c", "a b/c", "é/b", "a/b\n", &long] {
            assert!(read::<FullName>(&format!("{odd:?}")).is_none(), "{odd}");
        }
    }

    #[test]
    fn what_is_not_told_is_not_the_same_as_what_is_not_there() {
        let repository = |more: &str| {
            let text = format!(
                r#"{{"id":1,"full_name":"a/b","private":true,"html_url":"https://github.com/a/b","owner":{{"id":2}},
                    "updated_at":1619663570,"default_branch":"main","language":null{more}}}"#
            );
            GitHubRepository::from(read::<Repository>(&text).expect("a repository"))
        };
        assert_eq!(repository("").details, None, "the description is not told");
        let details = repository(r#","description":null"#).details.expect("all is told");
        assert_eq!(
            (details.default_branch.as_deref(), details.description, details.language),
            (Some("main"), None, None)
        );
    }

    #[test]
    fn a_number_is_positive_and_whole() {
        assert!(read::<Id>("9007199254740993").is_some());
        for odd in ["0", "-1", "1.0", r#""1""#, "null", "9223372036854775808"] {
            assert!(read::<Id>(odd).is_none(), "{odd}");
        }
    }
}
