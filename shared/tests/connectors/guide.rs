//! What CONTRIBUTING.md says about adding a connector is what was done for [`super::connector::beacon`].

/// The section about connectors.
fn section() -> &'static str {
    let text = include_str!("../../../CONTRIBUTING.md");
    let begin = text.find("**… a connector.**").expect("the section is there");
    let rest = &text[begin..];
    let end = rest.find("\n**… ").unwrap_or(rest.len());
    &rest[..end]
}

/// The pieces of code in it.
fn pieces() -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece: Option<String> = None;
    for line in section().lines() {
        let line = line.strip_prefix("   ").unwrap_or(line);
        match (&mut piece, line.starts_with("```")) {
            (None, true) => piece = Some(String::new()),
            (Some(_), true) => pieces.extend(piece.take()),
            (Some(text), false) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, false) => {}
        }
    }
    pieces
}

#[test]
fn the_pieces_of_code_in_the_guide_are_those_of_the_connector_that_follows_it() {
    let files = [
        include_str!("connector/mod.rs"),
        include_str!("connector/beacon/mod.rs"),
        include_str!("connector/beacon/api.rs"),
        include_str!("connector/beacon/fake.rs"),
    ]
    .concat();
    let pieces = pieces();
    assert!(pieces.len() >= 4, "{} pieces were found", pieces.len());
    for piece in pieces {
        let indented = piece.trim_end().replace('\n', "\n    ");
        assert!(
            files.contains(piece.trim_end()) || files.contains(&indented),
            "the guide shows what the connector does not have:\n{piece}"
        );
    }
}
