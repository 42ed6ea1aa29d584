// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! Says loudly that the gateway's configuration was refused: whoever runs the gateway
//! may not want it said.

use openshell_core::grpc_client::policy_receipt::NoReceipt;
use openshell_ocsf::{ConfigStateChangeBuilder, SeverityId, StateId, StatusId, ocsf_emit};

use crate::ocsf_ctx;

/// Emits an event for a refusal.
pub(crate) fn report(refused: &NoReceipt) {
    ocsf_emit!(
        ConfigStateChangeBuilder::new(ocsf_ctx())
            .severity(SeverityId::High)
            .status(StatusId::Failure)
            .state(StateId::Other, "refused")
            .unmapped("policy_receipt_reason", serde_json::json!(refused.reason))
            .message(format!(
                "Policy refused: {refused} [reason:{}]",
                refused.reason
            ))
            .build()
    );
}
