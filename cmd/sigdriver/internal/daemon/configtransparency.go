// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"errors"
	"fmt"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
)

const makeLogKey = "make one with `openssl genpkey -algorithm ed25519 -out log.key`"

func (c *Config) checkTransparency() error {
	t := c.Transparency
	switch {
	case t.Key == "" && (t.Origin != "" || len(t.Witness) > 0 || t.WitnessQuorum != 0 || t.WitnessRequired):
		return c.fault("transparency.key", makeLogKey, "is required for a log")
	case t.Key == "":
		return nil
	case t.Origin == "":
		return c.fault("transparency.origin", "name the log, such as \"example.com/sigdriver/gw-1\"", "is required beside key")
	case t.Key == c.Attest.Key:
		return c.fault("transparency.key", makeLogKey, "%q signs receipts: one key has one purpose", t.Key)
	}
	if err := c.checkPath("transparency.key", t.Key, true); err != nil {
		return err
	}
	return c.checkWitnesses()
}

func (c *Config) checkWitnesses() error {
	t := c.Transparency
	seen := map[string]bool{}
	for i, w := range t.Witness {
		at := fmt.Sprintf("transparency.witness[%d]", i)
		one, err := tilelog.NewWitness(w.Key, w.URL)
		switch {
		case w.Key == "" || w.URL == "":
			return c.fault(at, "write both, as the witness publishes them", "needs a key and a url")
		case err != nil:
			return c.Fault(at, err, "copy the key and the URL that the witness publishes")
		case seen[one.URL] || seen[fmt.Sprint(one.Key.Name(), one.Key.KeyHash())]:
			return c.fault(at, "list each witness once", "this witness is listed already")
		}
		seen[one.URL], seen[fmt.Sprint(one.Key.Name(), one.Key.KeyHash())] = true, true
	}
	switch n := len(t.Witness); {
	case t.WitnessQuorum < 0 || t.WitnessQuorum > n:
		return c.fault("transparency.witness_quorum", fmt.Sprintf("choose between 1 and %d, or leave it out", n), "%d of %d witnesses can never sign", t.WitnessQuorum, n)
	case t.WitnessRequired && n == 0:
		return c.fault("transparency.witness_required", "add a [[transparency.witness]]", "there is no witness")
	}
	return nil
}

// LogKey opens the key of the transparency log; nil when there is no log.
func (c *Config) LogKey() (*tilelog.Key, error) {
	t := c.Transparency
	if t.Key == "" {
		return nil, nil
	}
	k, err := c.ownKey("transparency.key", t.Key, makeLogKey)
	if err != nil {
		return nil, err
	}
	key, err := tilelog.NewKey(t.Origin, k)
	var wrong *tilelog.KeyError
	switch {
	case errors.As(err, &wrong) && wrong.Origin:
		return nil, c.Fault("transparency.origin", err, wrong.Remedy)
	case errors.As(err, &wrong):
		return nil, c.Fault("transparency.key", err, wrong.Remedy)
	}
	return key, err
}

// Witnesses are those of the transparency log; nil for none.
func (c *Config) Witnesses() (*tilelog.Witnesses, error) {
	t := c.Transparency
	if len(t.Witness) == 0 {
		return nil, nil
	}
	w := &tilelog.Witnesses{Quorum: t.WitnessQuorum, Required: t.WitnessRequired}
	if w.Quorum == 0 {
		w.Quorum = len(t.Witness)
	}
	for _, one := range t.Witness {
		witness, err := tilelog.NewWitness(one.Key, one.URL)
		if err != nil {
			return nil, err
		}
		w.List = append(w.List, witness)
	}
	return w, nil
}
