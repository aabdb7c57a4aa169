//! From an error of the HTTP client to what a person would do about it.

use std::error::Error;
use std::io;
use std::io::ErrorKind;

use super::Patience;
use crate::endpoint::failure::Failure;
use crate::endpoint::failure::Kind;

/// Says why no answer began.
pub(super) fn failure(error: reqwest::Error, patience: &Patience) -> Failure {
    // The address may hold a password.
    let error = error.without_url();
    let causes = causes(&error);
    let innermost = causes.last().map(ToString::to_string).unwrap_or_default();
    if let Some(tls) = causes.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return Failure::new(Kind::Tls, tls.to_string());
    }
    if error.is_connect() {
        if error.is_timeout() {
            return Failure::new(Kind::ConnectTimeout, format!("none within {:?}", patience.connect));
        }
        // hyper-util's connector names the step that failed; there is no type to ask. Whoever hangs up in the middle
        // of a handshake does not speak TLS.
        if causes.iter().any(|cause| cause.to_string().starts_with("tls handshake")) {
            return Failure::new(Kind::Tls, innermost);
        }
        if causes.iter().any(|cause| cause.to_string().starts_with("dns error")) {
            return Failure::new(Kind::Dns, innermost);
        }
        let kind = causes.iter().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        return match kind {
            Some(ErrorKind::ConnectionRefused) => Failure::new(Kind::Refused, ""),
            Some(ErrorKind::TimedOut) => Failure::new(Kind::ConnectTimeout, innermost),
            _ => Failure::new(Kind::Unreachable, innermost),
        };
    }
    Failure::new(Kind::Closed, innermost)
}

/// The error and what is behind it, outside first. An I/O error names the cause of what it wraps, not what it wraps.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let behind = |error: &&'a (dyn Error + 'static)| -> Option<&'a (dyn Error + 'static)> {
        let error: &'a (dyn Error + 'static) = *error;
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    };
    // No chain of causes is that long.
    std::iter::successors(Some(error), behind).take(32).collect()
}
