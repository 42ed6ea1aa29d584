// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/pelletier/go-toml/v2"
)

// providersV2Setting is the setting that line 0.0 inserts layers by.
const providersV2Setting = "providers_v2_enabled"

// settingKinds are the types of the settings that OpenShell registers: what it prints
// of them is text.
var settingKinds = map[string]kind{
	providersV2Setting:               boolKind,
	"ocsf_json_enabled":              boolKind,
	"agent_policy_proposals_enabled": boolKind,
	"proposal_approval_mode":         textKind,
}

// unsetSetting is what OpenShell prints of a setting without a value.
const unsetSetting = "<unset>"

// HeldSettings are what an operator holds of a gateway, of which the hook makes the
// settings document of a sandbox.
type HeldSettings struct {
	// Printed is what `openshell settings get NAME --json` prints, or with --global
	// for sandboxes without settings of their own.
	Printed []byte
	// Config is the gateway's configuration file.
	Config []byte
	// Policy is the sandbox's canonical policy: it is told of the middleware services
	// that this names. Empty only where the configuration has none.
	Policy []byte
	// ReadFile reads the certificates that the configuration names.
	ReadFile func(path string) ([]byte, error)
}

// printedSettings is the JSON that OpenShell prints; sandbox or scope says which.
type printedSettings struct {
	Sandbox      string                    `json:"sandbox"`
	Scope        string                    `json:"scope"`
	PolicySource string                    `json:"policy_source"`
	Settings     map[string]jsontext.Value `json:"settings"`
}

// gatewayFile is what the settings document takes from the gateway's configuration. The
// rest of the file is OpenShell's business.
type gatewayFile struct {
	OpenShell struct {
		Gateway struct {
			FailureMode *string        `toml:"policy_validation_failure_mode"`
			JWT         map[string]any `toml:"gateway_jwt"`
		} `toml:"gateway"`
		Supervisor struct {
			Middleware []struct {
				Name     string `toml:"name"`
				Endpoint string `toml:"grpc_endpoint"`
				CA       string `toml:"tls_ca_cert_path"`
				Insecure bool   `toml:"allow_insecure_transport"`
			} `toml:"middleware"`
		} `toml:"supervisor"`
	} `toml:"openshell"`
}

// SettingsOf makes the settings file, as Canonicalize reads it, of what an operator holds
// of a gateway of this line.
func SettingsOf(l Line, held *HeldSettings) ([]byte, error) {
	var printed printedSettings
	if err := json.Unmarshal(held.Printed, &printed); err != nil || (printed.Sandbox == "") == (printed.Scope == "") || printed.Settings == nil {
		return nil, &CanonicalizeError{Text: "is not what `openshell settings get NAME --json` prints, nor with --global"}
	}
	var config gatewayFile
	if err := toml.Unmarshal(held.Config, &config); err != nil {
		return nil, &CanonicalizeError{Text: "the gateway's configuration is no TOML that this can read: " + printable(err.Error())}
	}
	settings, layers, err := printed.values()
	if err != nil {
		return nil, err
	}
	services, err := config.services(held)
	if err != nil {
		return nil, err
	}
	mode := "fail_closed" // OpenShell's default
	if m := config.OpenShell.Gateway.FailureMode; m != nil {
		mode = *m
	}
	out := map[string]any{
		"policySource":                   cmp.Or(printed.PolicySource, "sandbox"), // with --global none is printed
		"policyValidationFailureMode":    mode,
		"extensionAuthenticationEnabled": config.OpenShell.Gateway.JWT != nil,
		"settings":                       settings,
		"middlewareServices":             services,
	}
	if l == Line00 {
		out["providersV2Enabled"] = layers
	}
	return json.Marshal(out, json.Deterministic(true))
}

// values returns the settings that have a value, with their types, and whether the
// gateway's own say that layers are inserted.
func (p *printedSettings) values() (values map[string]any, layers bool, err error) {
	values = map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(p.Settings)) {
		var one struct {
			Value string `json:"value"`
			Scope string `json:"scope"`
		}
		var target any = &one
		if p.Scope != "" {
			one.Scope, target = p.Scope, &one.Value
		}
		if err := json.Unmarshal(p.Settings[key], target); err != nil {
			return nil, false, &CanonicalizeError{Path: "settings." + printable(key), Text: "is not as OpenShell prints a setting"}
		}
		if one.Value == unsetSetting {
			continue
		}
		switch kind, known := settingKinds[key]; {
		case known && kind == textKind:
			values[key] = one.Value
		case known:
			flag, err := strconv.ParseBool(one.Value)
			if err != nil || strconv.FormatBool(flag) != one.Value {
				return nil, false, &CanonicalizeError{Path: "settings." + printable(key), Text: "is neither true nor false"}
			}
			values[key] = flag
			layers = layers || key == providersV2Setting && one.Scope == "global" && flag
		default:
			return nil, false, &CanonicalizeError{Path: "settings." + printable(key),
				Text: "has a type that what is printed does not show, and this build does not know the setting: leave --gateway-config out and write the settings file by hand, the value in its type, or sign the document that the gateway writes into its settings_dir"}
		}
	}
	return values, layers, nil
}

// services returns the middleware services that the policy names.
func (f *gatewayFile) services(held *HeldSettings) ([]any, error) {
	services := []any{}
	all := f.OpenShell.Supervisor.Middleware
	if len(all) == 0 {
		return services, nil
	}
	if len(held.Policy) == 0 {
		return nil, &CanonicalizeError{Text: "the gateway has middleware services, and a sandbox is told of those that its policy names: say which policy that is"}
	}
	var policy struct {
		Middlewares map[string]struct {
			Middleware string `json:"middleware"`
		} `json:"networkMiddlewares"`
	}
	if err := json.Unmarshal(held.Policy, &policy); err != nil {
		return nil, &CanonicalizeError{Text: "the policy is no canonical document"}
	}
	named := map[string]bool{}
	for _, m := range policy.Middlewares {
		named[m.Middleware] = true
	}
	for _, s := range all {
		if !named[s.Name] {
			continue
		}
		service := map[string]any{"name": s.Name, "endpoint": s.Endpoint, "allowInsecureTransport": s.Insecure}
		if s.CA != "" {
			sum, err := certificatesSHA256(held.ReadFile, s.CA)
			if err != nil {
				return nil, err
			}
			service["caSha256"] = sum
		}
		services = append(services, service)
	}
	return services, nil
}

// certificatesSHA256 is the digest of a file's certificates as the gateway hands them to
// sandboxes: encoded anew, without what stands between them.
func certificatesSHA256(read func(string) ([]byte, error), path string) (string, error) {
	rest, err := read(path)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return "", &CanonicalizeError{Text: fmt.Sprintf("the certificates %s hold something else, which the gateway refuses", printable(path))}
		}
		block.Headers = nil
		_ = pem.Encode(&out, block) // a buffer takes everything
	}
	if out.Len() == 0 {
		return "", &CanonicalizeError{Text: fmt.Sprintf("the certificates %s hold none", printable(path))}
	}
	sum := sha256.Sum256(out.Bytes())
	return hex.EncodeToString(sum[:]), nil
}
