// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! As much of TUF as proves one target from a pinned root: roots, targets, and the
//! target's bytes. The Go function `tuf.CheckDriversProof` has the list of rules; both
//! read the vectors of `testdata/vectors/drivers`.
//!
//! Metadata is held against its shape before any of it is read: what the Go reader refuses
//! there is refused here. It refuses three things more: a key that is no Ed25519 key and
//! does not parse, though it signs nothing; a key that is no point of its curve, which here
//! signs nothing; and escapes in a hash or a time.
//!
//! There is no timestamp and no snapshot, so nobody can tell whether something newer
//! exists: what is proven holds until root or targets expires. Delegations are not
//! followed. Keys are Ed25519 or ECDSA P-256; another key signs nothing here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openshell_policy_document::parse_strict;
use ring::digest::{SHA512, digest};
use serde_json::{Map, Value};

use crate::key::{PublicKey, sha256};
use crate::members::{Members, as_text, unhex, unhex_of_any_case};
use crate::memory::Versions;
use crate::shape::{ROOT_FILE, Shape, TARGETS_FILE};
use crate::time::Time;

const SCHEMA: &str = "sigdriver.drivers-proof/v1";
const TARGET: &str = "drivers.json";

/// The most bytes of a proof, roots in it, and signatures on one file.
const MAX_PROOF: usize = 16 << 20;
const MAX_ROOTS: usize = 256;
const MAX_SIGNATURES: usize = 256;

/// The roles that every root names, and the most bytes in the name of another.
const TOP_LEVEL: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];
const MAX_ROLE_NAME: usize = 512;

const ED25519_LENGTH: usize = 32;

/// Why a proof is not taken: a closed list, with the driver's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofError {
    /// Not enough signatures, or no metadata that a signature could mean.
    Signature,
    /// A root that is not the next one.
    Version,
    /// Root or targets has expired.
    Expired,
    /// The target has another length, or the proof is too long.
    Length,
    /// The target has another hash, or one that proves nothing.
    Hash,
    /// Targets does not list it.
    Delegation,
    /// Older than what was taken before.
    Rollback,
}

impl ProofError {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signature => "TUF_SIGNATURE",
            Self::Version => "TUF_VERSION",
            Self::Expired => "TUF_EXPIRED",
            Self::Length => "TUF_LENGTH",
            Self::Hash => "TUF_HASH",
            Self::Delegation => "TUF_DELEGATION",
            Self::Rollback => "TRUST_ROLLBACK",
        }
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proof of the drivers' keys: {}", self.name())
    }
}

impl std::error::Error for ProofError {}

/// What was proven.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) drivers: Vec<u8>,
    pub(crate) versions: Versions,
}

/// Checks a proof of drivers.json from a pinned root; returns the digest of what it
/// proves. `least` are the versions of root and targets that were taken before.
pub fn check_proof(
    file: &[u8],
    pinned: &[u8],
    least: (u64, u64),
    now: Time,
) -> Result<[u8; 32], ProofError> {
    let (root, targets) = least;
    let proven = check(file, pinned, Versions { root, targets }, now)?;
    Ok(sha256(&proven.drivers))
}

/// Checks a proof from a pinned root.
pub(crate) fn check(
    file: &[u8],
    pinned: &[u8],
    least: Versions,
    now: Time,
) -> Result<Proven, ProofError> {
    if file.len() > MAX_PROOF {
        return Err(ProofError::Length);
    }
    let proof = read_proof(file).ok_or(ProofError::Signature)?;
    let mut root = Root::read(pinned).ok_or(ProofError::Signature)?;
    root.signed_by(&root).ok_or(ProofError::Signature)?;
    for bytes in &proof.roots {
        let next = Root::read(bytes).ok_or(ProofError::Signature)?;
        if next.file.version < root.file.version {
            continue;
        }
        if next.file.version == root.file.version {
            if *bytes != root.file.bytes {
                return Err(ProofError::Signature); // another root than the pinned one
            }
            continue;
        }
        next.signed_by(&root).ok_or(ProofError::Signature)?;
        next.signed_by(&next).ok_or(ProofError::Signature)?;
        if next.file.version != root.file.version + 1 {
            return Err(ProofError::Version);
        }
        root = next;
    }
    let targets = File::read(&proof.targets, "targets").ok_or(ProofError::Signature)?;
    check_listed(&targets)?;
    root.role("targets")
        .and_then(|role| role.signed(&targets))
        .ok_or(ProofError::Signature)?;
    let versions = Versions {
        root: root.file.version,
        targets: targets.version,
    };
    if now >= root.file.expires || now >= targets.expires {
        return Err(ProofError::Expired);
    }
    if versions.root < least.root || versions.targets < least.targets {
        return Err(ProofError::Rollback);
    }
    check_target(&targets, &proof.drivers)?;
    Ok(Proven {
        drivers: proof.drivers,
        versions,
    })
}

