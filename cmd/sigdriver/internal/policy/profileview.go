// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// profile shows what a provider brings to the sandboxes that it is attached to.
func (v *viewer) profile(root *value) {
	g := v.grant("profile", "/id", word(root.text("id")), "%s, %s%s", quoted(root.text("displayName")), word(short(root.text("category"), categoryPrefix)), inference(root))
	if found := root.get("discovery").texts("credentials"); len(found) > 0 {
		g.Details = append(g.Details, "taken from where the provider is made: "+words(found))
	}
	v.rule("", root.text("id"), root)
	for i, c := range root.list("credentials") {
		v.credential("/credentials/"+strconv.Itoa(i), c)
	}
	for i, f := range root.list("files") {
		v.file("/files/"+strconv.Itoa(i), f)
	}
}

// file shows a file that sandboxes get; what it holds is told by its digest.
func (v *viewer) file(at string, f *value) {
	content := f.text("content")
	g := v.grant("file", at, word(f.text("path")), "%d bytes, sha256:%x", len(content), sha256.Sum256([]byte(content)))
	if name := f.text("envVar"); name != "" {
		g.Details = append(g.Details, "its path is in "+word(name))
	}
	if configuration.MatchString(content) {
		g.Details = append(g.Details, "with what the provider's configuration says in it")
	}
}

func inference(root *value) string {
	if root.flag("inferenceCapable") {
		return ", may serve inference"
	}
	return ""
}

// short leaves an enum's common prefix away, and writes it as authors do.
func short(value, prefix string) string {
	if s, ok := strings.CutPrefix(value, prefix); ok {
		return strings.ToLower(s)
	}
	return value
}

func (v *viewer) credential(at string, c *value) {
	g := v.grant("credential", at, word(c.text("name")), "in %s, %s", orNone(words(c.texts("envVars"))), placement(c))
	if c.flag("stablePlaceholder") {
		g.Details = append(g.Details, "what stands for it in a sandbox does not change: stablePlaceholder")
	}
	if owners := c.get("tokenGrantOwners"); owners != nil {
		v.note(pointer(at, "tokenGrantOwners"), "is the gateway's own: %s", owners.json())
	}
	if r := c.get("refresh"); r != nil {
		line := "refreshed by " + word(short(r.text("strategy"), strategyPrefix))
		if u := r.text("tokenUrl"); u != "" {
			line += " at " + word(u)
			v.unprotected(pointer(at, "refresh"), u)
		}
		g.Details = append(g.Details, line+scopeText(r))
		for _, o := range r.list("additionalOutputs") {
			g.Details = append(g.Details, fmt.Sprintf("%s also goes to %s", word(o.text("output")), word(o.text("credential"))))
		}
	}
	if t := c.get("tokenGrant"); t != nil {
		v.unprotected(pointer(at, "tokenGrant"), t.text("tokenEndpoint"))
		g.Details = append(g.Details, grantedBy(t))
		for _, o := range t.list("audienceOverrides") {
			g.Details = append(g.Details, fmt.Sprintf("for audience %s at %s:%s%s%s", word(o.text("audience")), word(o.text("host")), portText(o), pathText(o), scopeText(o)))
		}
	}
}

// grantedBy says who gives a token, for whom, and what it is asked with.
func grantedBy(t *value) string {
	line := "granted by " + word(t.text("tokenEndpoint"))
	for _, part := range []struct{ name, says string }{
		{"audience", " for audience "}, {"jwtSvidAudience", ", asked with a JWT-SVID for "}, {"clientAssertionType", ", of the type "},
		{"grantType", ", by "}, {"requestedTokenType", ", as "},
	} {
		if s := t.text(part.name); s != "" {
			line += part.says + word(short(s, grantPrefix))
		}
	}
	if s := t.get("subjectToken"); s != nil {
		line += ", in exchange for " + word(s.text("credential")) + " of " + word(s.text("source"))
		if of := s.text("subjectTokenType"); of != "" {
			line += ", a " + word(of)
		}
	}
	return line + scopeText(t)
}

// placement says where in a request the credential stands.
func placement(c *value) string {
	parts := []string{}
	for _, name := range []string{"authStyle", "headerName", "queryParam", "pathTemplate"} {
		if s := c.text(name); s != "" {
			parts = append(parts, map[string]string{"authStyle": "as ", "headerName": "in header ", "queryParam": "in query parameter ", "pathTemplate": "in path "}[name]+word(s))
		}
	}
	if !c.flag("required") {
		parts = append(parts, "optional")
	}
	if len(parts) == 0 {
		return "required"
	}
	return strings.Join(parts, ", ")
}

func scopeText(n *value) string {
	if scopes := n.texts("scopes"); len(scopes) > 0 {
		return ", scopes " + words(scopes)
	}
	return ""
}

func (v *viewer) unprotected(at, url string) {
	if !strings.HasPrefix(url, "https://") {
		v.note(at, "secrets go to %s, which is no https address", word(url))
	}
}
