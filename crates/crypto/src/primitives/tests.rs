//! The Wycheproof vectors, run through our wrappers.
//!
//! Each test asserts how many vectors it ran, so that a filter that lets none through cannot look green.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use wycheproof::TestResult;
use wycheproof::{aead, hkdf, mac, pbkdf2};

use super::*;

#[test]
fn aes_256_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for group in set.test_groups {
        // Other key, nonce and tag lengths cannot be written with our types.
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for test in group.tests {
            let key: [u8; KEY_LEN] = test.key[..].try_into().unwrap();
            let nonce: [u8; NONCE_LEN] = test.nonce[..].try_into().unwrap();
            let tag: [u8; TAG_LEN] = test.tag[..].try_into().unwrap();

            let mut sealed = test.pt.to_vec();
            let our_tag = encrypt_in_place(&key, &nonce, &test.aad, &mut sealed).unwrap();
            let mut buffer = test.ct.to_vec();
            let ok = decrypt_in_place(&key, &nonce, &test.aad, &mut buffer, &tag);
            match test.result {
                TestResult::Valid => {
                    assert_eq!((&sealed[..], our_tag), (&test.ct[..], tag), "seal {}", test.tc_id);
                    assert!(ok, "open {}", test.tc_id);
                    assert_eq!(buffer[..], test.pt[..], "plaintext {}", test.tc_id);
                    opened += 1;
                }
                TestResult::Invalid => {
                    assert!(!ok, "opened {}", test.tc_id);
                    assert_eq!(buffer[..], test.ct[..], "{} left something in the buffer", test.tc_id);
                    refused += 1;
                }
                TestResult::Acceptable => panic!("{}: AES-GCM has no acceptable vectors", test.tc_id),
            }
        }
    }
    eprintln!("AES-256-GCM: {opened} vectors opened, {refused} refused");
    assert_eq!((opened, refused), (39, 27));
}

#[test]
fn hkdf_sha256() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let (mut matched, mut refused) = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let prk = Prk::extract(&test.salt, &test.ikm);
        let mut okm = vec![0; test.size];
        // The info in two parts: their concatenation must count, and nothing else.
        let (front, back) = test.info.split_at(test.info.len() / 2);
        let result = prk.expand_into(&[front, back], &mut okm);
        match test.result {
            TestResult::Valid => {
                assert!(result.is_ok() && okm[..] == test.okm[..], "{}", test.tc_id);
                matched += 1;
            }
            TestResult::Invalid | TestResult::Acceptable => {
                assert!(result.is_err(), "{}", test.tc_id);
                refused += 1;
            }
        }
    }
    eprintln!("HKDF-SHA256: {matched} vectors matched, {refused} refused");
    assert_eq!((matched, refused), (83, 3));
}

#[test]
fn hmac_sha256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let (mut matched, mut differed) = (0, 0);
    for group in set.test_groups {
        for test in group.tests {
            let mut state = MacKey::new(&test.key).start();
            let (front, back) = test.msg.split_at(test.msg.len() / 2);
            state.absorb(front);
            state.absorb(back);
            let mac = state.finalize().into_bytes();
            let equal = mac[..group.tag_size / 8] == test.tag[..];
            assert_eq!(equal, !test.result.must_fail(), "{}", test.tc_id);
            if equal { matched += 1 } else { differed += 1 }
        }
    }
    eprintln!("HMAC-SHA256: {matched} vectors matched, {differed} differed as they must");
    assert_eq!((matched, differed), (66, 108));
}

#[test]
fn pbkdf2_hmac_sha256() {
    let set = pbkdf2::TestSet::load(pbkdf2::TestName::Pbkdf2HmacSha256).unwrap();
    let mut matched = 0;
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let mut key = vec![0; test.dk_len];
        stretch(&test.password, &test.salt, test.iteration_count.try_into().unwrap(), &mut key);
        assert_eq!(test.result, TestResult::Valid, "{}", test.tc_id);
        assert_eq!(key[..], test.dk[..], "{}", test.tc_id);
        matched += 1;
    }
    eprintln!("PBKDF2-HMAC-SHA256: {matched} vectors matched");
    assert_eq!(matched, 60);
}

#[test]
fn prefixed_parts_do_not_trade_bytes() {
    let hash = |parts: &[&str]| {
        let mut hash = Sha256::new();
        for part in parts {
            hash.absorb_prefixed(part.as_bytes());
        }
        hash.finalize()
    };
    assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
    assert_ne!(hash(&["ab"]), hash(&["ab", ""]));
    assert_ne!(hash(&[""]), hash(&[]));
}