struct Proof {
    roots: Vec<Vec<u8>>,
    targets: Vec<u8>,
    drivers: Vec<u8>,
}

fn read_proof(file: &[u8]) -> Option<Proof> {
    let mut members = Members::of(parse_strict(file).ok()?)?;
    if members.text("schema")? != SCHEMA {
        return None;
    }
    let decode = |text: String| STANDARD.decode(text).ok();
    let roots = members.list("roots")?;
    if roots.len() > MAX_ROOTS {
        return None;
    }
    let proof = Proof {
        roots: roots
            .into_iter()
            .map(|root| decode(as_text(root)?))
            .collect::<Option<_>>()?,
        targets: decode(members.text("targets")?)?,
        drivers: decode(members.text("drivers")?)?,
    };
    members.end()?;
    Some(proof)
}

/// One file of metadata: what was signed, and by which signatures.
struct File {
    bytes: Vec<u8>,
    signed: Map<String, Value>,
    message: Vec<u8>,
    signatures: Vec<(String, Vec<u8>)>,
    version: u64,
    expires: Time,
}

impl File {
    fn read(bytes: &[u8], kind: &str) -> Option<Self> {
        let value = parse_strict(bytes).ok().filter(|_| integers_only(bytes))?;
        let shape: &Shape = if kind == "root" {
            &ROOT_FILE
        } else {
            &TARGETS_FILE
        };
        if !shape.fits(&value) {
            return None;
        }
        let signed = value.get("signed")?.as_object()?.clone();
        let text = |name: &str| signed.get(name)?.as_str();
        let spec = text("spec_version")?;
        let expires = Time::parse(text("expires")?)?;
        let version = integer(signed.get("version")?)?;
        if text("_type")? != kind || !specification_is_1(spec) || version == 0 {
            return None;
        }
        let mut signatures: Vec<(String, Vec<u8>)> = Vec::new();
        for signature in value.get("signatures")?.as_array()? {
            let id = signature.get("keyid")?.as_str()?;
            let sig = unhex_of_any_case(signature.get("sig")?.as_str()?)?;
            if signatures.len() == MAX_SIGNATURES || signatures.iter().any(|(have, _)| have == id) {
                return None;
            }
            signatures.push((id.to_owned(), sig));
        }
        Some(Self {
            bytes: bytes.to_vec(),
            message: canonical(value.get("signed")?)?,
            signed,
            signatures,
            version,
            expires,
        })
    }
}

/// Refuses a length or a hash that could prove nothing, whatever target it is of, and
/// delegations that no reader could follow: they were signed by mistake.
fn check_listed(targets: &File) -> Result<(), ProofError> {
    let listed = targets.signed.get("targets").and_then(Value::as_object);
    for info in listed.into_iter().flat_map(Map::values) {
        if info.get("length").and_then(integer).is_none() {
            return Err(ProofError::Length);
        }
        let hashes = info.get("hashes").and_then(Value::as_object);
        let hex = |hash: &Value| hash.as_str().is_some_and(|text| unhex(text).is_some());
        if !hashes.is_some_and(|all| !all.is_empty() && all.values().all(hex)) {
            return Err(ProofError::Hash);
        }
    }
    match targets.signed.get("delegations") {
        Some(delegations) => check_delegations(delegations).ok_or(ProofError::Signature),
        None => Ok(()),
    }
}

