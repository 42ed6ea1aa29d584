// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! One connection: to the right socket, of the right user, with a driver that speaks
//! the same contract. All three are looked at on every connection, so a driver that
//! was replaced meanwhile is too.

use std::fmt;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper_util::rt::TokioIo;
use openshell_policy_document::Role;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Status};
use tracing::info;

use crate::config::Settings;
use crate::proto::policy_signing_driver_client::PolicySigningDriverClient;
use crate::proto::{GetCapabilitiesRequest, GetCapabilitiesResponse, PeerMetadata};
use crate::recipe::Recipe;

const PROTOCOL_VERSION: u32 = 1;
const CAPABILITY: &str = "openshell.policy-signing.contract";
const CANONICAL_FORM: &str = "openshell-protojson-jcs/v1";

/// The contract's limits on a message.
pub(crate) const MAX_REQUEST: usize = 8 << 20;
const MAX_RESPONSE: usize = 256 << 10;
const MAX_ATTEST_RESPONSE: usize = MAX_RESPONSE + (64 << 10);

/// The digest of the document vectors that this crate's tests read: told to the
/// driver and compared for the log. It decides nothing, so that both sides can be
/// upgraded apart.
pub const DOCUMENT_VECTORS_SHA256: [u8; 32] = sha256(include_bytes!("document-vectors.sha256"));

/// Reads 64 hex digits and a line's end, when this crate is compiled.
const fn sha256(text: &[u8]) -> [u8; 32] {
    assert!(text.len() == 65 && text[64] == b'\n');
    let mut sum = [0; 32];
    let mut i = 0;
    while i < 64 {
        let digit = match text[i] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("no hex digit"),
        };
        sum[i / 2] = sum[i / 2] << 4 | digit;
        i += 1;
    }
    sum
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectError {
    /// Nobody listens there, yet.
    NotThere(String),
    /// Something is there that may not answer for the driver.
    Foreign(String),
    /// The driver speaks another contract.
    Incompatible(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere(why) => write!(f, "no driver answers: {why}"),
            Self::Foreign(why) => write!(f, "this is not the driver: {why}"),
            Self::Incompatible(why) => write!(f, "the driver speaks another contract: {why}"),
        }
    }
}

impl std::error::Error for ConnectError {}

/// A connection whose driver has said what it speaks.
pub(crate) struct Connection {
    client: PolicySigningDriverClient<Channel>,
    /// The driver gives receipts, as far as is known.
    pub(crate) attests: AtomicBool,
}

impl Connection {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, ConnectError> {
        let stream = dial(settings).await?;
        let mut client = PolicySigningDriverClient::new(channel(stream).await?)
            .max_decoding_message_size(MAX_RESPONSE)
            .max_encoding_message_size(MAX_REQUEST);
        let request = GetCapabilitiesRequest {
            peer: Some(PeerMetadata {
                protocol_version: PROTOCOL_VERSION,
                implementation_name: env!("CARGO_PKG_NAME").to_owned(),
                implementation_version: env!("CARGO_PKG_VERSION").to_owned(),
                supported_capabilities: vec![CAPABILITY.to_owned()],
                required_capabilities: vec![CAPABILITY.to_owned()],
            }),
            vectors_sha256: DOCUMENT_VECTORS_SHA256.to_vec().into(),
        };
        let capabilities = client
            .get_capabilities(request)
            .await
            .map_err(|status| handshake_error(&status))?
            .into_inner();
        check_capabilities(&capabilities, settings.recipe).map_err(ConnectError::Incompatible)?;
        introduced(&capabilities);
        Ok(Self {
            client,
            attests: AtomicBool::new(true),
        })
    }

    pub(crate) fn client(&self) -> PolicySigningDriverClient<Channel> {
        self.client.clone()
    }

    /// A client for the answers with a receipt, which may be larger.
    pub(crate) fn attesting_client(&self) -> PolicySigningDriverClient<Channel> {
        self.client().max_decoding_message_size(MAX_ATTEST_RESPONSE)
    }

    pub(crate) fn attests(&self) -> bool {
        self.attests.load(Ordering::Relaxed)
    }
}

/// Connects to the socket, if its owner and whoever listens are the driver's user. A
/// socket that root listens on for the driver (socket activation) is as good.
async fn dial(settings: &Settings) -> Result<UnixStream, ConnectError> {
    let path = &settings.socket_path;
    let not_there = |error: io::Error| ConnectError::NotThere(error.to_string());
    let found = std::fs::symlink_metadata(path).map_err(not_there)?;
    if !found.file_type().is_socket() {
        return Err(ConnectError::Foreign("socket_path is no socket".to_owned()));
    }
    let want = settings.driver_uid;
    if found.uid() != want {
        return Err(ConnectError::Foreign(format!(
            "the socket's owner is uid {}, driver_uid is {want}",
            found.uid()
        )));
    }
    let stream = UnixStream::connect(path).await.map_err(not_there)?;
    let listener = stream.peer_cred().map_err(not_there)?.uid();
    check_listener(listener, want)?;
    Ok(stream)
}

fn check_listener(listener: u32, want: u32) -> Result<(), ConnectError> {
    if listener == want || listener == 0 {
        return Ok(());
    }
    Err(ConnectError::Foreign(format!(
        "uid {listener} listens on the socket, driver_uid is {want}"
    )))
}

