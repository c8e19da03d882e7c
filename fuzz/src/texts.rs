//! What has a form outside of any seal: physical keys, ids of log entries, keys of an operator, cursors.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use roomkey_core::{
    Batch, Cursor, Error, Key, Kind, Life, LogId, Namespace, Op, Partition, Reply, Scan, Store as _,
};
use roomkey_crypto::SecretKey;
use roomkey_tokens::Handle;

use crate::input::Input;
use crate::world::{World, ready, run};

/// Any bytes, read as one of these.
///
/// - What is read as a physical key is what [`Key::new`] writes; a handle has one text.
/// - What is read as the id of a log entry, or as an operator's key, is written as something that reads back the same.
/// - A cursor that the store did not write is [`Error::CursorLost`] or a place in what it walks over.
pub fn texts(data: &[u8]) {
    let mut input = Input::new(data);
    let read = input.choose(FORMS);
    read(input);
}

const FORMS: &[fn(Input<'_>)] = &[key, log_id, secret, cursor, handle];

fn key(input: Input<'_>) {
    let bytes = Bytes::copy_from_slice(input.rest());
    let Ok(key) = Key::parse(Kind::Value, bytes.clone()) else { return };
    let text = str::from_utf8(&bytes).expect("a key is text");
    let (front, rest) = text.split_once('{').expect("there is a partition");
    let (slot, tag) = rest.split_once('}').expect("there is a tag");
    let parts: Vec<&str> = front.split(':').collect();
    let [app, layout, namespace, ""] = parts[..] else { panic!("{front:?} is no namespace") };
    let namespace = Namespace::new(app, layout, namespace).expect("a key is in a namespace");
    let partition = Partition::from_tag(slot).expect("a key is in a partition");
    let tag = URL_SAFE_NO_PAD.decode(tag).expect("a tag is base64url");
    let written = written(&namespace, partition, &tag);
    assert_eq!(written, key);
}

/// The key of a tag of any length that a tag may have.
fn written(namespace: &Namespace, partition: Partition, tag: &[u8]) -> Key {
    fn of<const N: usize>(namespace: &Namespace, partition: Partition, tag: &[u8]) -> Key {
        let tag: [u8; N] = tag.try_into().expect("its length was looked at");
        Key::new(Kind::Value, namespace, partition, tag)
    }
    let of = match tag.len() {
        9 => of::<9>,
        10 => of::<10>,
        11 => of::<11>,
        12 => of::<12>,
        13 => of::<13>,
        14 => of::<14>,
        15 => of::<15>,
        16 => of::<16>,
        bytes => panic!("a tag has 9 to 16 bytes, not {bytes}"),
    };
    of(namespace, partition, tag)
}

fn log_id(input: Input<'_>) {
    let Ok(text) = str::from_utf8(input.rest()) else { return };
    let Ok(id) = text.parse::<LogId>() else { return };
    assert_eq!(id.to_string().parse(), Ok(id));
}

fn secret(input: Input<'_>) {
    let Ok(text) = str::from_utf8(input.rest()) else { return };
    let Ok(key) = SecretKey::from_base64(text) else { return };
    let written = key.to_base64();
    let again = SecretKey::from_base64(&written).expect("what was written can be read");
    assert_eq!(again.to_base64(), written);
    assert!(!format!("{key:?}").contains(written.as_str()));
}

fn handle(input: Input<'_>) {
    let Ok(text) = str::from_utf8(input.rest()) else { return };
    let Ok(handle) = text.parse::<Handle>() else { return };
    assert_eq!(handle.to_string(), text);
}

/// A cursor of the store's own, some of it replaced, for a walk over a map and for one over all keys.
fn cursor(mut input: Input<'_>) {
    let world = World::new();
    let map = world.key(Kind::Map);
    let fields: Vec<Bytes> = (0..8).map(|field| Bytes::from(vec![field; 16])).collect();
    run(&world.store, Op::map_put(&map, fields, Bytes::from_static(b"value"), Life::Never));
    world.put(&world.key_of("other", Kind::Value), "value");
    let all = || Scan::new(world.space().namespace().clone()).count(1).expect("one is no bad count");
    let own = if input.flag() {
        let Reply::Page(page) = run(&world.store, Op::walk(&map, None, 1)) else {
            panic!("no page of a map")
        };
        page.next
    } else {
        ready(world.store.scan(all())).expect("a walk begins").next
    };
    let own = own.expect("there is more than one");
    let mut bytes = own.as_bytes()[..own.as_bytes().len().min(input.byte().into())].to_vec();
    bytes.extend_from_slice(input.rest());
    let cursor = Cursor::from_bytes(bytes.into());

    let batch = Batch::one(Op::walk(&map, Some(cursor.clone()), 1)).expect("the op is small");
    match ready(world.store.run(batch)).expect("the store is open").remove(0) {
        Ok(Reply::Page(_)) | Err(Error::CursorLost) => {}
        other => panic!("neither a page nor a lost cursor: {other:?}"),
    }
    match ready(world.store.scan(all().after(cursor))) {
        Ok(_) | Err(Error::CursorLost) => {}
        Err(other) => panic!("neither a page nor a lost cursor: {other:?}"),
    }
}
