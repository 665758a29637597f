//! Real processes, small ones: shells that stay, fail, or say that they are misconfigured.

use std::path::PathBuf;

use axum::{Router, routing::get};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::net::TcpListener;

use super::*;
use crate::stack::{Layout, endpoints::Endpoints, process::Program};

struct Scene {
    layout: Layout,
    board: Arc<Board>,
    /// Answers 200.
    ready: String,
}

impl Scene {
    async fn new(name: &str) -> Scene {
        let root = std::env::temp_dir().join(format!("medtrace-keep-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let layout = Layout::new(&root);
        fs::create_dir_all(layout.logs()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ready = format!("http://{}/readyz", listener.local_addr().unwrap());
        let server = axum::serve(listener, Router::new().route("/readyz", get(|| async { "ready" })));
        tokio::spawn(server.into_future());
        let endpoints = Endpoints::default();
        Scene { board: Arc::new(Board::new(layout.endpoints(), endpoints)), layout, ready }
    }

    fn keep(&self, script: &str, ready: &str) -> Kept {
        let program = Program {
            path: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("WORD".into(), "told".into())],
            log: self.layout.log("shell"),
            ready: ready.to_owned(),
        };
        Kept::start("shell", Launch::Program(program), self.board.clone())
    }

    fn pid(&self) -> Option<u32> {
        self.board.endpoints().pids.get("shell").copied()
    }

    /// Another process id than this one.
    async fn other_pid(&self, before: Option<u32>) -> u32 {
        let changed = async {
            loop {
                match self.pid() {
                    Some(pid) if Some(pid) != before => return pid,
                    _ => sleep(Duration::from_millis(5)).await,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), changed).await.expect("the process is started again")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.layout.root());
    }
}

fn lives(pid: u32) -> bool {
    kill(Pid::from_raw(pid.cast_signed()), None).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_comes_back_and_the_file_names_the_new_one() {
    let scene = Scene::new("killed").await;
    let kept = scene.keep("exec sleep 1000", &scene.ready);
    kept.ready().await.unwrap();
    scene.board.publish().unwrap();
    let first = scene.other_pid(None).await;
    kill(Pid::from_raw(first.cast_signed()), Signal::SIGKILL).unwrap();
    let second = scene.other_pid(Some(first)).await;
    assert_eq!(Endpoints::read(&scene.layout.endpoints()).unwrap().pids["shell"], second);
    assert!(lives(second));

    kept.stop().await;
    assert!(!lives(second));
    assert_eq!(scene.pid(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misconfigured_process_is_not_started_again_and_its_log_is_shown() {
    let scene = Scene::new("misconfigured").await;
    let kept = scene.keep("echo $WORD to stdout; echo wrong value >&2; exit 78", "http://127.0.0.1:9/");
    let why = kept.ready().await.unwrap_err().to_string();
    assert!(why.starts_with("failed to start shell: exit status: 78; the end of "), "{why}");
    assert!(why.ends_with("told to stdout\nwrong value"), "{why}");
    assert_eq!(kept.failed().await, why);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_never_becomes_ready_is_given_up() {
    let scene = Scene::new("failing").await;
    let kept = scene.keep("echo try; exit 1", "http://127.0.0.1:9/");
    let why = kept.ready().await.unwrap_err().to_string();
    assert!(why.starts_with("failed to start shell: exit status: 1"), "{why}");
    assert_eq!(fs::read_to_string(scene.layout.log("shell")).unwrap(), "try\n".repeat(START_TRIES_MAX as usize));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_said() {
    let scene = Scene::new("missing").await;
    let program = Program {
        path: PathBuf::from("/no/such/program"),
        arguments: Vec::new(),
        environment: Vec::new(),
        log: scene.layout.log("shell"),
        ready: scene.ready.clone(),
    };
    let kept = Kept::start("shell", Launch::Program(program), scene.board.clone());
    let why = kept.ready().await.unwrap_err().to_string();
    assert!(why.starts_with("failed to start shell: failed to start /no/such/program"), "{why}");
}