/// A channel over exactly this stream: it does not connect again by itself, because
/// nobody would look at what it connects to.
async fn channel(stream: UnixStream) -> Result<Channel, ConnectError> {
    let once = Mutex::new(Some(stream));
    let connector = tower::service_fn(move |_: Uri| {
        let stream = once.lock().ok().and_then(|mut stream| stream.take());
        std::future::ready(stream.map(TokioIo::new).ok_or_else(closed))
    });
    Endpoint::from_static("http://policy-signing-driver.invalid")
        .connect_with_connector(connector)
        .await
        .map_err(|error| ConnectError::NotThere(error.to_string()))
}

fn closed() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

/// Tells a driver that cannot talk to this gateway from one that does not talk now.
fn handshake_error(status: &Status) -> ConnectError {
    let code = status.code();
    let text = format!("GetCapabilities failed with {code:?}");
    let answered = std::error::Error::source(status).is_none();
    match code {
        Code::Unimplemented | Code::FailedPrecondition | Code::InvalidArgument if answered => {
            ConnectError::Incompatible(text)
        }
        _ => ConnectError::NotThere(text),
    }
}

/// Says who answered, and whether it was tested with the vectors of this build.
fn introduced(got: &GetCapabilitiesResponse) {
    let peer = got.peer.clone().unwrap_or_default();
    let same_vectors = got.vectors_sha256[..] == DOCUMENT_VECTORS_SHA256;
    info!(implementation = ?peer.implementation_name, version = ?peer.implementation_version, same_vectors,
        "policy signing driver introduced itself");
}

/// Refuses a driver that would judge other bytes, or compose otherwise, than this
/// gateway.
fn check_capabilities(got: &GetCapabilitiesResponse, recipe: Recipe) -> Result<(), String> {
    let peer = got.peer.clone().unwrap_or_default();
    if peer.protocol_version != PROTOCOL_VERSION {
        return Err(format!(
            "protocol version {}, not {PROTOCOL_VERSION}",
            peer.protocol_version
        ));
    }
    if !peer.supported_capabilities.iter().any(|c| c == CAPABILITY) {
        return Err(format!("it lacks the capability {CAPABILITY}"));
    }
    if peer.required_capabilities.iter().any(|c| c != CAPABILITY) {
        return Err("it requires a capability that this gateway lacks".to_owned());
    }
    if got.canonical_form != CANONICAL_FORM {
        return Err(format!("documents are not in the form {CANONICAL_FORM}"));
    }
    if !got.recipes.iter().any(|known| known == recipe.name()) {
        return Err(format!("it does not know the recipe {}", recipe.name()));
    }
    for role in [Role::SandboxPolicy, Role::ProviderProfile, Role::Settings] {
        if !got.surfaces.iter().any(|s| s == role.surface()) {
            return Err(format!("it does not judge {}", role.surface()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: Recipe = Recipe::V2026_09;

    fn right() -> GetCapabilitiesResponse {
        GetCapabilitiesResponse {
            peer: Some(PeerMetadata {
                protocol_version: 1,
                supported_capabilities: vec!["another".into(), CAPABILITY.into()],
                ..Default::default()
            }),
            surfaces: [Role::Settings, Role::ProviderProfile, Role::SandboxPolicy]
                .map(|role| role.surface().to_owned())
                .into(),
            canonical_form: CANONICAL_FORM.into(),
            recipes: vec!["older".into(), RECIPE.name().into()],
            ..Default::default()
        }
    }

    #[test]
    fn only_the_driver_or_root_listens() {
        assert_eq!(check_listener(986, 986), Ok(()));
        assert_eq!(check_listener(0, 986), Ok(()));
        assert!(check_listener(987, 986).is_err());
        assert!(check_listener(986, 0).is_err());
    }

    #[test]
    fn any_mismatch_refuses() {
        type Change = fn(&mut GetCapabilitiesResponse);
        let changes: [Change; 8] = [
            |c| c.peer = None,
            |c| c.peer.get_or_insert_default().protocol_version = 2,
            |c| {
                c.peer
                    .get_or_insert_default()
                    .supported_capabilities
                    .clear();
            },
            |c| {
                c.peer
                    .get_or_insert_default()
                    .required_capabilities
                    .push("x".into());
            },
            |c| c.canonical_form.push('x'),
            |c| c.recipes.clear(),
            |c| {
                c.recipes = vec![
                    Recipe::V2026_08.name().into(),
                    Recipe::V2026_10.name().into(),
                ];
            },
            |c| _ = c.surfaces.pop(),
        ];
        assert_eq!(check_capabilities(&right(), RECIPE), Ok(()));
        for other in [vec![], vec![0; 32]] {
            let mut vectors = right();
            vectors.vectors_sha256 = other.clone().into();
            vectors.document_vectors_sha256 = other.into();
            assert_eq!(check_capabilities(&vectors, RECIPE), Ok(()));
        }
        for (i, change) in changes.into_iter().enumerate() {
            let mut capabilities = right();
            change(&mut capabilities);
            assert!(
                check_capabilities(&capabilities, RECIPE).is_err(),
                "change {i}"
            );
        }
    }

    #[test]
    fn a_driver_that_says_no_is_of_another_contract() {
        for (code, incompatible) in [
            (Code::Unimplemented, true),
            (Code::FailedPrecondition, true),
            (Code::InvalidArgument, true),
            (Code::Unavailable, false),
            (Code::Internal, false),
            (Code::DeadlineExceeded, false),
        ] {
            let error = handshake_error(&Status::new(code, ""));
            let found = matches!(error, ConnectError::Incompatible(_));
            assert_eq!(found, incompatible, "{code:?}: {error}");
        }
    }
}