fn check_delegations(delegations: &Value) -> Option<()> {
    let keys = delegations.get("keys")?.as_object()?;
    keys.values().all(well_formed).then_some(())?;
    let (roles, succinct) = (delegations.get("roles"), delegations.get("succinct_roles"));
    let roles = match (roles.and_then(Value::as_array), succinct) {
        (Some(roles), None) => roles,
        (None, Some(succinct)) => return holders(succinct, keys).map(|_| ()),
        _ => return None,
    };
    let mut seen: Vec<&str> = Vec::new();
    for role in roles {
        let name = role.get("name")?.as_str()?;
        let both = role.get("paths").is_some() && role.get("path_hash_prefixes").is_some();
        let possible = (1..=MAX_ROLE_NAME).contains(&name.len()) && !TOP_LEVEL.contains(&name);
        if !possible || both || seen.contains(&name) {
            return None;
        }
        seen.push(name);
        holders(role, keys)?;
    }
    Some(())
}

/// The ids of the keys that hold a role, each once and each of a key that is listed, and
/// how many of them must sign.
fn holders<'a>(role: &'a Value, keys: &Map<String, Value>) -> Option<(Vec<&'a str>, u64)> {
    let threshold = integer(role.get("threshold")?).filter(|n| *n > 0)?;
    let mut ids: Vec<&str> = Vec::new();
    for id in role.get("keyids")?.as_array()? {
        let id = id.as_str()?;
        if ids.contains(&id) || !keys.contains_key(id) {
            return None;
        }
        ids.push(id);
    }
    Some((ids, threshold))
}

/// Reports whether a key that says that it is an Ed25519 one is one.
fn well_formed(key: &Value) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    let public = key.get("keyval").and_then(|v| v.get("public")?.as_str());
    text("keytype") != "ed25519"
        || text("scheme") == "ed25519"
            && public
                .and_then(unhex_of_any_case)
                .is_some_and(|raw| raw.len() == ED25519_LENGTH)
}

fn specification_is_1(version: &str) -> bool {
    let rest = version.strip_prefix("1.").unwrap_or_default();
    let parts: Vec<&str> = rest.split('.').collect();
    let number =
        |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() <= 2 && parts.iter().all(number)
}

/// Who holds a role.
struct Role {
    keys: Vec<(String, PublicKey)>,
    threshold: u64,
}

impl Role {
    /// Enough different keys signed the file. Unknown signatures are passed over.
    fn signed(&self, file: &File) -> Option<()> {
        let mut signers: Vec<&PublicKey> = Vec::new();
        for (id, signature) in &file.signatures {
            let key = self.keys.iter().find(|(have, _)| have == id);
            if let Some((_, key)) = key
                && !signers.contains(&key)
                && key.signed(&file.message, signature)
            {
                signers.push(key);
            }
        }
        (signers.len() as u64 >= self.threshold).then_some(())
    }
}

struct Root {
    file: File,
}

impl Root {
    fn read(bytes: &[u8]) -> Option<Self> {
        let root = Self {
            file: File::read(bytes, "root")?,
        };
        let keys = root.file.signed.get("keys")?.as_object()?;
        keys.values().all(well_formed).then_some(())?;
        for name in TOP_LEVEL {
            root.role(name)?;
        }
        Some(root)
    }

    fn signed_by(&self, root: &Self) -> Option<()> {
        root.role("root")?.signed(&self.file)
    }

    fn role(&self, name: &str) -> Option<Role> {
        let role = self.file.signed.get("roles")?.get(name)?;
        let keys = self.file.signed.get("keys")?.as_object()?;
        let (ids, threshold) = holders(role, keys)?;
        let key = |id: &&str| Some(((*id).to_owned(), read_key(keys.get(*id)?)?));
        Some(Role {
            keys: ids.iter().filter_map(key).collect(),
            threshold,
        })
    }
}

