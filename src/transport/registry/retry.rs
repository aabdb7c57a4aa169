//! When to try again, and how long to wait before.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::DATE;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderName;
use reqwest::header::RETRY_AFTER;

use crate::transport::registry::options::RegistryOptions;

/// Who asks for more patience than this is told no: the user should decide, not wait.
const LONGEST_ADVICE: Duration = Duration::from_secs(600);

/// The retries that one request has left.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    all: u32,
    left: u32,
    first: Duration,
    wait: Duration,
    longest: Duration,
}

impl Schedule {
    pub(super) fn new(options: &RegistryOptions) -> Self {
        Self {
            all: options.retries,
            left: options.retries,
            first: options.first_wait,
            wait: options.first_wait,
            longest: options.longest_wait,
        }
    }

    /// Uses up one retry: the time to wait before it, `None` when there is none left.
    pub(super) fn next(&mut self, advice: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let own = self.wait;
        self.wait = (self.wait * 2).min(self.longest);
        match advice {
            Some(advice) if advice > LONGEST_ADVICE => None,
            Some(advice) => Some(advice),
            None => Some(own),
        }
    }

    /// There was progress: what failed before does not count any more.
    pub(super) const fn progressed(&mut self) {
        self.left = self.all;
        self.wait = self.first;
    }
}

/// Whether the same request may fare better later. 499 and 52x are what proxies say when a cut was not theirs.
pub(super) fn worth_it(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 499 | 500 | 502..=504 | 520..=524)
}

/// Whether the server says that it is asked too much.
pub(super) fn is_too_much(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// What the server asks for: seconds, or a date (RFC 9110 §10.2.3). A date is measured against the server's own
/// `Date`, so a wrong clock on this side does no harm; without one it says nothing.
pub(super) fn advice(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |name: HeaderName| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let (then, now) = (date(RETRY_AFTER)?, date(DATE)?);
    Some(then.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    /// RFC 9110 §10.2.3 has both forms; ggcr #2301: both are met.
    #[test]
    fn t32_both_forms_of_retry_after_are_read() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        for (pairs, want) in [
            (vec![(RETRY_AFTER, "7")], Some(7)),
            (vec![(RETRY_AFTER, "Wed, 21 Oct 2015 07:28:05 GMT"), (DATE, date)], Some(5)),
            (vec![(RETRY_AFTER, "Wed, 21 Oct 2015 07:27:00 GMT"), (DATE, date)], Some(0)),
            (vec![(RETRY_AFTER, "Wed, 21 Oct 2015 07:28:05 GMT")], None),
            (vec![(RETRY_AFTER, "-1")], None),
            (vec![], None),
        ] {
            assert_eq!(advice(&headers(&pairs)), want.map(Duration::from_secs), "{pairs:?}");
        }
    }

    /// oras waits 3 s whatever it is told, others for ever.
    #[test]
    fn t33_retries_end() {
        let mut schedule = Schedule::new(&RegistryOptions {
            retries: 4,
            longest_wait: Duration::from_secs(1),
            ..RegistryOptions::default()
        });
        let waits = std::iter::from_fn(|| schedule.next(None)).map(|wait| wait.as_millis());
        assert_eq!(waits.collect::<Vec<_>>(), [500, 1000, 1000, 1000]);
        schedule.progressed();
        assert_eq!(schedule.next(Some(Duration::from_secs(9))), Some(Duration::from_secs(9)));
        assert_eq!(schedule.next(Some(Duration::from_secs(3600))), None);
    }
}
