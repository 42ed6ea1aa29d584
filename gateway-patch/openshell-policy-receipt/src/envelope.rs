// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The envelope of a receipt: DSSE with one signature, in one form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key::Key;
use crate::members::Members;
use crate::refusal::{Refusal, quote};
use crate::time::Time;

/// The most bytes of an envelope.
pub const MAX_ENVELOPE: usize = 64 << 10;

pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

struct Envelope {
    payload: Vec<u8>,
    payload_type: String,
    key_id: String,
    signature: Vec<u8>,
}

/// Opens an envelope that one of the keys signed; returns the payload and the key.
pub(crate) fn open<'k>(
    text: &[u8],
    keys: &'k [Key],
    now: Time,
) -> Result<(Vec<u8>, &'k Key), Refusal> {
    if text.len() > MAX_ENVELOPE {
        let most = format!("it has more than {MAX_ENVELOPE} bytes");
        return Err(Refusal::signature(most));
    }
    let envelope = read(text).ok_or_else(|| {
        Refusal::signature("it is no DSSE envelope with one signature, in its one form")
    })?;
    let id = &envelope.key_id;
    let key = keys
        .iter()
        .find(|key| key.id() == *id)
        .ok_or_else(|| Refusal::signature(format!("no pinned key has the id {}", quote(id))))?;
    if !key.holds(now) {
        let outside = format!("the key {} is outside its window", quote(id));
        return Err(Refusal::signature(outside));
    }
    let signed = envelope.payload_type == PAYLOAD_TYPE
        && key
            .public
            .signed(&pre_authentication(&envelope.payload), &envelope.signature);
    if !signed {
        return Err(Refusal::signature("the signature does not verify"));
    }
    Ok((envelope.payload, key))
}

fn read(text: &[u8]) -> Option<Envelope> {
    let mut members = Members::canonical(text)?;
    let payload = STANDARD.decode(members.text("payload")?).ok()?;
    let payload_type = members.text("payloadType")?;
    let [signature] = <[_; 1]>::try_from(members.list("signatures")?).ok()?;
    members.end()?;
    let mut signature = Members::of(signature)?;
    let key_id = signature.text("keyid")?;
    let sig = STANDARD.decode(signature.text("sig")?).ok()?;
    signature.end()?;
    Some(Envelope {
        payload,
        payload_type,
        key_id,
        signature: sig,
    })
}

/// What DSSE signs.
fn pre_authentication(payload: &[u8]) -> Vec<u8> {
    let (kind, long) = (PAYLOAD_TYPE, PAYLOAD_TYPE.len());
    let mut out = format!("DSSEv1 {long} {kind} {} ", payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use openshell_policy_document::jcs;
    use ring::rand::SystemRandom;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use serde_json::{Value, json};

    use crate::key::PublicKey;

    /// A key, and an envelope that it signed over a payload of so many bytes.
    fn signed(bytes: usize) -> (Key, Value) {
        seal(&vec![b'x'; bytes])
    }

    /// A new key, and its envelope round a payload.
    pub(crate) fn seal(payload: &[u8]) -> (Key, Value) {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key");
        let key = Key {
            public: PublicKey::ed25519(pair.public_key().as_ref()).expect("a key"),
            driver: String::new(),
            not_before: None,
            not_after: None,
        };
        let signature = pair.sign(&pre_authentication(payload));
        let envelope = json!({"payload": STANDARD.encode(payload), "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": key.id(), "sig": STANDARD.encode(signature)}]});
        (key, envelope)
    }

    fn opens(key: &Key, envelope: &Value) -> bool {
        let text = jcs::to_text(envelope).expect("well formed");
        open(text.as_bytes(), std::slice::from_ref(key), Time(0)).is_ok()
    }

    #[test]
    fn one_form_and_one_limit() {
        let (key, envelope) = signed(9);
        assert!(opens(&key, &envelope));
        for at in ["", "/signatures/0"] {
            let mut more = envelope.clone();
            more.pointer_mut(at).expect("it is there")["note"] = json!("x");
            assert!(!opens(&key, &more), "another member at {at:?}");
        }
        let mut twice = envelope.clone();
        twice["signatures"] = json!([envelope["signatures"][0], envelope["signatures"][0]]);
        assert!(!opens(&key, &twice));
        for (bytes, want) in [(48_000, true), (50_000, false)] {
            let (key, envelope) = signed(bytes);
            assert_eq!(opens(&key, &envelope), want, "{bytes}");
        }
    }
}
