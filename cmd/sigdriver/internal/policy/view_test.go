// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"
)

// unusual are the remarks on a document, with their places.
func unusual(d *Document) string {
	var b strings.Builder
	for _, n := range d.View().Unusual {
		b.WriteString(placeText(n.Path) + " " + n.Text + "\n")
	}
	return b.String()
}

// TestUnusual: each thing to look at twice, and that it is not remarked on
// without it.
func TestUnusual(t *testing.T) {
	plain := unusual(read(t, policyWith()))
	if plain != "" {
		t.Fatalf("the base has %s", plain)
	}
	first := "/networkPolicies/web/endpoints/0"
	for _, c := range []struct{ from, to, want string }{
		{`"protocol":"rest"`, `"protocol":"rest","tls":"skip"`, first + " nothing looks into the traffic: tls is skip"},
		{`"protocol":"rest"`, `"protocol":"rest","tls":"off"`, first + "/tls off is no value that this build knows"},
		{`"protocol":"rest"`, `"protocol":"gopher"`, first + "/protocol gopher is no value that this build knows"},
		{`"access":"read-write"`, `"access":"all"`, first + "/access all is no value that this build knows"},
		{`["10.0.0.1"],"enforcement":"enforce"`, `["10.0.0.1"]`, first + " what the rules do not allow is logged and let through: enforcement is not enforce"},
		{`"access":`, `"allowUninspectedCredentials":true,"access":`, first + " credentials travel where nothing can look: allowUninspectedCredentials"},
		{`"access":`, `"advisorProposed":true,"access":`, first + " a machine proposed it: advisorProposed"},
		{`"access":`, `"providerCredentialed":true,"access":`, first + " carries the gateway's own mark providerCredentialed, which no approved document may"},
		{`"host":"a.example"`, `"host":"*.example"`, first + " the host is a pattern: *.example"},
		{`"host":"a.example"`, `"host":"а.example"`, first + ` the host has letters beyond ASCII, which may look like others: "\u0430.example"`},
		{`"host":"a.example",`, "", first + " has no host: any host at the allowed addresses can be reached"},
		{`"port":443,"ports":[443,444],`, "", first + " names no port"},
		{`"strictToolNames":true`, `"strictToolNames":false`, "/networkPolicies/web/endpoints/1 tools of any name may be called: strictToolNames is false"},
		{"/bin/b", "/**", "/networkPolicies/web/binaries/1 any binary may use it: the path is /**"},
		{"/bin/b", "/x/**", "/networkPolicies/web/binaries/1 whatever lies below /x/** may use it, also what is written there later"},
		{`["/tmp"]`, `["/tmp","/usr/"]`, "/filesystem/readWrite/1 /usr/ can be written to"},
		{`["/tmp"]`, `["/tmp/../etc"]`, "/filesystem/readWrite/0 /tmp/../etc is no plain absolute path"},
		{`["/usr"]`, `["usr"]`, "/filesystem/readOnly/0 usr is no plain absolute path"},
		{`"filesystem":{"includeWorkdir":true,"readOnly":["/usr"],"readWrite":["/tmp"]},`, "", "the document has no filesystem section: the policy itself restricts no path"},
		{"hard_requirement", "soft", "/landlock/compatibility soft is no mode that this build knows"},
		{`"runAsUser":"sandbox"`, `"runAsUser":"0"`, "/process/runAsUser is root"},
		{"fail_closed", "fail_open", "/networkMiddlewares/guard traffic passes while the middleware is away: onError is fail_open"},
		{"fail_closed", "maybe", "/networkMiddlewares/guard onError is maybe, which this build does not know"},
		{`"version":1`, `"version":1,"version":2`, "/version is there twice: readers differ in which one counts"},
		{`"EXTRA":{}`, `"EXTRA":{},"EXTRA":{}`, "/networkPolicies/EXTRA is there twice: readers differ in which one counts"},
		{`"version":1`, `"mystery":1,"version":1`, "/mystery is not known to this build: 1"},
		{`"version":1`, `"version":true`, "/version is true, not of the type that this build knows"},
		{`"EXTRA":{}`, `"EXTRA":[]`, "/networkPolicies/EXTRA is [] where this build knows a message"},
	} {
		text := policyWith(c.from, c.to)
		if text == policyWith() {
			t.Fatalf("%s is not there", c.from)
		}
		if got := unusual(read(t, text)); got != c.want+"\n" {
			t.Errorf("got  %swant %s", got, c.want)
		}
	}
}

