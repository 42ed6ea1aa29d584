// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"regexp"
)

// defaultConfigFile is where packages put the driver's configuration.
const defaultConfigFile = "/etc/sigdriver/sigdriver.toml"

// configPage says what a key of the driver's configuration is.
type configPage struct{ key, text string }

// indexOfTable is the number of a table in an error: peer[1].uid.
var indexOfTable = regexp.MustCompile(`\[[0-9]+\]`)

// configPageOf looks a key up, as the file or an error spells it; nil for none.
func configPageOf(key string) *configPage {
	key = indexOfTable.ReplaceAllString(key, "")
	for i := range configPages {
		if configPages[i].key == key {
			return &configPages[i]
		}
	}
	return nil
}

func (c *configPage) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n  key of the driver's configuration\n\n%s\n", c.key, c.text)
}

func allKeys() []string {
	var all []string
	for _, page := range configPages {
		all = append(all, page.key)
	}
	return all
}
