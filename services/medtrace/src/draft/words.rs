//! A notice in words, for whoever is asked to sign it: nothing that it says is left out.

use medtrace_registry::{
    Notice,
    notice::{Delegation, Gap, Key, KeyAction, Party},
};

use super::makes_a_member;

/// Lines that say what the notice does. Parties, keys, delegations and gaps in sentences, the others as their members.
pub fn words(notice: &Notice) -> Vec<String> {
    match notice {
        Notice::Party(notice) => party(notice),
        Notice::Key(notice) => key(notice),
        Notice::Delegation(notice) => delegation(notice),
        Notice::Gap(notice) => gap(notice),
        other => {
            // The very bytes that are signed.
            let json = String::from_utf8_lossy(&other.to_jcs()).into_owned();
            vec![format!("{}, revision {}:", other.subject(), other.revision()), plain(&json)]
        }
    }
}

fn party(notice: &Party) -> Vec<String> {
    // All members by name: one that is added later must be put into words, too.
    let Party { party, revision, name, root_key, roles, glns, prefixes, regions, contact } = notice;
    let mut lines = vec![match revision {
        1 => format!("admit the party {party}"),
        _ => format!("change the party {party} (revision {revision}); from then on it is only what stands here"),
    }];
    if makes_a_member(roles) {
        lines.push("as a MEMBER OF THE AUTHORITY: it will sign who takes part".to_owned());
    }
    lines.push(format!("named {}", list([&name.zh_cn, &name.en].into_iter().flatten().map(|text| plain(text)))));
    lines.push(match roles.is_empty() {
        true => "with no role: it is suspended and may say nothing".to_owned(),
        false => format!("as {}", list(roles.iter().map(|role| role.as_str()))),
    });
    lines.push(format!("root key {root_key}; another one so far ends for good"));
    lines.push(some("its places (GLN)", list(glns)));
    lines.push(some("its prefixes", list(prefixes)));
    lines.push(some("its regions", list(regions)));
    let contact = contact
        .as_ref()
        .map(|contact| list([&contact.phone, &contact.email].into_iter().flatten().map(|text| plain(text))));
    lines.push(some("contact", contact.unwrap_or_default()));
    lines
}

fn key(notice: &Key) -> Vec<String> {
    let Key { party, revision, public_key, action } = notice;
    match action {
        KeyAction::Enrol { custody, roles } => {
            let roles = match roles.is_empty() {
                true => "all its roles".to_owned(),
                false => list(roles.iter().map(|role| role.as_str())),
            };
            vec![
                format!("let the key {public_key} speak for {party} (revision {revision})"),
                format!("in {roles}; the private key is {custody}"),
            ]
        }
        KeyAction::Revoke { since } => {
            let mut lines = vec![format!("end the key {public_key} of {party} for good (revision {revision})")];
            let since = since.map(|since| format!("what it signed from block {since} on is suspect"));
            lines.push(since.unwrap_or_else(|| "what it signed so far stays as it is".to_owned()));
            lines
        }
    }
}

fn delegation(notice: &Delegation) -> Vec<String> {
    let Delegation { from, to, revision, glns, steps } = notice;
    match steps.is_empty() {
        true => {
            vec![format!("{from} lends {to} nothing any more (revision {revision})"), some("places named", list(glns))]
        }
        false => vec![
            format!("{from} lets {to} act at its places (revision {revision})"),
            some("at", list(glns)),
            format!("steps: {}", list(steps.iter().map(|step| step.as_str()))),
        ],
    }
}

fn gap(notice: &Gap) -> Vec<String> {
    let Gap { topic, revision, lost, new, reason } = notice;
    vec![
        format!("go on with the topic {topic} after a LOSS (revision {revision})"),
        format!("lost: what stood under the id {lost}; what was sealed of it is in an archive or nowhere"),
        format!("from then on it is sealed under the id {new}, from its first record on"),
        format!("because: {}", list([&reason.zh_cn, &reason.en].into_iter().flatten().map(|text| plain(text)))),
    ]
}

/// A text from the notice on one line, with nothing in it that moves the cursor or turns the order of what is read.
fn plain(text: &str) -> String {
    let shown = |c: char| if matches!(c, '"' | '\'' | '\\') { vec![c] } else { c.escape_debug().collect() };
    text.chars().flat_map(shown).collect()
}

fn some(what: &str, list: String) -> String {
    format!("{what}: {}", if list.is_empty() { "none" } else { &list })
}

fn list(items: impl IntoIterator<Item = impl ToString>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
