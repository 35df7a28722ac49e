//! Whom an endpoint trusts, and who we are to it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::Error;

/// TLS settings of an `https` endpoint (specification: `protocol/exporter.md`, "Certificate File",
/// "Client key file", "Client certificate file").
///
/// By default the server must have a certificate from an authority that the operating system trusts.
/// `Debug` shows which parts are set and nothing of the key.
///
/// ```
/// use throughline_otlp::Tls;
///
/// # let issuer = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
/// # let (pem, key) = (issuer.cert.pem(), issuer.signing_key.serialize_pem());
/// # let temporary = tempfile::tempdir()?;
/// # let secrets = temporary.path();
/// # for (file, text) in [("ca.pem", &pem), ("client.pem", &pem), ("client.key", &key)] {
/// #     std::fs::write(secrets.join(file), text)?;
/// # }
/// let tls = Tls::default()
///     .with_ca_file(secrets.join("ca.pem"))?
///     .with_identity_files(secrets.join("client.pem"), secrets.join("client.key"))?;
/// assert_eq!(format!("{tls:?}"), r#"Tls { ca: "given", identity: true }"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    ca: Option<Arc<[u8]>>,
    identity: Option<Identity>,
}

#[derive(Clone)]
struct Identity {
    certificates: Arc<[u8]>,
    key: Arc<[u8]>,
}

const CA_EXPECTED: &str = "one certificate or more, in PEM";
const CERTIFICATE_EXPECTED: &str = "the client's certificate, then its chain, in PEM";
const KEY_EXPECTED: &str = "the private key of the client certificate, in PEM";

impl Tls {
    /// Trusts these authorities (PEM) and no others.
    ///
    /// ```
    /// use throughline_otlp::Tls;
    ///
    /// # let ca = rcgen::generate_simple_self_signed(["localhost".to_owned()])?.cert.pem();
    /// assert!(ca.starts_with("-----BEGIN CERTIFICATE-----"));
    /// let tls = Tls::default().with_ca(ca.as_bytes())?;
    ///
    /// let error = Tls::default().with_ca(b"not PEM").unwrap_err();
    /// assert_eq!(error.field(), "tls.ca");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where there is no certificate in it, or one that cannot be read.
    pub fn with_ca(self, pem: &[u8]) -> Result<Self, Error> {
        self.ca_from("(PEM)", pem)
    }

