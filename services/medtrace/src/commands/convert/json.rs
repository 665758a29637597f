//! A JSON document written event by event.

use std::io::{BufRead, Write};

use medtrace_event::{Context, Fault, Json, Source, SourceEvent, document::DocumentKind, json::Object};

/// Writes the envelope as far as it is known, each event on a line, then what the envelope has behind its events.
pub fn write(
    mut source: Source<impl BufRead>,
    mut out: impl Write,
    spell: &dyn Fn(&SourceEvent) -> Json,
    tell: &mut dyn FnMut(&Fault),
) -> anyhow::Result<()> {
    let (kind, context) = (source.kind(), source.context().clone());
    let way = way(kind);
    let before = objects(&source.header(), way);
    for (step, object) in way.iter().zip(&before) {
        out.write_all(b"{")?;
        for (name, value) in object.iter() {
            writeln!(out, "{}:{value},", Json::from(name))?;
        }
        write!(out, "\"{step}\":")?;
    }
    if kind != DocumentKind::Event {
        out.write_all(b"[")?;
    }
    let mut first = true;
    for event in &mut source {
        match event {
            Ok(event) => {
                let gap = match (kind, first) {
                    (DocumentKind::Event, _) => "",
                    (_, true) => "\n",
                    (_, false) => ",\n",
                };
                first = false;
                out.write_all(gap.as_bytes())?;
                out.write_all(&with_context(spell(&event), &event.entry().context, &context).to_jcs())?;
            }
            Err(faults) => faults.iter().for_each(&mut *tell),
        }
    }
    if kind != DocumentKind::Event {
        out.write_all(b"\n]")?;
    }
    for (before, object) in before.iter().zip(objects(&source.header(), way)).rev() {
        for (name, value) in object.iter().filter(|(name, _)| before.get(name).is_none()) {
            write!(out, ",\n{}:{value}", Json::from(name))?;
        }
        out.write_all(b"}")?;
    }
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// The members that lead to the events.
fn way(kind: DocumentKind) -> &'static [&'static str] {
    match kind {
        DocumentKind::Event => &[],
        DocumentKind::Capture => &["epcisBody", "eventList"],
        DocumentKind::Query => &["epcisBody", "queryResults", "resultsBody", "eventList"],
    }
}

/// The objects on that way, each without the member that leads on.
fn objects(header: &Json, way: &[&str]) -> Vec<Object> {
    let mut at = Some(header);
    let object = |step: &&str| {
        let mut object = at.and_then(Json::as_object).cloned().unwrap_or_default();
        object.remove(step);
        at = at.and_then(|at| at.get(step));
        object
    };
    way.iter().map(object).collect()
}

/// An event of XML says in its own `@context` what the document's does not.
fn with_context(mut json: Json, own: &Context, document: &Context) -> Json {
    if own != document
        && json.get("@context").is_none()
        && let (Some(object), Some(context)) = (json.as_object_mut(), own.to_json())
    {
        object.insert("@context", context);
    }
    json
}