// TestEveryByteIsShown: what is approved is shown whole, however long it is.
func TestEveryByteIsShown(t *testing.T) {
	long := strings.Repeat("x", 4000) + "end"
	for name, document := range map[string]string{
		"setting":    `{"@type":"type.googleapis.com/sigdriver.v1.GatewaySettings","policySource":"SANDBOX_POLICY","settings":{"k":"` + long + `"}}`,
		"middleware": policyWith(`"EXTRA":{}`, `"extra":{}`),
	} {
		if name == "middleware" {
			document = strings.Replace(document, `"middleware":"g"`, `"middleware":"g","config":{"k":"`+long+`"}`, 1)
		}
		if !strings.Contains(document, long) {
			t.Fatalf("%s: the case has no long text", name)
		}
		var b strings.Builder
		read(t, document).View().Print(&b)
		if !strings.Contains(b.String(), long) {
			t.Errorf("%s: %d bytes are shown, and not the end", name, b.Len())
		}
	}
}

// TestGrants holds the lines that a policy, a profile and settings are shown in.
func TestGrants(t *testing.T) {
	for _, c := range []struct{ document, want string }{
		{policyWith(`"EXTRA":{}`, `"raw":{"endpoints":[{"host":"r.example","port":6379,"protocol":"tcp","credentialBinding":{"provider":"p"}}]}`), `  network
    web              for /bin/a, /bin/b
                     a.example:{443, 444}, rest, enforced
                       allow read-write
                       at addresses 10.0.0.1, internal ones too
                     b.example:80 /x, mcp, enforced
                       allow initialize
                       allow tools/call
                       deny DELETE
    raw              for no binary (nobody, or everybody where the gateway does not ask for binaries)
                     r.example:6379, tcp, uninspected
  credentials
    p                of this provider may be used at r.example:6379
  middleware
    guard            g sees traffic to a.example
                       but not to b.example
  filesystem
    read-only        /usr
    read-write       /tmp, the working directory
    landlock         hard_requirement: no sandbox starts where this cannot be kept up
  process
    user sandbox, group chosen by the compute driver
`},
		{`{"@type":"type.googleapis.com/openshell.v1.ProviderProfile","id":"p","displayName":"P","category":"PROVIDER_PROFILE_CATEGORY_DATA","inferenceCapable":true,
"credentials":[{"name":"t","envVars":["T"],"required":true,"refresh":{"strategy":"PROVIDER_CREDENTIAL_REFRESH_STRATEGY_STATIC","tokenUrl":"http://t.example","scopes":["s"],
"additionalOutputs":[{"output":"o","credential":"u"}]},"tokenGrant":{"tokenEndpoint":"https://g.example","audienceOverrides":[{"audience":"a","host":"h","port":1}]}}]}`, `  provider profile
    p                "P", data, may serve inference
  network
    p                for no binary (nobody, or everybody where the gateway does not ask for binaries)
                     no endpoint
  credentials
    t                in T, required
                       refreshed by static at http://t.example, scopes s
                       o also goes to u
                       granted by https://g.example
                       for audience a at h:1
  look twice
    ! /credentials/0/refresh secrets go to http://t.example, which is no https address
`},
		{`{"@type":"type.googleapis.com/sigdriver.v1.GatewaySettings","policySource":"SANDBOX_POLICY","settings":{"k":1},
"middlewareServices":[{"name":"m","endpoint":"http://m.example","caSha256":"00"}]}`, `  middleware
    m                at http://m.example
                       its CA is sha256:00
  settings
    policySource     SANDBOX_POLICY
    providersV2Enabled
                     not set
    policyValidationFailureMode
                     not set
    extensionAuthenticationEnabled
                     not set
    k                1
  look twice
    ! /extensionAuthenticationEnabled extensions are not asked who they are
    ! /middlewareServices/0 traffic may reach it unprotected
`},
		{`{"@type":"type.googleapis.com/openshell.v1.ProviderProfile","id":"p","displayName":"P","discovery":{"credentials":["t"]},"credentials":[{"name":"t",
"tokenGrant":{"tokenEndpoint":"https://g.example","audience":"a","jwtSvidAudience":"j","clientAssertionType":"c","scopes":["s"],"audienceOverrides":[{"audience":"b","host":"h","path":"/x"}]}}],
"endpoints":[{"port":1},{"host":"s.example","port":1,"protocol":"rest","tls":"skip"},{"host":"t.example","port":2,"ports":[3],"credentialSigning":"sigv4","signingService":"s3","signingRegion":"r"},
{"host":"q.example","port":1,"protocol":"graphql","graphqlPersistedQueries":{"q":{"operationType":"query","fields":["f"]}},"rules":[{"allow":{"query":{"k":{"any":["a"],"glob":"g*"}}}}]}]}`, `  provider profile
    p                "P", ""
                       taken from where the provider is made: t
  network
    p                for no binary (nobody, or everybody where the gateway does not ask for binaries)
                     any host:1, uninspected
                     s.example:1, uninspected
                     t.example:3, uninspected
                     q.example:1, graphql, only logged
                       allow query k=any of a or g*
                       persisted queries: "", 1 registered
                       registered q: query fields f
  credentials
    sigv4            signs requests to t.example:3 for service s3, region r
    t                in nothing, optional
                       granted by https://g.example for audience a, asked with a JWT-SVID for j, of the type c, scopes s
                       for audience b at h:any port /x
  look twice
    ! /endpoints/0 has no host: any host at the allowed addresses can be reached
    ! /endpoints/1 nothing looks into the traffic: tls is skip
    ! /endpoints/1 what the rules do not allow is logged and let through: enforcement is not enforce
    ! /endpoints/2/port is 2, and ports does not begin with it: the host goes by ports
    ! /endpoints/3 what the rules do not allow is logged and let through: enforcement is not enforce
`},
		{`{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","filesystem":{}}`, `  network
    nothing: no host can be reached, but for what attached providers add
  filesystem
    read-only        nothing
    read-write       nothing
    landlock         best_effort: a sandbox starts also where paths cannot be restricted
  process
    user chosen by the compute driver, group chosen by the compute driver
`},
	} {
		var b strings.Builder
		read(t, c.document).View().Print(&b)
		if b.String() != c.want {
			t.Errorf("got\n%swant\n%s", &b, c.want)
		}
	}
}

