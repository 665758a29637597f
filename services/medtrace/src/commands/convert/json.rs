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
    let (kind, header, context) = (source.kind(), source.header(), source.context().clone());
    let (before, after) = match kind {
        DocumentKind::Event => ("", ""),
        DocumentKind::Capture => ("\"epcisBody\":{\"eventList\":[", "\n]}"),
        DocumentKind::Query => {
            let before =
                "\"epcisBody\":{\"queryResults\":{\"queryName\":\"SimpleEventQuery\",\"resultsBody\":{\"eventList\":[";
            (before, "\n]}}}")
        }
    };
    if kind != DocumentKind::Event {
        out.write_all(b"{")?;
        members(&mut out, &header, &Object::new(), "", ",\n")?;
    }
    out.write_all(before.as_bytes())?;
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
    out.write_all(after.as_bytes())?;
    if kind != DocumentKind::Event {
        let written = header.as_object().cloned().unwrap_or_default();
        members(&mut out, &source.header(), &written, ",\n", "")?;
        out.write_all(b"}")?;
    }
    writeln!(out)?;
    out.flush()?;
    Ok(())
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

fn members(out: &mut impl Write, header: &Json, written: &Object, before: &str, after: &str) -> std::io::Result<()> {
    for (name, value) in header.as_object().into_iter().flat_map(Object::iter) {
        if written.get(name).is_none() && name != "epcisBody" {
            write!(out, "{before}{}:{value}{after}", Json::from(name))?;
        }
    }
    Ok(())
}
