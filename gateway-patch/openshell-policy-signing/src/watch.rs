// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The driver's trust as it changes: kept open so that operators see it, and so that
//! a lost driver is noticed before the next question. No decision needs it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::link::Link;
use crate::proto::{self, WatchTrustRequest};

/// The pauses between two tries, growing until a stream lasts.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// The pause after each state: a driver that floods fills its own side of the stream.
const STATE_PAUSE: Duration = Duration::from_millis(100);

/// Whether the driver's trust may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustCondition {
    /// Every role is within its expiry.
    Fresh,
    /// Past an expiry, within the signed allowance.
    Stale,
    /// It decides nothing, or the driver did not say.
    Refused,
}

/// The driver's trust as it last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustView {
    /// Rises whenever trust changes.
    pub epoch: u64,
    /// Whether it may decide.
    pub condition: TrustCondition,
    /// Why not; empty when it may.
    pub reason: String,
}

impl TrustView {
    fn of(state: &proto::TrustState) -> Self {
        use proto::TrustCondition as Wire;
        let condition = match Wire::try_from(state.condition) {
            Ok(Wire::Fresh) => TrustCondition::Fresh,
            Ok(Wire::Stale) => TrustCondition::Stale,
            _ => TrustCondition::Refused,
        };
        let reason = match proto::Reason::try_from(state.reason) {
            Ok(proto::Reason::Unspecified) | Err(_) => String::new(),
            Ok(reason) => reason
                .as_str_name()
                .trim_start_matches("REASON_")
                .to_owned(),
        };
        Self {
            epoch: state.epoch,
            condition,
            reason,
        }
    }
}

/// The task that watches; it ends with this value.
pub(crate) struct Watcher {
    trust: watch::Receiver<Option<TrustView>>,
    task: AbortHandle,
}

impl Watcher {
    pub(crate) fn trust(&self) -> watch::Receiver<Option<TrustView>> {
        self.trust.clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn start(link: Arc<Link>) -> Watcher {
    let (sender, trust) = watch::channel(None);
    let task = tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        loop {
            let begin = Instant::now();
            follow(&link, &sender).await;
            if begin.elapsed() > LAST_PAUSE {
                pause = FIRST_PAUSE;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    })
    .abort_handle();
    Watcher { trust, task }
}

/// Reads the stream until it ends.
async fn follow(link: &Link, sender: &watch::Sender<Option<TrustView>>) {
    // One caller opens and the others wait, so this one has a deadline like them.
    let Ok(Ok(connection)) = timeout(link.settings.timeout, link.connection()).await else {
        return;
    };
    let ended = async {
        let mut stream = connection
            .client()
            .watch_trust(WatchTrustRequest {})
            .await?
            .into_inner();
        while let Some(state) = stream.message().await? {
            tell(sender, TrustView::of(&state));
            sleep(STATE_PAUSE).await;
        }
        Ok::<(), tonic::Status>(())
    };
    let code = ended
        .await
        .map_or_else(|status| status.code(), |()| tonic::Code::Ok);
    if code != tonic::Code::Unimplemented {
        link.forget(&connection);
        info!(?code, "policy signing driver ended its trust stream");
    }
}

fn tell(sender: &watch::Sender<Option<TrustView>>, view: TrustView) {
    if sender.borrow().as_ref() == Some(&view) {
        return;
    }
    let TrustView {
        epoch, condition, ..
    } = view;
    if condition == TrustCondition::Fresh {
        info!(epoch, "policy signing trust is fresh");
    } else {
        warn!(epoch, ?condition, reason = %view.reason, "policy signing trust is not fresh");
    }
    sender.send_replace(Some(view));
}
