// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// What a gateway of the line 0.1 refuses when a provider profile arrives.

// Limits of the files of a profile.
const (
	maxFiles     = 16
	maxFileBytes = 65536
)

var (
	kebab         = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	variable      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	placeholder   = regexp.MustCompile(`^(v[0-9]+|s[0-9a-f]{64})_.`) // what stands for a credential in a sandbox
	fileName      = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	configuration = regexp.MustCompile(`\{\{config\.[A-Za-z0-9_.-]+\}\}`)
)

func checkProfile(_ *reader, n *node, at place, out *value) error {
	if id := out.text("id"); !kebab.MatchString(id) {
		return n.failKey(at, "id", "is %s and must be lower-case letters, digits and single hyphens between them", printable(id))
	}
	variables := map[string]bool{}
	for i, c := range out.list("credentials") {
		for j, name := range c.texts("envVars") {
			list := n.get("credentials").items[i].get("env_vars")
			here := at.key("credentials").item(i).key("env_vars")
			switch {
			case placeholder.MatchString(name):
				return list.items[j].fail(here.item(j), "is %s, a name that OpenShell keeps for itself", printable(name))
			case variables[name]:
				return list.items[j].fail(here.item(j), "is %s, as another variable is", printable(name))
			}
			variables[name] = true
		}
	}
	if err := checkFiles(n, at, out, variables); err != nil {
		return err
	}
	if err := checkExchanges(n, at, out); err != nil {
		return err
	}
	return checkUninspected(n, at, out)
}

func checkFiles(n *node, at place, out *value, variables map[string]bool) error {
	paths, here := map[string]bool{}, at.key("files")
	for i, f := range out.list("files") {
		file, at := n.get("files").items[i], here.item(i)
		switch name := f.text("envVar"); {
		case i >= maxFiles:
			return file.fail(at, "is one more than the %d files that OpenShell takes", maxFiles)
		case paths[f.text("path")]:
			return file.failKey(at, "path", "is %s, as another file is", printable(f.text("path")))
		case name == "":
		case variables[name]:
			return file.failKey(at, "env_var", "is %s, as another variable is", printable(name))
		default:
			variables[name] = true
		}
		paths[f.text("path")] = true
	}
	return nil
}

func checkFile(_ *reader, n *node, at place, out *value) error {
	path, content, name := out.text("path"), out.text("content"), out.text("envVar")
	switch {
	case !fileName.MatchString(path) || path == "." || path == "..":
		return n.failKey(at, "path", "is %s and must be one name of letters, digits, dots, hyphens and underscores", printable(path))
	case len(content) > maxFileBytes:
		return n.failKey(at, "content", "has %d bytes, OpenShell takes %d", len(content), maxFileBytes)
	case strings.Contains(configuration.ReplaceAllString(content, ""), "{{"):
		return n.failKey(at, "content", "has a placeholder that is not {{config.KEY}}")
	case name != "" && !variable.MatchString(name):
		return n.failKey(at, "env_var", "is %s and must be letters, digits and underscores, not a digit first", printable(name))
	}
	return nil
}

// checkCredential checks that what a style of authentication needs is there.
func checkCredential(_ *reader, n *node, at place, out *value) error {
	switch style := lowerASCII(strings.TrimSpace(out.text("authStyle"))); {
	case !slices.Contains([]string{"", "basic", "bearer", "header", "path", "query"}, style):
		return n.failKey(at, "auth_style", "is %s and must be basic, bearer, header, path or query", printable(style))
	case (style == "bearer" || style == "header") && out.text("headerName") == "":
		return n.failKey(at, "auth_style", "is %s, which needs a header_name", style)
	case style == "path" && strings.Count(out.text("pathTemplate"), "{credential}") != 1:
		return n.failKey(at, "auth_style", "is path, which needs a path_template with {credential} in it once")
	case style == "query" && out.text("queryParam") == "":
		return n.failKey(at, "auth_style", "is query, which needs a query_param")
	}
	return nil
}

func checkRefresh(_ *reader, n *node, at place, out *value) error {
	switch {
	case out.text("strategy") == "":
		return n.failKey(at, "strategy", "needs a strategy")
	case out.text("maxLifetime") == "0s":
		return n.failKey(at, "max_lifetime", "is 0s and must be longer: leave it out for none")
	}
	return nil
}

func checkTokenGrant(_ *reader, n *node, at place, out *value) error {
	exchange, subject := out.text("grantType") == grantPrefix+"TOKEN_EXCHANGE", out.get("subjectToken")
	switch {
	case !trustedAddress(out.text("tokenEndpoint")):
		return n.failKey(at, "token_endpoint", "is %s and must be an https address, or http on this host or a service of the cluster", printable(out.text("tokenEndpoint")))
	case exchange && subject == nil:
		return n.failKey(at, "grant_type", "is token_exchange, which needs a subject_token")
	case !exchange && subject != nil:
		return n.failKey(at, "subject_token", "stands beside another grant_type than token_exchange: leave it out")
	case exchange && subject.text("source") != "provider_credential":
		return n.get("subject_token").failKey(at.key("subject_token"), "source", "is %s and must be provider_credential", printable(subject.text("source")))
	}
	return nil
}

// trustedAddress reports whether secrets may be sent to an address.
func trustedAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return false
	}
	host := lowerASCII(u.Hostname())
	switch ip, err := netip.ParseAddr(host); {
	case u.Scheme == "https":
		return true
	case u.Scheme != "http":
		return false
	case err == nil:
		return ip.IsLoopback()
	}
	labels := strings.Split(strings.TrimSuffix(host, ".cluster.local"), ".")
	return host == "localhost" || len(labels) == 3 && labels[2] == "svc" && labels[0] != "" && labels[1] != ""
}

// checkExchanges checks that a token is exchanged for a credential that is used for
// nothing else.
func checkExchanges(n *node, at place, out *value) error {
	credentials, here := out.list("credentials"), at.key("credentials")
	for i, c := range credentials {
		subject := c.get("tokenGrant").get("subjectToken")
		if subject == nil {
			continue
		}
		name := subject.text("credential")
		found := slices.IndexFunc(credentials, func(o *value) bool { return o.text("name") == name })
		if found >= 0 && found != i && unused(credentials[found]) {
			continue
		}
		grant, at := n.get("credentials").items[i].get("token_grant").get("subject_token"), here.item(i).key("token_grant").key("subject_token")
		return grant.failKey(at, "credential", "is %s and must be another credential of the profile, one without variables, a place in requests, a refresh or a token grant", printable(name))
	}
	return nil
}

func unused(credential *value) bool {
	for _, member := range []string{"envVars", "authStyle", "headerName", "queryParam", "pathTemplate", "refresh", "tokenGrant"} {
		if credential.get(member) != nil {
			return false
		}
	}
	return true
}

// checkUninspected refuses credentials where nothing looks, unless it is asked for.
func checkUninspected(n *node, at place, out *value) error {
	signs := func(e *value) bool { return strings.TrimSpace(e.text("credentialSigning")) != "" }
	if len(out.list("credentials")) == 0 && !slices.ContainsFunc(out.list("endpoints"), signs) {
		return nil
	}
	here := at.key("endpoints")
	for i, e := range out.list("endpoints") {
		if (e.text("protocol") == "" || modeOf(e, "tls") == "skip") && !e.flag("allowUninspectedCredentials") {
			return n.get("endpoints").items[i].fail(here.item(i), "gets credentials where nothing looks into the traffic: name a protocol, or set allow_uninspected_credentials")
		}
	}
	return nil
}
