//! What is posted here goes to the ingest service of the caller's party, so that a client needs one base URL.
//!
//! The caller is known by its token, its service by its party's roles. Bodies and answers are streamed, headers passed on
//! both ways but for those of one connection (RFC 9110 § 7.6.1). The ingest service checks the token again and judges
//! everything else; nothing is repeated here, for only the caller knows whether it may send again.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{LengthLimitError, Limited};
use medtrace_registry::Role;
use medtrace_service::{Kind, Problem};

use crate::app::App;
use crate::config::IngestUrls;
use crate::requests;

/// Longest body that is passed on, bytes. The services' own limits are lower for most.
pub const BODY_BYTES_MAX: usize = 8 << 20;
/// Longest EPCIS document, bytes (256 MiB): what an ingest service takes.
pub const CAPTURE_BYTES_MAX: usize = 256 << 20;
/// To reach a service, milliseconds.
const CONNECT_MS_MAX: u64 = 2_000;
/// For the whole exchange, milliseconds: longer than the log takes to say that it does not know.
const EXCHANGE_MS_MAX: u64 = 60_000;
/// The same for an EPCIS document, milliseconds: longer than an ingest service lets it arrive and takes to read it.
const CAPTURE_MS_MAX: u64 = 3_900_000;
/// Where EPCIS documents go.
const CAPTURE: &str = "/capture";
/// Where notices go whose party has no service of its own (the authority, services themselves).
const NOTICES: &str = "/v1/notices";

/// Headers of one connection.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// An ingest service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Manufacturer,
    Distributor,
    Hospital,
}

/// The way to the ingest services. Cheap to clone.
#[derive(Clone)]
pub struct Forward {
    client: reqwest::Client,
    urls: IngestUrls,
}

impl Service {
    /// Where a party with these roles posts; the first of several, in this order. A regulator is served by each.
    pub fn of(roles: &[Role]) -> Option<Service> {
        let has = |wanted: &[Role]| roles.iter().any(|role| wanted.contains(role));
        if has(&[Role::Manufacturer, Role::Regulator]) {
            Some(Service::Manufacturer)
        } else if has(&[Role::Distributor, Role::Carrier, Role::Logistics]) {
            Some(Service::Distributor)
        } else {
            has(&[Role::Hospital]).then_some(Service::Hospital)
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Service::Manufacturer => "manufacturer",
            Service::Distributor => "distributor",
            Service::Hospital => "hospital",
        }
    }
}

impl Forward {
    pub fn open(urls: IngestUrls) -> reqwest::Result<Forward> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Forward { client, urls })
    }

    fn url(&self, service: Service) -> &str {
        let url = match service {
            Service::Manufacturer => &self.urls.manufacturer,
            Service::Distributor => &self.urls.distributor,
            Service::Hospital => &self.urls.hospital,
        };
        url.trim_end_matches('/')
    }

    async fn send(&self, service: Service, request: Request) -> Result<Response, Problem> {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let declared = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let (bytes_max, ms_max) = limits(&head.method, head.uri.path());
        if declared.is_some_and(|length: usize| length > bytes_max) {
            return Err(too_large(bytes_max));
        }
        let mut sent = self.client.request(head.method, format!("{}{path}", self.url(service)));
        sent = sent.headers(passed_on(&head.headers)).timeout(Duration::from_millis(ms_max));
        if declared != Some(0) && !axum::body::HttpBody::is_end_stream(&body) {
            let body = Body::new(Limited::new(body, bytes_max));
            sent = sent.body(reqwest::Body::wrap_stream(body.into_data_stream()));
        }
        let answer = sent.send().await.map_err(|error| failed(service, &error, bytes_max))?;
        let (status, headers) = (answer.status(), passed_on(answer.headers()));
        Ok((status, headers, Body::from_stream(answer.bytes_stream())).into_response())
    }
}

/// Passes a request of a known caller on.
pub async fn forward(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let party = app.callers.known(request.headers())?.party;
    let service = service_of(&app, &party, request.uri().path())?;
    app.forward.send(service, request).await
}

/// Passes on what needs no token: what a resource of the ingest services takes (`OPTIONS`), alike for all three.
pub async fn options(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    app.forward.send(Service::Manufacturer, request).await
}

fn service_of(app: &App, party: &str, path: &str) -> Result<Service, Problem> {
    match Service::of(&app.callers.roles(party)?) {
        Some(service) => Ok(service),
        None if path == NOTICES => Ok(Service::Manufacturer),
        None => {
            let detail = format!("{party} has no role that says anything of goods");
            Err(Kind::Forbidden.because(detail.clone()).at("", "wrong-service", detail))
        }
    }
}

/// Bytes of a body, and milliseconds of the exchange.
fn limits(method: &Method, path: &str) -> (usize, u64) {
    match method == Method::POST && path == CAPTURE {
        true => (CAPTURE_BYTES_MAX, CAPTURE_MS_MAX),
        false => (BODY_BYTES_MAX, EXCHANGE_MS_MAX),
    }
}

/// All headers but those of one connection, also those that `Connection` names.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    let stays = |name: &HeaderName| {
        HOP_BY_HOP.contains(name) || name.as_str() == "keep-alive" || named.iter().any(|other| other == name.as_str())
    };
    headers.iter().filter(|(name, _)| !stays(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn failed(service: Service, error: &reqwest::Error, bytes_max: usize) -> Problem {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let mut all: Vec<String> = vec![error.to_string()];
    for cause in causes {
        if cause.is::<LengthLimitError>() {
            return too_large(bytes_max);
        }
        all.push(cause.to_string());
    }
    requests::because(all.join(": "));
    let name = service.name();
    match error.is_connect() {
        true => Kind::Unavailable.because(format!("the {name} service is away; nothing was stored, send it again")),
        false => Kind::Unavailable
            .because(format!("the {name} service did not answer; the outcome is unknown, send the same again")),
    }
}

fn too_large(bytes_max: usize) -> Problem {
    Kind::CaptureLimitExceeded.because(format!("one request has at most {bytes_max} bytes; nothing was stored"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_posts_where_its_roles_belong() {
        use Role::{Authority, Carrier, Hospital, Manufacturer, Regulator};
        for (roles, service) in [
            (&[Manufacturer][..], Some(Service::Manufacturer)),
            (&[Regulator], Some(Service::Manufacturer)),
            (&[Hospital, Carrier], Some(Service::Distributor)),
            (&[Hospital], Some(Service::Hospital)),
            (&[Authority], None),
            (&[], None),
        ] {
            assert_eq!(Service::of(roles), service, "{roles:?}");
        }
    }

    #[test]
    fn headers_of_one_connection_stay() {
        let headers =
            [("connection", "close, X-Own"), ("x-own", "1"), ("te", "trailers"), ("gs1-epcis-version", "2.0.0")];
        let headers = headers.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
        let passed = passed_on(&HeaderMap::from_iter(headers));
        assert_eq!(
            passed.into_iter().map(|(name, _)| name.unwrap().to_string()).collect::<Vec<_>>(),
            ["gs1-epcis-version"]
        );
    }
}
