//! As much of HTTP as a test needs: one request, one answer, one connection.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::Failure;

const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Errors
    /// The status is not 200.
    pub fn ok(self) -> Result<String, Failure> {
        if self.status == 200 {
            Ok(self.body)
        } else {
            Err(Failure::new(format!(
                "status {}: {}",
                self.status,
                self.body.trim()
            )))
        }
    }
}

/// Sends `GET target`, which is a path with its query.
///
/// # Errors
/// No connection, or no answer within ten seconds.
pub fn get(server: SocketAddr, target: &str) -> Result<Answer, Failure> {
    exchange(
        server,
        &format!("GET {target} HTTP/1.0\r\nHost: {server}\r\n\r\n"),
        b"",
    )
}

/// Sends `POST target` with a body.
///
/// # Errors
/// As for [`get`].
pub fn post(
    server: SocketAddr,
    target: &str,
    content_type: &str,
    body: &str,
) -> Result<Answer, Failure> {
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.0\r\nHost: {server}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    exchange(server, &head, body.as_bytes())
}

/// HTTP/1.0: the server ends the answer by closing, and never sends it in chunks.
fn exchange(server: SocketAddr, head: &str, body: &[u8]) -> Result<Answer, Failure> {
    let io = |error| Failure::doing(format_args!("a request to {server}"))(error);
    let mut stream = TcpStream::connect_timeout(&server, TIMEOUT).map_err(io)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(io)?;
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body))
        .map_err(io)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(io)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| Failure::new(format!("{server} closed before it answered")))?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status =
        status.ok_or_else(|| Failure::new(format!("{server} answered with no status: {head}")))?;
    Ok(Answer {
        status,
        body: body.to_owned(),
    })
}
