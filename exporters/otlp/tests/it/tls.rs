//! Encrypted connections, with authorities of our own.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use throughline_model::{Push, PushError};
use throughline_otlp::{Endpoint, LogExporter, MetricExporter, Protocol, Signal, Tls};
use throughline_testkit::otlp_sink::{OtlpSink, SinkTls};

use crate::support::{BOTH, endpoint, export_log, snapshot};

struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Certified {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn certify(&self, name: &str) -> Certified {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        Certified {
            certificate: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

async fn sink(authority: &Authority, client_ca: Option<String>) -> OtlpSink {
    let server = authority.certify("localhost");
    let tls = SinkTls {
        certificates: server.certificate,
        key: server.key,
        client_ca,
    };
    OtlpSink::start_tls(tls).await.unwrap()
}

fn exporter(protocol: Protocol, sink: &OtlpSink, tls: Tls) -> MetricExporter {
    let endpoint = endpoint(protocol, sink, Signal::Metrics).with_tls(tls);
    MetricExporter::new(endpoint).unwrap()
}

/// One that is not let in, and tries until its time is over.
fn stranger(protocol: Protocol, sink: &OtlpSink, tls: Tls) -> MetricExporter {
    let endpoint = endpoint(protocol, sink, Signal::Metrics)
        .with_timeout(Duration::from_secs(2))
        .with_tls(tls);
    MetricExporter::new(endpoint).unwrap()
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted() {
    let authority = Authority::new();
    let sink = sink(&authority, None).await;
    for protocol in BOTH {
        let tls = Tls::default().with_ca(authority.pem().as_bytes()).unwrap();
        let pushed = exporter(protocol, &sink, tls).push(&snapshot(1)).await;
        assert_eq!(pushed, Ok(()), "{protocol:?}");
    }
    assert_eq!(sink.metrics().len(), 2);
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_not_trusted() {
    let sink = sink(&Authority::new(), None).await;
    for protocol in BOTH {
        let ours = Authority::new().pem();
        let tls = Tls::default().with_ca(ours.as_bytes()).unwrap();
        let pushed = stranger(protocol, &sink, tls).push(&snapshot(1)).await;
        let Err(PushError::Unavailable { message, .. }) = pushed else {
            panic!("{protocol:?}: {pushed:?}");
        };
        assert!(message.contains("certificate"), "{protocol:?}: {message}");
    }
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let authority = Authority::new();
    let clients = Authority::new();
    let sink = sink(&authority, Some(clients.pem())).await;
    for protocol in BOTH {
        let trusting = || Tls::default().with_ca(authority.pem().as_bytes()).unwrap();
        let client = clients.certify("checkout");
        let known = trusting()
            .with_identity(client.certificate.as_bytes(), client.key.as_bytes())
            .unwrap();
        let pushed = exporter(protocol, &sink, known).push(&snapshot(1)).await;
        assert_eq!(pushed, Ok(()), "{protocol:?}");

        let pushed = stranger(protocol, &sink, trusting())
            .push(&snapshot(1))
            .await;
        assert!(pushed.is_err(), "{protocol:?}: a stranger was let in");
    }
    assert_eq!(sink.received().len(), 2);
}

#[tokio::test]
async fn logs_use_the_same_settings() {
    let authority = Authority::new();
    let clients = Authority::new();
    let sink = sink(&authority, Some(clients.pem())).await;
    for protocol in BOTH {
        let client = clients.certify("checkout");
        let tls = Tls::default()
            .with_ca(authority.pem().as_bytes())
            .unwrap()
            .with_identity(client.certificate.as_bytes(), client.key.as_bytes())
            .unwrap();
        let endpoint = endpoint(protocol, &sink, Signal::Logs).with_tls(tls);
        let exporter = LogExporter::new(endpoint).unwrap();
        export_log(&exporter, "paid").await.unwrap();
    }
    assert_eq!(sink.logs().len(), 2);
}

#[test]
fn files_are_read_and_their_names_stand_in_errors() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name| directory.path().join(name);
    let authority = Authority::new();
    let client = authority.certify("checkout");
    std::fs::write(path("ca.pem"), authority.pem()).unwrap();
    std::fs::write(path("client.pem"), &client.certificate).unwrap();
    std::fs::write(path("client.key"), &client.key).unwrap();
    std::fs::write(path("empty"), "").unwrap();

    let tls = Tls::default()
        .with_ca_file(path("ca.pem"))
        .unwrap()
        .with_identity_files(path("client.pem"), path("client.key"))
        .unwrap();
    let printed = format!("{tls:?}");
    assert_eq!(printed, "Tls { ca: \"given\", identity: true }");

    let cases = [
        ("tls.ca", Tls::default().with_ca_file(path("absent"))),
        ("tls.ca", Tls::default().with_ca_file(path("empty"))),
        ("tls.ca", Tls::default().with_ca_file(path("client.key"))),
        (
            "tls.client_certificate",
            Tls::default().with_identity_files(path("empty"), path("client.key")),
        ),
        (
            "tls.client_key",
            Tls::default().with_identity_files(path("client.pem"), path("empty")),
        ),
        (
            "tls.client_key",
            Tls::default().with_identity_files(path("client.pem"), path("absent")),
        ),
    ];
    for (field, result) in cases {
        let error = result.unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        let directory = directory.path().display().to_string();
        assert!(error.value().starts_with(&directory), "{error}");
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::new();
    let (one, other) = (authority.certify("one"), authority.certify("other"));
    let error = Tls::default()
        .with_identity(one.certificate.as_bytes(), other.key.as_bytes())
        .unwrap_err();
    assert_eq!(error.field(), "tls.client_key");
    assert!(!format!("{error} {error:?}").contains("PRIVATE"));
}

#[test]
fn an_ipv6_address_is_a_name_to_check() {
    for protocol in BOTH {
        let tls = Tls::default()
            .with_ca(Authority::new().pem().as_bytes())
            .unwrap();
        let endpoint = Endpoint::base(protocol, "https://[::1]:4317", Signal::Metrics).unwrap();
        MetricExporter::new(endpoint.with_tls(tls)).unwrap();
    }
}

#[test]
fn the_systems_authorities_are_the_default() {
    for protocol in BOTH {
        let endpoint = Endpoint::base(protocol, "https://localhost:1", Signal::Metrics).unwrap();
        // A machine without any is told so, by name.
        if let Err(error) = MetricExporter::new(endpoint) {
            assert!(error.field().starts_with("tls"), "{error}");
        }
    }
}