/// A key of one of the two kinds; nothing for any other.
fn read_key(key: &Value) -> Option<PublicKey> {
    let text = |name: &str| key.get(name)?.as_str();
    let public = key.get("keyval")?.get("public")?.as_str()?;
    match (text("keytype")?, text("scheme")?) {
        ("ed25519", "ed25519") => PublicKey::ed25519(&unhex_of_any_case(public)?).ok(),
        ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => {
            PublicKey::from_pem(public).ok().filter(|k| !k.is_ed25519())
        }
        _ => None,
    }
}

fn check_target(targets: &File, drivers: &[u8]) -> Result<(), ProofError> {
    let listed = targets.signed.get("targets").ok_or(ProofError::Signature)?;
    let info = listed.get(TARGET).ok_or(ProofError::Delegation)?;
    let length = info.get("length").and_then(integer);
    if length != Some(drivers.len() as u64) {
        return Err(ProofError::Length);
    }
    let hashes = info.get("hashes").and_then(Value::as_object);
    let hashes = hashes
        .filter(|all| !all.is_empty())
        .ok_or(ProofError::Hash)?;
    for (algorithm, hash) in hashes {
        let hash = hash.as_str().and_then(unhex).ok_or(ProofError::Hash)?;
        let same = match algorithm.as_str() {
            "sha256" => hash == sha256(drivers),
            "sha512" => hash == digest(&SHA512, drivers).as_ref(),
            _ => false,
        };
        if !same {
            return Err(ProofError::Hash);
        }
    }
    Ok(())
}

/// Reports whether every number of a JSON text is an integer that every reader takes
/// for the same, in its one form. TUF signs no other, and one that is rounded on the way
/// would be another than what was signed.
fn integers_only(json: &[u8]) -> bool {
    let mut text = false;
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => text = !text,
            b'\\' if text => at += 1,
            b'-' | b'0'..=b'9' if !text => {
                let part = |b: &&u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let end = at + json[at..].iter().take_while(part).count();
                if !is_integer(&json[at - 1..end]) {
                    return false;
                }
                at = end;
            }
            _ => {}
        }
    }
    true
}

fn is_integer(number: &[u8]) -> bool {
    const EXACT: u64 = (1 << 53) - 1;
    let text = std::str::from_utf8(number).unwrap_or_default();
    text.parse::<i64>()
        .is_ok_and(|n| n.unsigned_abs() <= EXACT && n.to_string() == text)
}

/// A number of a text in which all are integers, unless it is negative.
#[allow(clippy::cast_possible_truncation)]
fn integer(value: &Value) -> Option<u64> {
    u64::try_from(value.as_f64()? as i64).ok()
}

/// The canonical JSON that TUF signs: names in order, no space, and no escape but for
/// the quote and the backslash.
fn canonical(value: &Value) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    write(&mut out, value)?;
    Some(out)
}

#[allow(clippy::cast_possible_truncation)] // it is an integer
fn write(out: &mut Vec<u8>, value: &Value) -> Option<()> {
    match value {
        Value::Null => out.extend(b"null"),
        Value::Bool(flag) => out.extend(flag.to_string().bytes()),
        Value::Number(number) => {
            out.extend((number.as_f64()? as i64).to_string().bytes());
        }
        Value::String(text) => write_text(out, text),
        Value::Array(elements) => {
            out.push(b'[');
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(out, element)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            out.push(b'{');
            for (i, (name, member)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_text(out, name);
                out.push(b':');
                write(out, member)?;
            }
            out.push(b'}');
        }
    }
    Some(())
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for json in [
            "0",
            "-1",
            "[9007199254740991,-9007199254740991]",
            r#"{"n":7,"1.5":"2e0 \\\" 2.5","m":[true,false,null]}"#,
            r#"["\\",3]"#,
        ] {
            assert!(integers_only(json.as_bytes()), "{json}");
        }
        for json in [
            "2.0",
            "2e0",
            "2E+1",
            "1.5",
            "-0",
            "[0,-0]",
            "9007199254740992",
            "-9007199254740992",
            "9223372036854775808",
            r#"["\\",1.5]"#,
            r#"{"a":"\\\"","n":2.0}"#,
        ] {
            assert!(!integers_only(json.as_bytes()), "{json}");
        }
    }
}
