// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import "time"

// Verify decides whether the request may be enforced at now. It is a function
// of its arguments. A request that CheckRequest refuses gets the zero Decision,
// which refuses without a reason.
func Verify(req *Request, trust *Trust, floors Floors, now time.Time) Decision {
	return Decision{}
}
