//! Reading a policy and holding it to its rules.

use std::collections::BTreeSet;

use super::{
    FORMAT, GROUPS_MAX, Group, NONE, POLICY_BYTES_MAX, Policy, Threshold, URL_BYTES_MAX, WITNESSES_MAX, Witness,
};
use crate::names::KeyName;
use crate::note::VerifierKey;
use crate::text::{FormatError, Lines, decimal};
use crate::vkey::KeyUse;

pub(super) fn parse(text: &str) -> Result<Policy, FormatError> {
    let mut lines = Lines::headless(FORMAT, text, POLICY_BYTES_MAX)?;
    let log = lines.next_if("log ").ok_or_else(|| lines.error("the first line is log <vkey> [<url>]"))?;
    let (log, log_url) = key(log, KeyUse::Ed25519).map_err(|problem| lines.error(problem))?;
    let mut witnesses = Vec::new();
    while let Some(line) = lines.next_if("witness ") {
        if witnesses.len() == WITNESSES_MAX {
            return Err(lines.error("more than 7 witnesses"));
        }
        witnesses.push(witness(line).map_err(|problem| lines.error(problem))?);
    }
    let mut groups = Vec::new();
    while let Some(line) = lines.next_if("group ") {
        if groups.len() == GROUPS_MAX {
            return Err(lines.error("more than 16 groups"));
        }
        groups.push(group(line).map_err(|problem| lines.error(problem))?);
    }
    let quorum = lines.next_if("quorum ").ok_or_else(|| lines.error("witness, group or quorum must follow"))?;
    let quorum = match quorum {
        NONE => None,
        name => Some(name.parse().map_err(|e| lines.error(format!("quorum: {e}")))?),
    };
    lines.end()?;
    let policy = Policy { log, log_url, witnesses, groups, quorum };
    policy.check()?;
    match policy.text() == text {
        true => Ok(policy),
        false => Err(FormatError::whole(FORMAT, "not in its one spelling")),
    }
}

fn witness(line: &str) -> Result<Witness, String> {
    let (name, rest) = line.split_once(' ').ok_or("must be witness <name> <vkey> [<url>]")?;
    let name = name.parse().map_err(|e| format!("name: {e}"))?;
    let (key, url) = key(rest, KeyUse::Cosignature)?;
    Ok(Witness { name, key, url })
}

/// `<vkey> [<url>]`
fn key(text: &str, usage: KeyUse) -> Result<(VerifierKey, Option<String>), String> {
    let (vkey, url) = match text.split_once(' ') {
        Some((vkey, url)) => (vkey, Some(url.to_owned())),
        None => (text, None),
    };
    match VerifierKey::parse_vkey(vkey) {
        Ok((key, found)) if found == usage => Ok((key, url)),
        Ok(_) => Err("a log has an Ed25519 key (1), a witness a cosignature key (4)".into()),
        Err(fault) => Err(fault.problem),
    }
}

fn group(line: &str) -> Result<Group, String> {
    let mut words = line.split(' ');
    let (Some(name), Some(threshold)) = (words.next(), words.next()) else {
        return Err("must be group <name> <any|all|k> <member>…".into());
    };
    let threshold = match threshold {
        "any" => Threshold::Any,
        "all" => Threshold::All,
        count => Threshold::Count(decimal(count, MEMBERS_MAX).ok_or("the threshold is any, all or a number")? as usize),
    };
    let name = name.parse().map_err(|e| format!("name: {e}"))?;
    let members = words.map(str::parse).collect::<Result<Vec<KeyName>, _>>().map_err(|e| format!("member: {e}"))?;
    Ok(Group { name, threshold, members })
}

/// Each witness and group is a member once.
const MEMBERS_MAX: u64 = (WITNESSES_MAX + GROUPS_MAX) as u64;

pub(super) fn check(policy: &Policy) -> Result<(), FormatError> {
    let fault = |problem: &str| Err(FormatError::whole(FORMAT, problem));
    if policy.witnesses.len() > WITNESSES_MAX || policy.groups.len() > GROUPS_MAX {
        return fault("more than 7 witnesses or 16 groups");
    }
    let urls = policy.witnesses.iter().map(|witness| &witness.url).chain([&policy.log_url]);
    if !urls.flatten().all(|url| is_url(url)) {
        return fault("an address is http:// or https://, at most 256 printable ASCII characters");
    }
    if policy.keys().map(|key| key.public).collect::<BTreeSet<_>>().len() < policy.keys().count() {
        return fault("no public key may occur twice");
    }
    let (mut known, mut members) = (BTreeSet::new(), BTreeSet::new());
    if !policy.witnesses.iter().all(|witness| name_is_new(&mut known, &witness.name)) {
        return fault("no name may occur twice, or be none");
    }
    for group in &policy.groups {
        if !group.members.iter().all(|member| known.contains(member) && members.insert(member)) {
            return fault("a member is a witness or group above, and of one group only");
        }
        if group.members.is_empty() || !(1..=group.members.len()).contains(&group.needed()) {
            return fault("a group has members, and a threshold of 1 to their number");
        }
        if !name_is_new(&mut known, &group.name) {
            return fault("no name may occur twice, or be none");
        }
    }
    if policy.quorum.as_ref().is_some_and(|quorum| !known.contains(quorum)) {
        return fault("the quorum is none, or a witness or group above");
    }
    match policy.text().len() <= POLICY_BYTES_MAX {
        true => Ok(()),
        false => fault("more than 16 KiB"),
    }
}

fn name_is_new<'a>(known: &mut BTreeSet<&'a KeyName>, name: &'a KeyName) -> bool {
    name.as_str() != NONE && known.insert(name)
}

fn is_url(url: &str) -> bool {
    url.len() <= URL_BYTES_MAX
        && url.bytes().all(|c| c.is_ascii_graphic())
        && ["http://", "https://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}
