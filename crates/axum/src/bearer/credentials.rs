//! Where a request carries its token.

use http::{HeaderMap, Uri, header};

use super::Refusal;

/// The bearer token of a request.
///
/// A header of a scheme that is not `Bearer` counts as none: RFC 6750, section 3.1 wants a client that tried another
/// method to be told the right one, and no error.
pub(super) fn token<'r>(headers: &'r HeaderMap, uri: &Uri) -> Result<&'r str, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Refusal::NoCredentials)?;
    if values.next().is_some() {
        return Err(Refusal::InvalidRequest);
    }
    // Bytes and not text: those of another scheme may hold what is none, such as a name in Latin-1.
    let mut words = value.as_bytes().splitn(2, |byte| *byte == b' ');
    let (scheme, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !is_scheme(scheme) {
        return Err(Refusal::InvalidRequest);
    }
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Err(Refusal::NoCredentials);
    }
    match str::from_utf8(rest).map(|rest| rest.trim_start_matches(' ')) {
        Ok(token) if is_b64token(token) && !is_in_query(uri) => Ok(token),
        _ => Err(Refusal::InvalidRequest),
    }
}

/// A `token` of RFC 9110, section 5.6.2.
fn is_scheme(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// A `b64token` of RFC 6750, section 2.1.
fn is_b64token(text: &str) -> bool {
    let text = text.trim_end_matches('=');
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// Whether the URL carries a token besides, in the parameter of RFC 6750, section 2.3: a client must not use two
/// methods.
fn is_in_query(uri: &Uri) -> bool {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    parameters.any(|parameter| parameter.split('=').next() == Some("access_token"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn found(values: &[&[u8]], uri: &str) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        token(&headers, &uri.parse().unwrap()).map(str::to_owned)
    }

    #[test]
    fn a_token_stands_behind_its_scheme() {
        for value in ["Bearer aZ09-._~+/==", "bearer aZ09-._~+/==", "BEARER   aZ09-._~+/=="] {
            assert_eq!(found(&[value.as_bytes()], "/?a=access_token").unwrap(), "aZ09-._~+/==");
        }
    }

    #[test]
    fn another_scheme_is_no_credentials() {
        assert!(matches!(found(&[], "/"), Err(Refusal::NoCredentials)));
        assert!(matches!(found(&[], "/?access_token=x"), Err(Refusal::NoCredentials)));
        let values: [&[u8]; 7] = [
            b"Basic dTpw",
            b"Digest a=\"b\", c=\"d\"",
            // A name in Latin-1, as older clients send it.
            b"Digest username=\"J\xfcrgen\"",
            b"DPoP x",
            b"Negotiate",
            b"BearerX y",
            b"Bearer2",
        ];
        for value in values {
            assert!(matches!(found(&[value], "/"), Err(Refusal::NoCredentials)), "{value:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_token_is_malformed() {
        let values: [&[u8]; 17] = [
            b"",
            b" ",
            b" x",
            b"Bearer",
            b"Bearer ",
            b"Bearer   ",
            b"Bearer =",
            b"Bearer a=b",
            b"Bearer a b",
            b"Bearer a, Bearer b",
            b"Bearer \"a\"",
            b"Bearer\ta",
            b"Bearer \ta",
            b"Bearer a\xff",
            b"B\xe4sic x",
            b"Ba\"sic x",
            b"Bearer,a",
        ];
        for value in values {
            assert!(matches!(found(&[value], "/"), Err(Refusal::InvalidRequest)), "{value:?}");
        }
    }

    #[test]
    fn two_methods_are_malformed() {
        for values in [[&b"Bearer a"[..], b"Bearer a"], [b"Bearer a", b"Basic b"], [b"Basic a", b"Basic b"]] {
            assert!(matches!(found(&values, "/"), Err(Refusal::InvalidRequest)));
        }
        for uri in ["/?access_token=a", "/?x=1&access_token=b&y", "/?access_token"] {
            assert!(matches!(found(&[b"Bearer a"], uri), Err(Refusal::InvalidRequest)), "{uri}");
        }
    }
}
