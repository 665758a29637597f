//! `/v1/live` as a client reads it: server-sent events (HTML Standard, section 9.2), as far as the service uses them.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::time::timeout;

use crate::{Client, wait::SOON_MS};

/// An open stream.
pub struct Live {
    answer: reqwest::Response,
    text: String,
}

/// One event of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub kind: String,
    pub id: Option<String>,
    pub data: Value,
}

impl Live {
    pub async fn open(query: &Client, last_event_id: Option<&str>) -> anyhow::Result<Live> {
        Ok(Live { answer: query.stream("/v1/live", last_event_id).await?, text: String::new() })
    }

    /// The next event that `wanted` accepts; those before it are dropped.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Said) -> bool) -> anyhow::Result<Said> {
        let found = async {
            loop {
                let said = self.next().await?;
                if wanted(&said) {
                    return anyhow::Ok(said);
                }
            }
        };
        timeout(Duration::from_millis(SOON_MS), found)
            .await
            .with_context(|| format!("waited for {what} on /v1/live"))?
    }

    async fn next(&mut self) -> anyhow::Result<Said> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let said = read(block)?;
                self.text = rest.to_owned();
                match said {
                    Some(said) => return Ok(said),
                    // A comment: the heartbeat.
                    None => continue,
                }
            }
            match self.answer.chunk().await? {
                Some(bytes) => self.text.push_str(std::str::from_utf8(&bytes)?),
                None => bail!("the stream ended"),
            }
        }
    }
}

fn read(block: &str) -> anyhow::Result<Option<Said>> {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let values: Vec<&str> = lines.map(|value| value.strip_prefix(' ').unwrap_or(value)).collect();
        (!values.is_empty()).then(|| values.join("\n"))
    };
    let Some(data) = field("data") else { return Ok(None) };
    let data = serde_json::from_str(&data).with_context(|| format!("no JSON in {block}"))?;
    Ok(Some(Said { kind: field("event").unwrap_or_else(|| "message".to_owned()), id: field("id"), data }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_passed_over_and_fields_are_read() {
        assert_eq!(read(": heartbeat").unwrap(), None);
        let said = read("id: 7\nevent: block\ndata: {\"height\":\ndata: 7}").unwrap().unwrap();
        assert_eq!((said.kind.as_str(), said.id.as_deref(), &said.data["height"]), ("block", Some("7"), &7.into()));
    }
}
