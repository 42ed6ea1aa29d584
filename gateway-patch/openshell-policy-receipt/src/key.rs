// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Public keys: Ed25519, and ECDSA on P-256 with SHA-256 and signatures in ASN.1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};

use crate::time::Time;

/// The DER of a `SubjectPublicKeyInfo` up to the key itself.
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The y coordinates of the points of small order, little-endian: for such a key
/// anybody can sign something.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    with_ends(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    with_ends(0xec, 0xff, 0x7f),
];

const fn with_ends(low: u8, middle: u8, high: u8) -> [u8; 32] {
    let mut y = [middle; 32];
    y[0] = low;
    y[31] = high;
    y
}

/// Reports whether y, without its sign bit, is not below the prime: a second spelling.
fn above_prime(y: &[u8; 32]) -> bool {
    y[31] == 0x7f && y[1..31].iter().all(|b| *b == 0xff) && y[0] >= 0xed
}

/// A public key of one of the two kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    curve: Curve,
    raw: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    Ed25519,
    P256,
}

impl PublicKey {
    /// Reads exactly one PEM block of type PUBLIC KEY.
    pub fn from_pem(text: &str) -> Result<Self, &'static str> {
        const NO_PEM: &str = "not exactly one PEM block of type PUBLIC KEY";
        // White space in the text is nobody's, as in the driver's own reader.
        let space = [' ', '\t', '\r', '\n'];
        let body = text
            .trim()
            .strip_prefix("-----BEGIN PUBLIC KEY-----")
            .and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"))
            .filter(|body| body.trim_start_matches([' ', '\t', '\r']).starts_with('\n'))
            .filter(|body| body.ends_with('\n'))
            .ok_or(NO_PEM)?;
        let der = STANDARD
            .decode(body.replace(space, ""))
            .map_err(|_| NO_PEM)?;
        Self::from_spki(&der)
    }

    /// Reads the DER of a `SubjectPublicKeyInfo`, in its one encoding.
    pub fn from_spki(der: &[u8]) -> Result<Self, &'static str> {
        if let Some(raw) = der.strip_prefix(&ED25519_SPKI) {
            return Self::ed25519(raw);
        }
        match der.strip_prefix(&P256_SPKI) {
            Some(raw) if raw.len() == 65 && raw[0] == 4 => Ok(Self {
                curve: Curve::P256,
                raw: raw.to_vec(),
            }),
            _ => Err("neither an Ed25519 nor an ECDSA P-256 key"),
        }
    }

    /// The key of these 32 bytes.
    pub fn ed25519(raw: &[u8]) -> Result<Self, &'static str> {
        let mut y: [u8; 32] = raw
            .try_into()
            .map_err(|_| "not an Ed25519 key of 32 bytes")?;
        y[31] &= 0x7f;
        if SMALL_ORDER.contains(&y) || above_prime(&y) {
            return Err("an Ed25519 key of small order, or in a second spelling");
        }
        Ok(Self {
            curve: Curve::Ed25519,
            raw: raw.to_vec(),
        })
    }

    /// Reports whether the key is an Ed25519 one.
    pub fn is_ed25519(&self) -> bool {
        self.curve == Curve::Ed25519
    }

    /// The SHA-256 of the DER.
    pub fn sha256(&self) -> [u8; 32] {
        let prefix: &[u8] = match self.curve {
            Curve::Ed25519 => &ED25519_SPKI,
            Curve::P256 => &P256_SPKI,
        };
        sha256(&[prefix, &self.raw].concat())
    }

    /// Reports whether this is the key's signature over the message.
    pub fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match self.curve {
            Curve::Ed25519 => &ED25519,
            Curve::P256 => &ECDSA_P256_SHA256_ASN1,
        };
        UnparsedPublicKey::new(algorithm, &self.raw)
            .verify(message, signature)
            .is_ok()
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sum
}

/// A pinned receipt key of a driver.
#[derive(Debug, Clone)]
pub struct Key {
    /// The key.
    pub public: PublicKey,
    /// Whose it is; empty when the key alone says so.
    pub driver: String,
    /// Not before then; nothing: since ever.
    pub not_before: Option<Time>,
    /// Before then; nothing: for ever.
    pub not_after: Option<Time>,
}

impl Key {
    /// The base64 SHA-256 that envelopes name it by.
    pub fn id(&self) -> String {
        STANDARD.encode(self.public.sha256())
    }

    /// Reports whether the key's window holds at this instant.
    pub fn holds(&self, now: Time) -> bool {
        self.not_before.is_none_or(|t| now >= t) && self.not_after.is_none_or(|t| now < t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEy44I0gewNq/0nu6HDy88fwqzWsmO\nWYIEG/TPCcruB0M86X6rlToqlSDacDmmVN9/O7ZvYulQBO7aJsoB7LBRbA==\n-----END PUBLIC KEY-----\n";

    #[test]
    fn one_block_of_a_public_key() {
        assert!(PublicKey::from_pem(GOOD).is_ok());
        for text in [
            String::new(),
            GOOD.repeat(2),
            format!("{GOOD}x"),
            GOOD.replace("PUBLIC", "PRIVATE"),
            GOOD.replace("==", "="),
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(),
        ] {
            assert!(PublicKey::from_pem(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn small_order_is_no_key() {
        let above = (0xed..=0xff).map(|low| with_ends(low, 0xff, 0x7f));
        for y in SMALL_ORDER.into_iter().chain(above) {
            for sign in [0, 0x80] {
                let mut raw = y;
                raw[31] |= sign;
                assert!(PublicKey::ed25519(&raw).is_err());
            }
        }
        assert!(PublicKey::ed25519(&[9; 31]).is_err());
        assert!(PublicKey::ed25519(&[9; 32]).is_ok());
    }
}
