// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"strings"
	"testing"
)

// What is no settings document of this gateway is refused, and not guessed. That both
// ends make the same document is shown where both are: gateway-patch, tests/settings.rs.
func TestSettingsOfRefuses(t *testing.T) {
	const middleware = "[[openshell.supervisor.middleware]]\nname = \"guard\"\ngrpc_endpoint = \"https://guard.example\"\n"
	policy := `{"networkMiddlewares":{"a":{"middleware":"guard"}}}`
	sandbox := func(key, value string) string {
		return `{"sandbox":"web-1","policy_source":"sandbox","settings":{"` + key + `":{"value":"` + value + `","scope":"global"}}}`
	}
	files := map[string]string{
		"key.pem":   "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
		"empty.pem": "nothing\n",
	}
	for name, c := range map[string]struct{ printed, config, policy, want string }{
		"no JSON":                         {"settings: {}", "", "", "is not what"},
		"a settings file":                 {`{"policySource":"sandbox","settings":{}}`, "", "", "is not what"},
		"of a sandbox and of the gateway": {`{"sandbox":"a","scope":"global","settings":{}}`, "", "", "is not what"},
		"without settings":                {`{"sandbox":"a"}`, "", "", "is not what"},
		"a setting twice":                 {`{"scope":"global","settings":{"ocsf_json_enabled":"true","ocsf_json_enabled":"false"}}`, "", "", "is not what"},
		"a setting of no text":            {`{"scope":"global","settings":{"ocsf_json_enabled":true}}`, "", "", "is not as OpenShell prints"},
		"a flag that is none":             {sandbox("ocsf_json_enabled", "1"), "", "", "neither true nor false"},
		"a setting of an unknown type":    {sandbox("retries", "5"), "", "", "by hand"},
		"bytes":                           {sandbox("blob", "<bytes:4>"), "", "", "by hand"},
		"no TOML":                         {sandbox("ocsf_json_enabled", "true"), "[openshell", "", "no TOML"},
		"services and no policy":          {sandbox("ocsf_json_enabled", "true"), middleware, "", "which policy"},
		"a policy that is none":           {sandbox("ocsf_json_enabled", "true"), middleware, "[]", "no canonical document"},
		"a key among certificates":        {sandbox("ocsf_json_enabled", "true"), middleware + "tls_ca_cert_path = \"key.pem\"\n", policy, "something else"},
		"no certificate":                  {sandbox("ocsf_json_enabled", "true"), middleware + "tls_ca_cert_path = \"empty.pem\"\n", policy, "hold none"},
		"certificates that are gone":      {sandbox("ocsf_json_enabled", "true"), middleware + "tls_ca_cert_path = \"gone.pem\"\n", policy, "gone"},
	} {
		held := &HeldSettings{Printed: []byte(c.printed), Config: []byte(c.config), Policy: []byte(c.policy), ReadFile: func(path string) ([]byte, error) {
			if text, ok := files[path]; ok {
				return []byte(text), nil
			}
			return nil, errors.New("gone")
		}}
		if out, err := SettingsOf(Line00, held); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
}

// What is printed without its type can be written by hand, in any type a setting has: each
// makes another document. A gateway's own, from its settings_dir, is taken as it is.
func TestSettingsByHand(t *testing.T) {
	held := &HeldSettings{Printed: []byte(`{"sandbox":"web-1","policy_source":"sandbox","settings":{"retries":{"value":"5","scope":"global"}}}`)}
	if out, err := SettingsOf(Line01, held); err == nil || !strings.Contains(err.Error(), "by hand, the value in its type") || !strings.Contains(err.Error(), "settings_dir") {
		t.Errorf("%v %s", err, out)
	}
	seen := map[string]string{}
	for _, value := range []string{`5`, `"5"`, `true`, `{bytes: "05"}`, `{int: "9223372036854775807"}`} {
		file := "policySource: sandbox\nextensionAuthenticationEnabled: false\npolicyValidationFailureMode: fail_closed\nmiddlewareServices: []\nsettings: {retries: " + value + "}\n"
		byHand, err := Canonicalize(Settings, Line01, []byte(file))
		if err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		if other, ok := seen[string(byHand.Document)]; ok {
			t.Errorf("%s and %s are one document", value, other)
		}
		seen[string(byHand.Document)] = value
		own, err := Canonicalize(Settings, Line01, byHand.Document)
		if err != nil || string(own.Document) != string(byHand.Document) {
			t.Errorf("%s: the gateway's own becomes another: %v", value, err)
		}
	}
}

// Layers are inserted by the gateway's own setting alone: a sandbox's is one setting
// like any other.
func TestSettingsOfLayers(t *testing.T) {
	for scope, want := range map[string]string{"global": `"providersV2Enabled":true`, "sandbox": `"providersV2Enabled":false`} {
		held := &HeldSettings{Printed: []byte(`{"sandbox":"a","policy_source":"sandbox","settings":{"providers_v2_enabled":{"value":"true","scope":"` + scope + `"}}}`)}
		out, err := SettingsOf(Line00, held)
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v %s", scope, err, out)
		}
	}
}
