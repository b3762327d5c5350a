//! What people see.

use std::fmt::Write as _;

use super::{Channel, ChannelKind, Message, Team, is_in_thread};

/// A thread, or a whole channel with its threads.
pub(super) fn of(team: &Team, channel: &Channel, thread_ts: Option<&str>) -> String {
    let mut out = match channel.kind {
        ChannelKind::Public => format!("#{} · {}\n", channel.name, team.name),
        ChannelKind::Direct => format!("{} · {}\n", team.name_of(&channel.name), team.name),
    };
    let shown = channel.messages.iter().filter(|message| is_in_thread(message, thread_ts));
    for message in shown.clone().filter(|message| is_first(message, channel)) {
        write(&mut out, team, message, "");
        let replies = shown.clone().filter(|reply| reply.thread_ts.as_ref() == Some(&message.ts));
        for reply in replies {
            write(&mut out, team, reply, "    ");
        }
    }
    out
}

/// Whether a message stands at the top level; also a reply does whose first message the fake has not seen.
fn is_first(message: &Message, channel: &Channel) -> bool {
    let first = message.thread_ts.as_ref().filter(|thread| **thread != message.ts);
    first.is_none_or(|thread| channel.messages.iter().all(|message| message.ts != *thread))
}

fn write(out: &mut String, team: &Team, message: &Message, indent: &str) {
    let app = if message.bot_id.is_some() { " [app]" } else { "" };
    // Writing to a string does not fail.
    let _ = writeln!(out, "\n{indent}{}{app}", team.name_of(&message.user));
    for line in readable(team, message).lines() {
        let line = format!("{indent}  {line}");
        out.push_str(line.trim_end());
        out.push('\n');
    }
    for (name, users) in &message.reactions {
        let names: Vec<_> = users.iter().map(|user| team.name_of(user)).collect();
        let _ = writeln!(out, "{indent}  {} {}", emoji(name), names.join(", "));
    }
}

/// The text with mentions as names and without escapes.
fn readable(team: &Team, message: &Message) -> String {
    if let Some(markdown) = &message.markdown {
        return markdown.clone();
    }
    let mut text = message.text.clone();
    for (user, name) in &team.users {
        text = text.replace(&format!("<@{user}>"), &format!("@{name}"));
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn emoji(name: &str) -> String {
    match name {
        "eyes" => "👀".to_owned(),
        "white_check_mark" => "✅".to_owned(),
        "warning" => "⚠️".to_owned(),
        _ => format!(":{name}:"),
    }
}
