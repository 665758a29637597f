//! A request's arguments: from the query string, the headers, and the fields of a form.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use multer::{Constraints, Multipart, SizeLimit};

use super::STATEMENT_BYTES_MAX;
use crate::engine::{Parameters, Statement};
use crate::exception::{Code, Exception};

/// What a request asks for, apart from its body.
#[derive(Debug, Default)]
pub struct Arguments {
    /// Statement or its beginning; ends in a line break if there is any.
    pub query: Vec<u8>,
    pub parameters: Parameters,
    pub settings: BTreeMap<String, String>,
    pub database: String,
    /// Output format unless the statement names one.
    pub default_format: String,
    pub query_id: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
    /// The answer goes out in ClickHouse's compressed blocks.
    pub compress: bool,
    /// The body comes in ClickHouse's compressed blocks.
    pub decompress: bool,
    /// The whole answer is gathered before its status is sent.
    pub wait_end_of_query: bool,
}

const FORMAT_DEFAULT: &str = "TabSeparated";

impl Arguments {
    /// Reads query string and headers.
    pub fn of_url(parts: &Parts) -> Result<Self, Exception> {
        let header = |headers: &HeaderMap, name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let mut arguments = Self {
            database: header(&parts.headers, "x-clickhouse-database").unwrap_or_default(),
            default_format: header(&parts.headers, "x-clickhouse-format").unwrap_or_else(|| FORMAT_DEFAULT.to_owned()),
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            arguments.set(&name, value.into_owned())?;
        }
        Ok(arguments)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Exception> {
        match name {
            "query" => {
                self.query.extend_from_slice(value.as_bytes());
                self.query.push(b'\n');
            }
            "database" => self.database = value,
            "default_format" => self.default_format = value,
            "query_id" => self.query_id = Some(value).filter(|id| !id.is_empty()),
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "compress" => self.compress = is_true(&value),
            "decompress" => self.decompress = is_true(&value),
            "wait_end_of_query" => self.wait_end_of_query = is_true(&value),
            // They tune how a server buffers, times and words its answers.
            "quota_key" | "stacktrace" | "buffer_size" | "close_session" | "client_protocol_version" => {}
            "session_id" | "session_timeout" | "session_check" | "role" => {
                let message = format_args!("The embedded engine has no sessions and no roles (argument '{name}')");
                return Err(Exception::new(Code::SupportIsDisabled, message));
            }
            _ => match name.strip_prefix("param_") {
                Some(parameter) => drop(self.parameters.insert(parameter.to_owned(), value)),
                None => drop(self.settings.insert(name.to_owned(), value)),
            },
        }
        Ok(())
    }

    /// The boundary of a `multipart/form-data` body.
    pub fn form_boundary(&self, parts: &Parts) -> Option<String> {
        multer::parse_boundary(parts.headers.get(CONTENT_TYPE)?.to_str().ok()?).ok()
    }

    /// Reads the fields of a form as further arguments.
    pub async fn read_form(&mut self, boundary: String, body: Body) -> Result<(), Exception> {
        let limit = SizeLimit::new().whole_stream(STATEMENT_BYTES_MAX as u64);
        let constraints = Constraints::new().size_limit(limit);
        let mut form = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
        while let Some(field) = form.next_field().await.map_err(bad_form)? {
            if field.file_name().is_some() {
                return Err(Exception::new(Code::NotImplemented, "External tables are not supported"));
            }
            let name = field.name().unwrap_or_default().to_owned();
            let value = field.bytes().await.map_err(bad_form)?;
            match String::from_utf8(value.into()) {
                Ok(value) => self.set(&name, value)?,
                Err(error) if name == "query" => {
                    self.query.extend_from_slice(error.as_bytes());
                    self.query.push(b'\n');
                }
                Err(_) => {
                    return Err(Exception::new(Code::BadArguments, format_args!("The field '{name}' is not UTF-8")));
                }
            }
        }
        Ok(())
    }

    /// The statement with these arguments.
    pub fn statement(&self, text: Vec<u8>) -> Statement {
        Statement {
            text,
            format: self.default_format.clone(),
            parameters: self.parameters.clone(),
            settings: self.settings.clone(),
            database: self.database.clone(),
        }
    }
}

fn is_true(value: &str) -> bool {
    matches!(value, "1" | "true")
}

fn bad_form(error: multer::Error) -> Exception {
    match error {
        multer::Error::StreamSizeExceeded { limit } => {
            Exception::new(Code::QueryIsTooLarge, format_args!("The form has more than {limit} bytes"))
        }
        error => Exception::new(Code::BadArguments, format_args!("The form cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<Arguments, Exception> {
        let (parts, ()) = axum::http::Request::get(url).body(()).unwrap().into_parts();
        Arguments::of_url(&parts)
    }

    #[test]
    fn arguments_settings_and_parameters() {
        let arguments =
            of("/?query=SELECT+%7Ba%3AString%7D&param_a=x%27+y&max_threads=1&database=d&decompress=1").unwrap();
        assert_eq!(arguments.query, b"SELECT {a:String}\n");
        assert_eq!(arguments.parameters["a"], "x' y");
        assert_eq!(arguments.settings.into_iter().collect::<Vec<_>>(), [("max_threads".into(), "1".into())]);
        assert_eq!((arguments.database.as_str(), arguments.default_format.as_str()), ("d", "TabSeparated"));
        assert!(arguments.decompress && !arguments.compress);
    }

    #[test]
    fn sessions_are_refused() {
        assert_eq!(of("/?session_id=1").unwrap_err().code, 344);
    }

    #[tokio::test]
    async fn a_form_adds_fields() {
        let form = "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"param_x\"\r\n\r\n7\r\n--b--\r\n";
        let mut arguments = of("/").unwrap();
        arguments.read_form("b".into(), Body::from(form)).await.unwrap();
        assert_eq!((arguments.query.as_slice(), arguments.parameters["x"].as_str()), (&b"SELECT 1\n"[..], "7"));
        let file = "--b\r\nContent-Disposition: form-data; name=\"t\"; filename=\"t\"\r\n\r\n1\r\n--b--\r\n";
        assert_eq!(arguments.read_form("b".into(), Body::from(file)).await.unwrap_err().code, 48);
    }
}
