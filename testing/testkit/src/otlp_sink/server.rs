//! Connections and requests.

use std::convert::Infallible;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::answer::{self, Body};
use super::{Fault, Received, Shared, SinkTls};

/// Accepts connections until it is aborted, which aborts them too.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            match tls {
                None => connection(stream, shared).await,
                // A handshake that fails is the client's to report.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, shared).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    shared: Arc<Shared>,
) {
    let drop = Arc::new(Notify::new());
    let to_drop = Arc::clone(&drop);
    let service = service_fn(move |request| {
        let (shared, to_drop) = (Arc::clone(&shared), Arc::clone(&to_drop));
        async move { Ok::<_, Infallible>(handle(request, &shared, &to_drop).await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = serving => {}
        () = drop.notified() => {}
    }
}

async fn handle(request: Request<Incoming>, shared: &Shared, drop: &Notify) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return answer::http(400, None);
    };
    let body = body.to_bytes();
    let content = |name: &str| head.headers.get(name).map(http::HeaderValue::as_bytes);
    let grpc = content("content-type").is_some_and(|kind| kind.starts_with(b"application/grpc"));
    let read = if grpc {
        unframe(body)
    } else {
        let compressed = content("content-encoding") == Some(b"gzip");
        plain(body, compressed).map(|message| (message, compressed))
    };
    let Ok((message, compressed)) = read else {
        return answer::http(400, None);
    };
    let path = head.uri.path().to_owned();
    if !["metrics", "trace", "logs"]
        .iter()
        .any(|signal| path.contains(signal))
    {
        return answer::http(404, None);
    }
    let fault = shared.arrived(Received {
        path: path.clone(),
        headers: head.headers,
        compressed,
        message,
        accepted: false,
    });
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Drop) => {
            drop.notify_one();
            std::future::pending().await
        }
        Some(Fault::Slow(wait)) => {
            tokio::time::sleep(wait).await;
            answer::to(grpc, None)
        }
        fault => answer::to(grpc, fault),
    }
}

/// gRPC's frame: one byte of flags (1 = compressed), four of length, the message.
fn unframe(mut body: Bytes) -> io::Result<(Bytes, bool)> {
    if body.len() < 5 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let compressed = body.get_u8() == 1;
    let length = body.get_u32() as usize;
    if body.len() != length {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok((plain(body, compressed)?, compressed))
}

fn plain(body: Bytes, compressed: bool) -> io::Result<Bytes> {
    if !compressed {
        return Ok(body);
    }
    let mut message = Vec::new();
    flate2::read::GzDecoder::new(body.reader()).read_to_end(&mut message)?;
    Ok(message.into())
}

/// Both protocols on one port: ALPN chooses between HTTP/2 and HTTP/1.1.
pub(super) fn acceptor(tls: &SinkTls) -> io::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(authority)? {
                roots.add(certificate).map_err(io::Error::other)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(io::Error::other)?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_slice(tls.key.as_bytes()).map_err(io::Error::other)?;
    let mut config = builder
        .with_single_cert(certificates(&tls.certificates)?, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(pem: &str) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(io::Error::other)
}
