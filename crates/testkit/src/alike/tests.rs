//! What has to be the same, and what may differ.

use super::*;

const NOW: i64 = 1_795_455_000_000;

#[test]
fn numbers_are_exact_unless_they_are_moments() {
    for (a, b, same) in [
        (1, 1, true),
        (1, 2, false),
        (i64::MAX, i64::MAX - 1, false),
        ((1 << 53) + 1, 1 << 53, false),
        (NOW, NOW + 59_999, true),
        (NOW, NOW + 60_000, false),
        (NOW, 0, false),
    ] {
        assert_eq!((a.alike(&b), b.alike(&a)), (same, same), "{a} and {b}");
    }
}

#[test]
fn bytes_are_exact_unless_they_tell_time() {
    let bytes = |text: &str| Bytes::from(text.to_owned());
    for (a, b, same) in [
        ("a", "a", true),
        ("a", "b", false),
        ("1", "01", false),
        ("1", "2", false),
        ("1795455000000", "1795455000007", true),
        ("1795455000000-0", "1795455000007-3", true),
        ("1795455000000-0", "5-3", false),
        ("1795455000000", "1795455000000-0", false),
    ] {
        assert_eq!(bytes(a).alike(&bytes(b)), same, "{a} and {b}");
    }
}

#[test]
fn lifetimes_may_have_begun_a_little_earlier() {
    let after = |seconds| Ttl::After(Duration::from_secs(seconds));
    assert!(after(3_600).alike(&after(3_590)));
    assert!(!after(3_600).alike(&after(3_500)));
    assert!(!after(0).alike(&Ttl::Missing));
    assert!(!after(3_600).alike(&Ttl::Never));
}

#[test]
fn maps_and_pages_have_no_order_but_lists_have_one() {
    let (a, b) = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
    let fields = |list: [&Bytes; 2]| Reply::Fields(list.map(|f| (f.clone(), f.clone())).to_vec());
    assert!(fields([&a, &b]).alike(&fields([&b, &a])));
    let items = |list: [&Bytes; 2]| Reply::Items(list.map(Clone::clone).to_vec());
    assert!(!items([&a, &b]).alike(&items([&b, &a])));
    assert!(!items([&a, &b]).alike(&Reply::Items(vec![a.clone()])));
    assert!(!items([&a, &b]).alike(&Reply::Skipped));
}
