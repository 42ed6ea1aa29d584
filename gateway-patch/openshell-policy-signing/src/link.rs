// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! One connection to the driver for all callers.

use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Settings;
use crate::connection::{ConnectError, Connection};

/// The connection in use, made when needed.
pub(crate) struct Link {
    pub(crate) settings: Settings,
    current: RwLock<Option<Arc<Connection>>>,
    opening: tokio::sync::Mutex<()>,
}

impl Link {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            current: RwLock::default(),
            opening: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn current(&self) -> Option<Arc<Connection>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The connection in use, or a new one. One caller opens, the others wait for it.
    pub(crate) async fn connection(&self) -> Result<Arc<Connection>, ConnectError> {
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let _one = self.opening.lock().await;
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let connection = Arc::new(Connection::open(&self.settings).await?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Forgets a connection that broke, unless there is another already.
    pub(crate) fn forget(&self, broken: &Arc<Connection>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|c| Arc::ptr_eq(c, broken)) {
            *current = None;
        }
    }
}
