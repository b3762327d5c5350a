//! The statements of `shared/queries`, as the generator reads them, for stories about all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// One statement of `shared/queries`.
pub(crate) struct Statement {
    /// Its file and its name there, such as `messages.history`.
    pub(crate) name: String,
    /// Its text, with parameters as `:name`.
    pub(crate) sql: String,
    /// Results that are marked as possibly NULL.
    pub(crate) nullable: BTreeSet<String>,
}

/// All statements, as the generator reads them.
pub(crate) fn statements() -> Vec<Statement> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/queries");
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let aggregate = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .expect("a name")
                .to_owned();
            all.extend(parse(
                &aggregate,
                &fs::read_to_string(path).expect("it can be read"),
            ));
        }
    }
    assert!(all.len() > 20, "only {} statements were found", all.len());
    all
}

fn parse(aggregate: &str, text: &str) -> Vec<Statement> {
    let mut rows: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut statements: Vec<Statement> = Vec::new();
    for line in text.lines() {
        if let Some(row) = line.strip_prefix("--:") {
            rows.insert(row.split('(').next().unwrap_or_default().trim(), marked(row));
        } else if let Some(head) = line.strip_prefix("--!") {
            let (name, result) = head.split_once(" : ").unwrap_or((head, ""));
            let name = name.split('(').next().unwrap_or_default().trim();
            let row = result.split('(').next().unwrap_or_default().trim();
            statements.push(Statement {
                name: format!("{aggregate}.{name}"),
                sql: String::new(),
                nullable: rows.get(row).cloned().unwrap_or_else(|| marked(result)),
            });
        } else if !line.starts_with("--")
            && let Some(statement) = statements.last_mut()
        {
            statement.sql.push_str(line);
            statement.sql.push('\n');
        }
    }
    statements
}

/// The names with a question mark, of a list in parentheses.
fn marked(list: &str) -> BTreeSet<String> {
    let list = list.split_once('(').map_or("", |(_, list)| list);
    list.trim_end_matches(')')
        .split(',')
        .filter_map(|name| name.trim().strip_suffix('?'))
        .map(str::to_owned)
        .collect()
}

/// The statement with `$1`, `$2` … in the place of `:name`, as Postgres wants it.
pub(crate) fn numbered(sql: &str) -> String {
    let names = parameters(sql);
    with_parameters(sql, |name| {
        let position = names.iter().position(|known| *known == name);
        format!("${}", position.map_or(0, |position| position + 1))
    })
}

/// The names of the parameters, in the order in which they first appear.
pub(crate) fn parameters(sql: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (_, name) in pieces(sql) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The statement with something in the place of each `:name`.
pub(crate) fn with_parameters(sql: &str, replacement: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    for (text, name) in pieces(sql) {
        out.push_str(text);
        if !name.is_empty() {
            out.push_str(&replacement(name));
        }
    }
    out
}

/// Texts, each with the name of the parameter that follows it; blank at the end.
fn pieces(sql: &str) -> Vec<(&str, &str)> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(found) = sql[at..].find(':') {
        let colon = at + found;
        let rest = &sql[colon + 1..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end == 0 {
            // A cast, `::`.
            at = colon + 1 + usize::from(rest.starts_with(':'));
            continue;
        }
        pieces.push((&sql[start..colon], &rest[..end]));
        start = colon + 1 + end;
        at = start;
    }
    pieces.push((&sql[start..], ""));
    pieces
}

#[test]
fn parameters_are_numbered_in_the_order_in_which_they_first_appear() {
    assert_eq!(
        numbered("SELECT :b, :a::uuid[], :b, x::text"),
        "SELECT $1, $2::uuid[], $1, x::text"
    );
}