    /// Trusts the authorities in this file (PEM) and no others.
    ///
    /// # Errors
    /// Where the file cannot be read, and those of [`Tls::with_ca`].
    pub fn with_ca_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let pem = read("tls.ca", path, CA_EXPECTED)?;
        self.ca_from(&path.display().to_string(), &pem)
    }

    /// Shows this certificate (with its chain) to a server that asks for one, and proves it with the key.
    ///
    /// ```
    /// use throughline_otlp::Tls;
    ///
    /// # let issued = || rcgen::generate_simple_self_signed(["client".to_owned()]);
    /// # let (client, other) = (issued()?, issued()?);
    /// # let certificate = client.cert.pem();
    /// # let (key, key_of_another) = (client.signing_key.serialize_pem(), other.signing_key.serialize_pem());
    /// let tls = Tls::default().with_identity(certificate.as_bytes(), key.as_bytes())?;
    ///
    /// let error = Tls::default().with_identity(certificate.as_bytes(), key_of_another.as_bytes());
    /// assert_eq!(error.unwrap_err().field(), "tls.client_key");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where there is no certificate or no key in them, or the key is not the certificate's.
    pub fn with_identity(self, certificates: &[u8], key: &[u8]) -> Result<Self, Error> {
        self.identity_from(("(PEM)", certificates), ("(PEM)", key))
    }

    /// [`Tls::with_identity`] from two files.
    ///
    /// # Errors
    /// Where a file cannot be read, and those of [`Tls::with_identity`].
    pub fn with_identity_files(
        self,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let (certificates, key) = (certificates.as_ref(), key.as_ref());
        let certificates_pem = read("tls.client_certificate", certificates, CERTIFICATE_EXPECTED)?;
        let key_pem = read("tls.client_key", key, KEY_EXPECTED)?;
        self.identity_from(
            (&certificates.display().to_string(), &certificates_pem),
            (&key.display().to_string(), &key_pem),
        )
    }

    fn ca_from(mut self, name: &str, pem: &[u8]) -> Result<Self, Error> {
        let refuse = || Error::new("tls.ca", name, CA_EXPECTED);
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem).map_err(|error| refuse().because(error))? {
            roots
                .add(certificate)
                .map_err(|error| refuse().because(error))?;
        }
        if roots.is_empty() {
            return Err(refuse());
        }
        self.ca = Some(pem.into());
        Ok(self)
    }

    fn identity_from(
        mut self,
        (certificate_name, certificate_pem): (&str, &[u8]),
        (key_name, key_pem): (&str, &[u8]),
    ) -> Result<Self, Error> {
        let refuse_certificate = || {
            Error::new(
                "tls.client_certificate",
                certificate_name,
                CERTIFICATE_EXPECTED,
            )
        };
        let chain =
            certificates(certificate_pem).map_err(|error| refuse_certificate().because(error))?;
        if chain.is_empty() {
            return Err(refuse_certificate());
        }
        let refuse_key = || Error::new("tls.client_key", key_name, KEY_EXPECTED);
        let key =
            PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| refuse_key().because(error))?;
        // Built and thrown away: rustls checks here that the key belongs to the certificate.
        builder()
            .and_then(|builder| {
                builder
                    .with_root_certificates(RootCertStore::empty())
                    .with_client_auth_cert(chain, key)
            })
            .map_err(|error| refuse_key().because(error))?;
        self.identity = Some(Identity {
            certificates: certificate_pem.into(),
            key: key_pem.into(),
        });
        Ok(self)
    }

    /// For the HTTP client.
    pub(crate) fn rustls(&self) -> Result<ClientConfig, Error> {
        let builder = builder()
            .map_err(|error| Error::new("tls", "ring", "a crypto provider").because(error))?;
        let builder = match &self.ca {
            Some(pem) => {
                let refuse = || Error::new("tls.ca", "(PEM)", CA_EXPECTED);
                let mut roots = RootCertStore::empty();
                let authorities = certificates(pem).map_err(|error| refuse().because(error))?;
                roots.add_parsable_certificates(authorities);
                builder.with_root_certificates(roots)
            }
            None => builder.with_native_roots().map_err(|error| {
                let expected = "authorities that the operating system trusts, or a CA file";
                Error::new("tls.ca", "(the system's)", expected).because(error)
            })?,
        };
        let Some(identity) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        let refuse = || Error::new("tls.client_key", "(PEM)", KEY_EXPECTED);
        let chain =
            certificates(&identity.certificates).map_err(|error| refuse().because(error))?;
        let key = PrivateKeyDer::from_pem_slice(&identity.key)
            .map_err(|error| refuse().because(error))?;
        builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| refuse().because(error))
    }

    /// For an HTTP client that meets no `https`.
    pub(crate) fn without_roots() -> Result<ClientConfig, Error> {
        Ok(builder()
            .map_err(|error| Error::new("tls", "ring", "a crypto provider").because(error))?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth())
    }

    /// For the gRPC channel. `domain` is the name that the server's certificate must have.
    pub(crate) fn tonic(&self, domain: &str) -> tonic::transport::ClientTlsConfig {
        use tonic::transport::{Certificate, ClientTlsConfig, Identity};
        let config = ClientTlsConfig::new().domain_name(domain);
        let config = match &self.ca {
            Some(pem) => config.ca_certificate(Certificate::from_pem(pem)),
            None => config.with_native_roots(),
        };
        match &self.identity {
            Some(identity) => {
                config.identity(Identity::from_pem(&identity.certificates, &identity.key))
            }
            None => config,
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ca = if self.ca.is_some() { "given" } else { "system" };
        f.debug_struct("Tls")
            .field("ca", &ca)
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

/// With ring named here, whatever another crate of the process made the default, or nobody did.
fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}

fn read(field: &'static str, path: &Path, expected: &'static str) -> Result<Vec<u8>, Error> {
    std::fs::read(path)
        .map_err(|error| Error::new(field, path.display().to_string(), expected).because(error))
}
