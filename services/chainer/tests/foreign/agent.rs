//! An ssh-agent with one key, as small as one can be: litewitness has its signatures made by one.
//!
//! ```text
//! message    length u32 BE ‖ type u8 ‖ rest        string    length u32 BE ‖ bytes
//! 11 which keys?   → 12 count u32 ‖ (key string ‖ comment string)…
//! 13 sign: key string ‖ data string ‖ flags u32   → 14 string of (algorithm string ‖ signature string)
//! anything else    → 5 failure
//! ```

use std::path::Path;

use medtrace_ledger::SigningKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

const ALGORITHM: &[u8] = b"ssh-ed25519";
const MESSAGE_BYTES_MAX: u32 = 256 << 10;

/// Serves at a socket until it is aborted.
pub fn serve(socket: &Path, key: SigningKey) -> JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, key.clone()));
        }
    })
}

async fn answer(mut stream: UnixStream, key: SigningKey) {
    // Ends when the other side does.
    while let Ok(length) = stream.read_u32().await {
        assert!(length <= MESSAGE_BYTES_MAX);
        let mut message = vec![0; length as usize];
        stream.read_exact(&mut message).await.unwrap();
        let public = [string(ALGORITHM), string(key.public().as_bytes())].concat();
        let reply = match message.split_first() {
            Some((11, _)) => [&[12][..], &1u32.to_be_bytes(), &string(&public), &string(b"")].concat(),
            Some((13, rest)) => {
                let (of, rest) = take(rest);
                assert_eq!(of, public);
                let signature = [string(ALGORITHM), string(&key.sign(take(rest).0).unwrap())].concat();
                [&[14][..], &string(&signature)].concat()
            }
            _ => vec![5],
        };
        stream.write_all(&string(&reply)).await.unwrap();
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn take(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk().unwrap();
    rest.split_at(u32::from_be_bytes(*length) as usize)
}
