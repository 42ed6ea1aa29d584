// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cases

// NameGlobFormat names the format of the file of globs.
const NameGlobFormat = "sigdriver.name-glob-vectors/v1"

// NameGlobFile is name-globs.json.
type NameGlobFile struct {
	Format  string         `json:"format"`
	Vectors []NameGlobCase `json:"vectors"`
}

// NameGlobCase is one glob over the names of workspaces, sandboxes and profiles.
// One that is not accepted fits no name.
type NameGlobCase struct {
	Pattern  string `json:"pattern"`
	Accepted bool   `json:"accepted"`
}

// NameGlobs are the committed globs.
func NameGlobs() *NameGlobFile {
	f := &NameGlobFile{Format: NameGlobFormat}
	add := func(accepted bool, patterns ...string) {
		for _, p := range patterns {
			f.Vectors = append(f.Vectors, NameGlobCase{p, accepted})
		}
	}
	add(true, "", "*", "**", "prod", "web-*", "*-web", "a*b*c", "1", "web--1", "x")
	add(false, "web-[0-9]*", "web-[12]", "web-?", "{web,api}-*", "web|api", "^web-.*$", "web-.*", ".*", "web.+", "web-1+", "!web", "~web", "(web)", "web-%", "web-\\d") // other languages
	add(false, "prod/web-*", "prod:web", "web-1,web-2", "web-1;web-2", "web_1", "web.1", "web=1", "$NAME", "${NAME}", "<none>", `web\*`, `"web"`, "'web'")              // other names
	add(false, " prod", "prod ", "web 1", "\t", "web-1\n", "web-\u00a01", "*\u200b", "web\u20101", "wéb", "ẃeb", "пrod", "Web", "PROD", "webX*")                        // blanks, look-alikes, capitals
	add(false, "web-", "-web", "-", "-*", "*-")                                                                                                                         // no label begins or ends so
	return f
}
