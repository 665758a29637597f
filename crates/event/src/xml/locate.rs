//! From a pointer into the JSON event to the XPath of what it speaks of.

use super::event::is_wrapper;
use super::names::Prefixes;
use super::tree::Element;

/// The XPath of what `pointer` names in the event `element`, which stands at `base`. What is missing is named where it
/// should stand.
pub(super) fn path(element: &Element, names: &Prefixes, base: &str, pointer: &str) -> String {
    let mut path = base.to_owned();
    let (mut up, mut at) = (None, element);
    for token in pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")) {
        if let Ok(index) = token.parse::<usize>() {
            // Of a list that is one element its items; else the element itself is repeated.
            let repeated = up.and_then(|(up, before): (&Element, usize)| {
                let item = up.children.iter().filter(|child| child.name == at.name).nth(index)?;
                (is_repeated(up, at) && !is_list(at)).then_some((item, up, before))
            });
            if let Some((item, up, before)) = repeated {
                path.truncate(before);
                path += &step(up, item);
                at = item;
            } else if let Some(item) = at.children.get(index) {
                up = Some((at, path.len()));
                path += &step(at, item);
                at = item;
            } else if index > 0 {
                return path;
            }
            continue;
        }
        if let Some(trail) = find(at, names, &token) {
            for pair in trail.windows(2) {
                up = Some((pair[0], path.len()));
                path += &step(pair[0], pair[1]);
                at = pair[1];
            }
        } else if at.attributes.iter().any(|(name, _)| names.member(name) == token.trim_start_matches('@')) {
            return format!("{path}/@{}", token.trim_start_matches('@'));
        } else if token == "type" && up.is_some() {
            return format!("{path}/@type");
        } else if at.name.local() != token && token != "type" && token != "#text" {
            return format!("{path}/{token}");
        }
    }
    path
}

/// `/name`, with its number if the parent has more than one of the name or is a list.
fn step(up: &Element, element: &Element) -> String {
    let name = &element.name.written;
    if !is_repeated(up, element) && !is_list(up) {
        return format!("/{name}");
    }
    let same = up.children.iter().filter(|child| child.name.written == *name);
    let number = same.take_while(|child| !std::ptr::eq(*child, element)).count() + 1;
    format!("/{name}[{number}]")
}

fn is_repeated(up: &Element, element: &Element) -> bool {
    up.children.iter().filter(|child| child.name == element.name).count() > 1
}

fn is_list(element: &Element) -> bool {
    let name = element.name.own();
    name.is_some_and(|name| name.ends_with("List") || matches!(name, "childEPCs" | "correctiveEventIDs"))
}

/// The way from `at` to its first child with that JSON name, through wrappers, `at` included.
fn find<'e>(at: &'e Element, names: &Prefixes, name: &str) -> Option<Vec<&'e Element>> {
    if let Some(child) = at.children.iter().find(|child| names.member(&child.name) == name) {
        return Some(vec![at, child]);
    }
    at.children.iter().filter(|child| is_wrapper(child)).find_map(|wrapper| {
        let mut trail = find(wrapper, names, name)?;
        trail.insert(0, at);
        Some(trail)
    })
}
