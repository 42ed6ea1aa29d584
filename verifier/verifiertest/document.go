// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifiertest

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"

	"github.com/sigdriver/sigdriver/verifier"
)

// The surfaces of OpenShell's documents and of our own.
const (
	PolicySurface   = "openshell.sandbox.v1.SandboxPolicy"
	ProfileSurface  = "openshell.v1.ProviderProfile"
	SettingsSurface = "sigdriver.v1.GatewaySettings"
)

// Surfaces names the surface of each role.
var Surfaces = map[verifier.Role]string{
	verifier.SandboxPolicy:   PolicySurface,
	verifier.GlobalPolicy:    PolicySurface,
	verifier.ProviderProfile: ProfileSurface,
	verifier.Settings:        SettingsSurface,
}

// Tree is a JSON object.
type Tree = map[string]any

// List is a JSON array.
type List = []any

// Canonical returns the RFC 8785 form of a tree.
func Canonical(tree any) []byte { return Must(verifier.Canonical(Compact(tree))) }

// Parse reads a document back into a tree.
func Parse(document []byte) Tree {
	var tree Tree
	if err := json.Unmarshal(document, &tree); err != nil {
		panic("verifiertest: " + err.Error())
	}
	return tree
}

// SHA256 returns the hex sha256 of some bytes.
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func surface(name string) string { return "type.googleapis.com/" + name }

// Policy is a sandbox policy of the usual size: a filesystem, Landlock, a
// process identity and two network rules, one with inspected requests.
func Policy() Tree {
	return Tree{
		"@type":   surface(PolicySurface),
		"version": 1,
		"filesystem": Tree{
			"includeWorkdir": true,
			"readOnly":       List{"/usr", "/lib", "/etc", "/proc", "/dev/urandom"},
			"readWrite":      List{"/sandbox", "/tmp", "/dev/null"},
		},
		"landlock": Tree{"compatibility": "best_effort"},
		"process":  Tree{"runAsUser": "sandbox", "runAsGroup": "sandbox"},
		"networkPolicies": Tree{
			"build_cache": Tree{
				"name":      "build-cache",
				"endpoints": List{Tree{"host": "cache.build.example", "port": 6379, "protocol": "tcp", "allowedIps": List{"10.20.0.0/16"}}},
				"binaries":  List{Tree{"path": "/usr/bin/bazel"}},
			},
			"tickets": Tree{
				"name": "tickets",
				"endpoints": List{Tree{
					"host": "tickets.corp.example", "port": 443, "protocol": "rest", "enforcement": "enforce",
					"rules": List{
						Tree{"allow": Tree{"method": "GET", "path": "/api/**"}},
						Tree{"allow": Tree{"method": "POST", "path": "/api/comments"}},
					},
				}},
				"binaries": List{Tree{"path": "/usr/bin/curl"}, Tree{"path": "/usr/bin/python3"}},
			},
		},
	}
}

// ForgeProfile is a provider profile with a credential: each endpoint that it
// inserts is marked as credentialed by the gateway.
func ForgeProfile() Tree {
	return Tree{
		"@type":       surface(ProfileSurface),
		"id":          "forge",
		"displayName": "Forge",
		"description": "Source hosting: API and Git",
		"category":    "PROVIDER_PROFILE_CATEGORY_SOURCE_CONTROL",
		"credentials": List{Tree{
			"name": "api_token", "envVars": List{"FORGE_TOKEN"}, "required": true,
			"authStyle": "bearer", "headerName": "authorization",
		}},
		"discovery": Tree{"credentials": List{"api_token"}},
		"endpoints": List{
			Tree{"host": "api.forge.example", "port": 443, "protocol": "rest", "access": "read-only", "enforcement": "enforce"},
			Tree{"host": "git.forge.example", "port": 443, "protocol": "rest", "enforcement": "enforce",
				"rules": List{Tree{"allow": Tree{"method": "POST", "path": "/**/git-upload-pack"}}}},
		},
		"binaries": List{Tree{"path": "/usr/bin/git"}},
	}
}

// MirrorProfile is a provider profile without credentials.
func MirrorProfile() Tree {
	return Tree{
		"@type":       surface(ProfileSurface),
		"id":          "mirror",
		"displayName": "Package mirror",
		"category":    "PROVIDER_PROFILE_CATEGORY_OTHER",
		"endpoints":   List{Tree{"host": "mirror.corp.example", "port": 443}},
		"binaries":    List{Tree{"path": "/usr/bin/pip"}, Tree{"path": "/usr/bin/npm"}},
	}
}

// BridgeProfile has credentials but neither endpoints nor binaries: it still
// inserts its rule.
func BridgeProfile() Tree {
	return Tree{
		"@type":       surface(ProfileSurface),
		"id":          "bridge",
		"displayName": "Model bridge",
		"category":    "PROVIDER_PROFILE_CATEGORY_INFERENCE",
		"credentials": List{Tree{"name": "access_key", "envVars": List{"BRIDGE_ACCESS_KEY"}}},
	}
}

// GatewaySettings are the settings of a gateway that uses the sandbox's policy
// and inserts provider layers.
func GatewaySettings() Tree {
	return Tree{
		"@type":                          surface(SettingsSurface),
		"policySource":                   "SANDBOX_POLICY",
		"providersV2Enabled":             true,
		"policyValidationFailureMode":    "reject",
		"extensionAuthenticationEnabled": true,
		"settings":                       Tree{"log_level": "info"},
		"middlewareServices": List{Tree{
			"name": "content-guard", "endpoint": "https://guard.corp.example:8443",
			"caSha256": SHA256([]byte("verifiertest middleware CA")), "allowInsecureTransport": false,
		}},
	}
}

// SHA512 returns the hex sha512 of some bytes.
func SHA512(data []byte) string {
	sum := sha512.Sum512(data)
	return hex.EncodeToString(sum[:])
}
