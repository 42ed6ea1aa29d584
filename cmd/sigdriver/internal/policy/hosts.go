// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "slices"

// Hosts are the hosts that a document names for endpoints, sorted, each once. What
// cannot be read names none.
func Hosts(document []byte) []string {
	root, err := readTree(document)
	if err != nil {
		return nil
	}
	var hosts []string
	var walk func(v *value, depth int)
	walk = func(v *value, depth int) {
		if v == nil || depth > maxDepth {
			return
		}
		if host := v.get("host"); host != nil && host.kind == jsonString && host.value != "" {
			hosts = append(hosts, host.value)
		}
		for _, item := range v.items {
			walk(item, depth+1)
		}
	}
	walk(root, 0)
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
