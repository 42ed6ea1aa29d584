// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/sigdriver/sigdriver/tuf/disk"
)

// maxConfig bounds the configuration file in bytes.
const maxConfig = 1 << 20

// ConfigError is a configuration that the driver does not start with.
type ConfigError struct {
	File   string
	Line   int    // 0 when the file as a whole is meant
	Key    string // as in the file, e.g. "socket.path"; may be empty
	Text   string // what is wrong
	Remedy string // what to do about it
	Err    error
}

func (e *ConfigError) Error() string {
	at := e.File
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Key != "" {
		at += ": " + e.Key
	}
	return fmt.Sprintf("%s: %s: %s", at, e.Text, e.Remedy)
}

func (e *ConfigError) Unwrap() error { return e.Err }

// LoadConfig reads and checks a configuration file. The error is
// always a *ConfigError.
func LoadConfig(path string) (*Config, error) {
	data, err := disk.ReadInput(disk.OS{}, path, maxConfig)
	var tooLong *disk.TooLongError
	if errors.As(err, &tooLong) {
		return nil, &ConfigError{File: path, Text: fmt.Sprintf("longer than %d bytes", maxConfig), Remedy: "this is no configuration file of the driver"}
	}
	if err != nil {
		return nil, &ConfigError{File: path, Text: faultText(err), Remedy: "name a configuration file that the driver's user can read", Err: err}
	}
	return parseConfig(path, data)
}

// SHA256 is that of the file that the configuration was read from.
func (c *Config) SHA256() [32]byte { return c.sha256 }

func parseConfig(path string, data []byte) (*Config, error) {
	c := defaultConfig()
	c.file, c.sha256 = path, sha256.Sum256(data)
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return nil, &ConfigError{File: path, Line: 1, Text: "begins with a byte order mark, which is no TOML", Remedy: "save the file without one"}
	}
	dec := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := dec.Decode(c); err != nil {
		return nil, tomlError(path, data, err)
	}
	c.lines = keyLines(data)
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

// tomlError names the line and key of what TOML refused.
func tomlError(path string, data []byte, err error) error {
	var unknown *toml.StrictMissingError
	var at *toml.DecodeError
	switch {
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		first := &unknown.Errors[0]
		line, _ := first.Position()
		return &ConfigError{File: path, Line: line, Key: strings.Join(first.Key(), "."), Text: "unknown key",
			Remedy: "remove it, or see docs/config.md for how it is spelled", Err: err}
	case errors.As(err, &at):
		line, _ := at.Position()
		if text, remedy := typeFault(data, at.Key(), line); text != "" {
			return &ConfigError{File: path, Line: line, Key: strings.Join(at.Key(), "."), Text: text, Remedy: remedy, Err: err}
		}
		return &ConfigError{File: path, Line: line, Key: strings.Join(at.Key(), "."), Text: strings.TrimPrefix(at.Error(), "toml: "),
			Remedy: "see docs/config.md for what belongs here", Err: err}
	}
	return &ConfigError{File: path, Text: err.Error(), Remedy: "see docs/config.md", Err: err}
}

// keyLines maps every key of a file that decodes, such as "peer[1].uid", to its line.
func keyLines(data []byte) map[string]int {
	lines := map[string]int{}
	p := unstable.Parser{}
	p.Reset(data)
	prefix, count := "", map[string]int{}
	for p.NextExpression() {
		e := p.Expression()
		name, line := keyOf(&p, e)
		switch e.Kind {
		case unstable.Table:
			prefix = name + "."
			lines[name] = line
		case unstable.ArrayTable:
			at := fmt.Sprintf("%s[%d]", name, count[name])
			count[name]++
			prefix = at + "."
			lines[at] = line
		case unstable.KeyValue:
			lines[prefix+name] = line
		}
	}
	return lines
}

// keyOf returns the dotted key of an expression and its line.
func keyOf(p *unstable.Parser, e *unstable.Node) (string, int) {
	var parts []string
	line := 0
	for it := e.Key(); it.Next(); {
		n := it.Node()
		parts = append(parts, string(n.Data))
		if line == 0 {
			line = p.Shape(n.Raw).Start.Line
		}
	}
	return strings.Join(parts, "."), line
}

// fault is a *ConfigError about a key, with its line or that of the table around it.
func (c *Config) fault(key, remedy, format string, args ...any) *ConfigError {
	e := &ConfigError{File: c.file, Key: key, Text: fmt.Sprintf(format, args...), Remedy: remedy}
	for at := key; at != ""; {
		if line, ok := c.lines[at]; ok {
			e.Line = line
			break
		}
		i := strings.LastIndexByte(at, '.')
		at = at[:max(i, 0)]
	}
	return e
}

// Fault is a *ConfigError about a key that somebody else found wrong.
func (c *Config) Fault(key string, err error, remedy string) error {
	e := c.fault(key, remedy, "%s", faultText(err))
	e.Err = err
	return e
}

// faultText is an error without the operation that failed, which means nothing to
// whoever wrote the file.
func faultText(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Sprintf("%q: %v", path.Path, path.Err)
	}
	return err.Error()
}
