//! Webhooks over TLS: to whom a trusted authority vouches for under the name asked for, and to nobody else.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use medtrace_query::epcis::form::Spelling;
use medtrace_query::subscribe::address::{Guard, Lookup};
use medtrace_query::subscribe::feed::Delivery;
use medtrace_query::subscribe::record::{Controls, Progress, Subscription};
use medtrace_query::subscribe::send::Sender;
use medtrace_service::client::machine_tls;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A receiver that says 204 to all, its port, and what vouches for it.
async fn receiver(name: &str) -> (u16, ClientConfig) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(server.with_single_cert(vec![certificate.clone()], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            // Whoever does not trust it ends the handshake.
            let Ok(mut stream) = acceptor.accept(connection).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"{}") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    (port, client.with_root_certificates(roots).with_no_client_auth())
}

/// Every name is this machine.
fn guard(private: bool) -> Guard {
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) }));
    Guard::with(private, lookup)
}

async fn send(sender: &Sender, dest: String) -> Result<(), String> {
    let subscription = Subscription {
        id: "1".into(),
        query: "all".into(),
        party: "hospital".into(),
        token: None,
        dest,
        signature_token: None,
        spelling: Spelling::Sealed,
        controls: Controls { schedule: None, report_if_empty: false, initial_record_us: None },
        created_ms: 0,
        notified_ms: None,
        progress: Progress::default(),
        trouble: None,
    };
    let delivery = Delivery { id: "1".into(), body: b"{}".to_vec(), then: Progress::default() };
    sender.send(&subscription, &delivery, 0).await
}

#[tokio::test]
async fn a_receiver_is_who_it_should_be() {
    let (port, trusted) = receiver("receiver.example").await;
    let right = format!("https://receiver.example:{port}/hook");
    assert_eq!(send(&Sender::new(guard(true), trusted.clone()), right.clone()).await, Ok(()));
    let other = send(&Sender::new(guard(true), trusted.clone()), format!("https://other.example:{port}/hook")).await;
    assert!(other.as_ref().unwrap_err().contains("certificate not valid for name"), "{other:?}");
    let unknown = send(&Sender::new(guard(true), machine_tls().unwrap()), right.clone()).await;
    assert!(unknown.as_ref().unwrap_err().contains("UnknownIssuer"), "{unknown:?}");
    // What the name stands for is judged before the connection.
    let private = send(&Sender::new(guard(false), trusted), right).await;
    assert!(private.as_ref().unwrap_err().contains("127.0.0.1 is no public address"), "{private:?}");
}
