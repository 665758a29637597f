//! ClickHouse's HTTP protocol in front of the engine, on loopback, for one user with a password.
//!
//! | request | answer |
//! |---|---|
//! | `GET /ping`, `GET /` without a query | `Ok.` |
//! | `GET /?query=…` | reading statements only |
//! | `POST /?query=…` | the statement is the query, a line break, and the body; an insert's data follow it |
//! | `POST /` with `multipart/form-data` | the same arguments as fields: `query`, `param_*`, settings |
//!
//! Arguments: `query`, `param_NAME`, `database`, `default_format`, `compress`, `decompress`, `query_id`, `user`,
//! `password`, `wait_end_of_query`; every other one is a setting of the statement. Sources: the documentation page "HTTP
//! interface" and `src/Server/HTTPHandler.cpp`.

mod answer;
mod arguments;
mod body;
mod credentials;
mod encoding;
mod native;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use axum::serve::ListenerExt;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use self::answer::Outcome;
use self::arguments::Arguments;
use self::body::Source;
pub use self::credentials::Credentials;
use crate::engine::{
    Delivery, Engine, EngineConfig, EngineError, INPUT_PIECES_MAX, Input, Progress, Statement, WHOLE_ANSWER_BYTES_MAX,
};
use crate::exception::{Code, Exception};
use crate::statement::{Plan, plan};

/// Bytes of a statement, an insert's data not counted. (The engine itself reads 256 KiB unless `max_query_size` is set.)
pub const STATEMENT_BYTES_MAX: usize = 16 << 20;
/// Bytes of an insert gathered before it takes a connection, so that a small one takes it for its writing only.
pub const PREFETCH_BYTES: usize = 1 << 20;
/// Bytes of a refused request's body that are read and dropped, so that its sender gets to read the answer.
pub const DRAIN_BYTES_MAX: usize = 64 << 20;
/// How long running requests may go on after the shutdown has begun.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Everything that the embedded store is started with.
pub struct EndpointConfig {
    /// Path of `libchdb.so`.
    pub library: PathBuf,
    /// The engine's data folder.
    pub data: PathBuf,
    /// A bound listener on a loopback address.
    pub listener: TcpListener,
    /// The only user. Whoever has the password may do everything.
    pub credentials: Credentials,
    /// Statements at once.
    pub connections: usize,
}

/// Why the endpoint did not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("failed to serve on {0}: the endpoint is for loopback addresses only")]
    NotLoopback(SocketAddr),
    #[error("failed to serve requests")]
    Serve(#[source] io::Error),
}

/// Opens the engine, serves it until `shutdown`, and closes it. The process may end when this has returned.
pub async fn run(
    config: EndpointConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), EndpointError> {
    let EndpointConfig { library, data, listener, credentials, connections } = config;
    let opening = EngineConfig { library, data, connections };
    let engine =
        tokio::task::spawn_blocking(move || Engine::open(&opening)).await.unwrap_or(Err(EngineError::Connect))?;
    let served = serve(listener, engine.clone(), credentials, shutdown).await;
    engine.shutdown().await?;
    served
}

/// Serves an open engine until `shutdown`; the caller shuts the engine down afterwards.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    credentials: Credentials,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), EndpointError> {
    let address = listener.local_addr().map_err(EndpointError::Serve)?;
    if !address.ip().is_loopback() {
        return Err(EndpointError::NotLoopback(address));
    }
    tracing::info!(%address, version = engine.version(), "clickhouse listening");
    let endpoint = Arc::new(Endpoint { engine, credentials });
    let router = Router::new().route("/ping", get(async || "Ok.\n")).route("/", any(handle)).with_state(endpoint);
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "answers may be delayed");
        }
    });
    let (begin, begun) = oneshot::channel();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        let _ = begin.send(());
    });
    tokio::select! {
        served = server => served.map_err(EndpointError::Serve),
        () = async {
            // The sender lives as long as the server, which the other branch waits for.
            let _ = begun.await;
            tokio::time::sleep(SHUTDOWN_GRACE).await;
        } => Ok(()),
    }
}

struct Endpoint {
    engine: Engine,
    credentials: Credentials,
}

