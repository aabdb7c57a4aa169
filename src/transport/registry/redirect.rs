//! Where a registry may send a client: `Location` of redirects and uploads, `realm` of token servers.
//!
//! A registry names addresses that are then asked from inside the user's network. A public one that points at a
//! private address is refused (ggcr #2243, #2292, #2293: metadata services were read that way).

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderMap;
use reqwest::header::LOCATION;

use crate::transport::error::Error;

/// How many hops are followed.
pub(super) const HOPS: usize = 10;

/// How long a name may take to resolve. A name that does not resolve is somebody else's error to report.
const LOOKUP: Duration = Duration::from_secs(5);

/// The `Location` of an answer to a request of `from`; it may be relative, with a query (T38).
pub(super) fn location(from: &Url, headers: &HeaderMap) -> Option<Url> {
    from.join(headers.get(LOCATION)?.to_str().ok()?).ok()
}

/// Whether both have the same scheme, host and port: only then may both see the same `Authorization`.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin()
}

/// Refuses a hop to `to` that `registry` asked for.
///
/// # Errors
/// When it leads to a private address from a public one, from HTTPS to plain HTTP, or to no web server at all.
pub(super) async fn permit(registry: &Url, to: &Url) -> Result<(), Error> {
    let refuse = |problem: String| {
        Err(Error::Broken { place: registry.host_str().unwrap_or_default().to_owned(), problem })
    };
    if same_origin(registry, to) {
        return Ok(());
    }
    let host = to.host_str().unwrap_or_default();
    match to.scheme() {
        "https" => {}
        "http" if registry.scheme() == "http" || is_loopback(to) && is_private(registry).await => {}
        "http" => return refuse(format!("it leads from https to plain http at `{host}`")),
        scheme => return refuse(format!("it leads to a `{scheme}` address")),
    }
    if is_private(to).await && !is_private(registry).await {
        return refuse(format!("it leads to `{host}`, a private address"));
    }
    Ok(())
}

/// Whether the address is this machine by its very name. No name is looked up.
pub(super) fn is_loopback(url: &Url) -> bool {
    match literal(url) {
        Some(address) => address.is_loopback(),
        None => {
            let host = url.host_str().unwrap_or_default();
            host == "localhost" || host.ends_with(".localhost")
        }
    }
}

/// Whether the address, or any that its name resolves to, is not on the public Internet.
async fn is_private(url: &Url) -> bool {
    if is_loopback(url) {
        return true;
    }
    if let Some(address) = literal(url) {
        return private(address);
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    match tokio::time::timeout(LOOKUP, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(mut found)) => found.any(|address| private(address.ip())),
        Ok(Err(_)) | Err(_) => false,
    }
}

fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || shared
        }
        IpAddr::V6(v6) => match mapped(v6) {
            Some(address) => private(address),
            None => {
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local()
                    || v6.is_multicast()
            }
        },
    }
}

/// An IPv4 address inside an IPv6 one: mapped, or through NAT64.
fn mapped(v6: Ipv6Addr) -> Option<IpAddr> {
    if let Some(v4) = v6.to_ipv4_mapped() {
        return Some(v4.into());
    }
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = v6.segments() else {
        return None;
    };
    let bits = (u32::from(high) << 16) | u32::from(low);
    Some(IpAddr::V4(bits.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t37_private_addresses_are_known_in_every_spelling() {
        for (address, want) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("192.168.0.1", true),
            ("169.254.169.254", true),
            ("100.64.0.1", true),
            ("0.0.0.0", true),
            ("8.8.8.8", false),
            ("::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::ffff:169.254.169.254", true),
            ("64:ff9b::a9fe:a9fe", true),
            ("2606:4700::1111", false),
        ] {
            assert_eq!(private(address.parse().unwrap()), want, "{address}");
        }
    }

    #[test]
    fn t37_a_public_registry_cannot_send_us_inside() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (registry, to, allowed) in [
            ("https://8.8.8.8/v2/", "https://8.8.4.4/blob?sig=1", true),
            ("https://8.8.8.8/v2/", "https://169.254.169.254/latest/meta-data", false),
            ("https://8.8.8.8/v2/", "https://[::ffff:10.0.0.1]/x", false),
            ("https://8.8.8.8/v2/", "https://localhost/x", false),
            ("https://8.8.8.8/v2/", "http://8.8.4.4/x", false),
            ("https://8.8.8.8/v2/", "file:///etc/passwd", false),
            ("https://10.0.0.1/v2/", "https://10.0.0.2/x", true),
            ("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5001/x", true),
        ] {
            let (from, url) = (registry.parse().unwrap(), to.parse().unwrap());
            let result = runtime.block_on(permit(&from, &url));
            assert_eq!(result.is_ok(), allowed, "{registry} -> {to}: {result:?}");
        }
    }

    #[test]
    fn t38_relative_locations_resolve() {
        let from = "https://h:5/v2/a/blobs/uploads/".parse().unwrap();
        for (text, want) in [
            ("/v2/a/blobs/uploads/1?_state=x", "https://h:5/v2/a/blobs/uploads/1?_state=x"),
            ("1?b=2", "https://h:5/v2/a/blobs/uploads/1?b=2"),
            ("//other/x", "https://other/x"),
        ] {
            let headers = HeaderMap::from_iter([(LOCATION, text.parse().unwrap())]);
            assert_eq!(location(&from, &headers).unwrap().as_str(), want);
        }
    }
}
