//! HTTP: an agent with timeouts, one GET, and classified errors.

use crate::download::RetryPolicy;
use crate::download::request::{FetchError, Validators};
use std::io::ErrorKind;
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body, Error, Timeout};

/// An agent for one download. Its `shutdown` interrupts its thread.
pub(crate) fn agent(retry: &RetryPolicy, url: &str) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("vmbuild/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(retry.connect))
        .timeout_connect(Some(retry.connect))
        .timeout_recv_response(Some(retry.stall))
        .timeout_per_read(Some(retry.stall))
        .timeout_per_write(Some(retry.stall));
    // A proxy cannot reach this machine's loopback addresses.
    if is_loopback(url) { config.proxy(None).build().new_agent() } else { config.build().new_agent() }
}

fn is_loopback(url: &str) -> bool {
    let host = url.parse::<ureq::http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    host.is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
}

/// Requests `url`, unless it still matches `known`; from byte `offset` on, if it still matches `partly`. The body is not
/// read yet.
pub(crate) fn get(
    agent: &Agent,
    url: &str,
    offset: u64,
    partly: &Validators,
    known: &Validators,
) -> Result<Response<Body>, Error> {
    let mut request = agent.get(url);
    if offset > 0 {
        request = request.header("Range", format!("bytes={offset}-"));
        if let Some(version) = partly.for_range() {
            request = request.header("If-Range", version);
        }
    }
    if let Some(etag) = &known.etag {
        request = request.header("If-None-Match", etag);
    }
    if let Some(date) = &known.last_modified {
        request = request.header("If-Modified-Since", date);
    }
    request.call()
}

/// The validators of an answer.
pub(crate) fn validators(headers: &HeaderMap) -> Validators {
    Validators { etag: header(headers, "etag"), last_modified: header(headers, "last-modified") }
}

/// True if a partial answer really begins at `offset`. Source: RFC 9110, section 14.4.
pub(crate) fn begins_at(headers: &HeaderMap, offset: u64) -> bool {
    header(headers, "content-range").is_some_and(|range| range.starts_with(&format!("bytes {offset}-")))
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// Classifies an error.
pub(crate) fn classify(error: Error, retry: &RetryPolicy) -> FetchError {
    match error {
        Error::HostNotFound => FetchError::Unreachable("host not found"),
        Error::ConnectionFailed => FetchError::Unreachable("no connection"),
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => FetchError::NoConnection(retry.connect.as_secs()),
        Error::Timeout(_) | Error::BodyStalled => {
            FetchError::Broken(format!("no data for {} s", retry.stall.as_secs_f64()))
        }
        Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => FetchError::Unreachable("connection refused"),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => FetchError::Unreachable("no route"),
            _ if is_unknown_host(&error) => FetchError::Unreachable("host not found"),
            ErrorKind::UnexpectedEof => FetchError::Broken("the connection ended too early".to_owned()),
            _ => FetchError::Broken(error.to_string()),
        },
        Error::Protocol(error) => FetchError::Broken(error.to_string()),
        error => FetchError::Permanent(error.to_string()),
    }
}

/// The standard library has no error kind for `getaddrinfo`'s errors, only this text.
fn is_unknown_host(error: &std::io::Error) -> bool {
    error.raw_os_error().is_none() && error.to_string().starts_with("failed to lookup address information")
}

#[cfg(test)]
mod tests {
    use super::{begins_at, is_loopback, is_unknown_host};
    use ureq::http::HeaderMap;

    fn check(range: &str, offset: u64, expect: bool) {
        let headers = HeaderMap::from_iter([("content-range".parse().expect("name"), range.parse().expect("value"))]);
        assert_eq!(begins_at(&headers, offset), expect, "{range} {offset}");
    }

    #[test]
    fn a_partial_answer_must_begin_where_asked() {
        check("bytes 100-199/200", 100, true);
        check("bytes 0-199/200", 100, false);
        check("bytes 1000-1999/2000", 100, false);
        check("items 100-199/200", 100, false);
        assert!(!begins_at(&HeaderMap::new(), 100));
    }

    #[test]
    fn an_unknown_host_is_told_from_a_broken_connection() {
        // Source: RFC 6761, section 6.4: names below `invalid` never exist.
        let error = std::net::ToSocketAddrs::to_socket_addrs("host.invalid:80").expect_err("no such host");
        assert!(is_unknown_host(&error), "{error}");
        assert!(!is_unknown_host(&std::io::ErrorKind::ConnectionReset.into()));
    }

    #[test]
    fn knows_this_machine() {
        assert!(is_loopback("http://127.0.0.1:8080/x") && is_loopback("http://localhost/x"));
        assert!(is_loopback("http://[::1]:80/x"));
        assert!(!is_loopback("https://www.example.org/127.0.0.1") && !is_loopback("not a url"));
    }
}