async fn handle(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answering = answer::Answering::new(&parts, endpoint.engine.version());
    let outcome = match Arguments::of_url(&parts) {
        Ok(arguments) => endpoint.run(arguments, &parts, body).await,
        Err(exception) => Err(exception),
    };
    match outcome {
        Ok((arguments, outcome)) => answering.succeed(&arguments, outcome).await,
        Err(exception) => answering.fail(&exception),
    }
}

impl Endpoint {
    async fn run(
        &self,
        mut arguments: Arguments,
        parts: &axum::http::request::Parts,
        body: Body,
    ) -> Result<(Arguments, Outcome), Exception> {
        self.credentials.check(&parts.headers, &arguments)?;
        let mut source = match arguments.form_boundary(parts) {
            Some(boundary) => {
                arguments.read_form(boundary, body).await?;
                Source::empty()
            }
            None => Source::new(body, arguments.decompress, &parts.headers)?,
        };
        let mut outcome = self.execute(&mut arguments, parts.method.is_safe(), &mut source).await;
        if outcome.is_err() {
            source.drain(DRAIN_BYTES_MAX).await;
        } else if arguments.wait_end_of_query {
            outcome = outcome?.gathered().await;
        }
        Ok((arguments, outcome?))
    }

    async fn execute(&self, arguments: &mut Arguments, safe: bool, source: &mut Source) -> Result<Outcome, Exception> {
        let mut text = std::mem::take(&mut arguments.query);
        let plan = loop {
            if text.len() > STATEMENT_BYTES_MAX {
                let message = format_args!("The statement has more than {STATEMENT_BYTES_MAX} bytes");
                return Err(Exception::new(Code::QueryIsTooLarge, message));
            }
            match plan(&text, &arguments.default_format, !source.ended())? {
                Some(plan) => break plan,
                None => text.extend_from_slice(&source.next().await?.unwrap_or_default()),
            }
        };
        if text.iter().all(u8::is_ascii_whitespace) && safe {
            return Ok(Outcome::Ok);
        }
        match plan {
            Plan::Query { reads: false, .. } | Plan::Insert { .. } if safe => Err(Exception::new(
                Code::Readonly,
                "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use \
                 method POST for modifying queries",
            )),
            Plan::Query { delivery, reads, format } => {
                if let Some(format) = format {
                    arguments.default_format = format;
                }
                let mut statement = arguments.statement(text);
                let delivery = if statement.settings.contains_key("extremes") { Delivery::Whole } else { delivery };
                if delivery == Delivery::Whole && reads {
                    limit_answer(&mut statement);
                }
                Ok(Outcome::Rows(self.engine.query(statement, delivery).await?))
            }
            Plan::Insert { statement_end, data_start, format } => {
                let mut text = Bytes::from(text);
                let data = text.split_off(data_start);
                text.truncate(statement_end);
                let statement = Statement { format, ..arguments.statement(text.into()) };
                Ok(Outcome::Written(self.insert(statement, data, source).await?))
            }
        }
    }

    /// Feeds the request's rows to the engine. They are committed only if the body ends as its framing says.
    async fn insert(&self, statement: Statement, head: Bytes, source: &mut Source) -> Result<Progress, Exception> {
        let mut held = head.len();
        let mut pieces = vec![head];
        while held < PREFETCH_BYTES
            && let Some(piece) = source.next().await?
        {
            held += piece.len();
            pieces.push(piece);
        }
        let (sender, input) = mpsc::channel(INPUT_PIECES_MAX);
        let feed = async move {
            for piece in pieces {
                if sender.send(Input::Rows(piece)).await.is_err() {
                    return Ok(());
                }
            }
            while let Some(piece) = source.next().await? {
                if sender.send(Input::Rows(piece)).await.is_err() {
                    return Ok(());
                }
            }
            // Nobody listening means that the engine has failed, and says so itself.
            let _ = sender.send(Input::End).await;
            Ok(())
        };
        let (fed, written) = tokio::join!(feed, self.engine.insert(statement, input));
        fed.and(written)
    }
}

/// An answer that comes in one piece is held in memory: bounded, unless the statement sets its own bound.
fn limit_answer(statement: &mut Statement) {
    let settings = &mut statement.settings;
    settings.entry("max_result_bytes".to_owned()).or_insert_with(|| WHOLE_ANSWER_BYTES_MAX.to_string());
}
