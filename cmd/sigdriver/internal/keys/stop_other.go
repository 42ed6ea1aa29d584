// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package keys

import "os"

// stopSignals are none: there is no stopped process.
var stopSignals []os.Signal

func stopSelf() {}