// TestRules holds how requests are said.
func TestRules(t *testing.T) {
	for rule, want := range map[string]string{
		`{}`:                                    "anything",
		`{"method":"GET","path":"/a b"}`:        `GET "/a b"`,
		`{"query":{"q":{"glob":"x*"}}}`:         "query q=x*",
		`{"params":{"name":{"any":["a","b"]}}}`: "params name=any of a, b",
		`{"operationType":"query","operationName":"O*","fields":["f"]}`: "query O* fields f",
		`{"command":"SELECT"}`: "SELECT",
		`[]`:                   "nothing",
	} {
		if got := action(read(t, `{"a":`+rule+"}").root.get("a")); got != want {
			t.Errorf("%s: %s, want %s", rule, got, want)
		}
	}
}

// TestYAMLOfOddShapes: what authors cannot write says so.
func TestYAMLOfOddShapes(t *testing.T) {
	for endpoint, want := range map[string]string{
		`{"host":"h","port":1,"ports":[1]}`:                     "host: h\n        port: 1\n",
		`{"host":"h","port":1,"ports":[2]}`:                     "host: h\n        port: 1\n        ports: [2]\n",
		`{"host":"h","port":1,"ports":[1,2]}`:                   "host: h\n        ports: [1, 2]\n",
		`{"host":"h","port":1,"ports":[2,1]}`:                   "host: h\n        port: 1\n        ports: [2, 1]\n",
		`{"advisorProposed":true,"host":"h"}`:                   "host: h\n        advisorProposed: true # no author can write this\n",
		`{"host":7}`:                                            "host: 7 # not of the type that this build knows\n",
		`{"host":"h","jsonRpcMaxBodyBytes":9}`:                  "host: h\n        json_rpc:\n          max_body_bytes: 9\n",
		`{"host":"h","jsonRpcMaxBodyBytes":9,"protocol":"mcp"}`: "host: h\n        protocol: mcp\n        mcp:\n          max_body_bytes: 9\n",
	} {
		got := read(t, `{"@type":"type.googleapis.com/openshell.sandbox.v1.SandboxPolicy","networkPolicies":{"w":{"endpoints":[`+endpoint+`]}}}`).YAML()
		if !strings.HasSuffix(got, "      - "+want) {
			t.Errorf("%s:\n%s", endpoint, got)
		}
	}
}
