// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package interceptor

import "slices"

// service is OpenShell's public API.
const service = "openshell.v1.OpenShell"

// Route is a method of the gateway and what happens to it here.
type Route struct {
	Method string
	// Bound says that the gateway asks before it carries the method out.
	Bound bool
	// Check says in one sentence, for docs/integration.md, what is looked at, or
	// why nothing is.
	Check string
	// read finds what an operation brings in; nil for a method that is not bound.
	read func(*operation) error
}

// Routes are the methods that OpenShell lets an interceptor see, in the order of
// its own list at the commit that docs/integration.md names. A method that is not
// here is refused.
var Routes = []Route{
	{"CreateSandbox", true, "the policy, as SANDBOX_POLICY of the named sandbox; without a policy or a name, or from a workload template, it is refused; provider names are attachments", readCreateSandbox},
	{"AttachSandboxProvider", true, "only who asks: users, not sandboxes. The request names a provider and not its profile, which the hook judges at composition", readAttach},
	{"DetachSandboxProvider", false, "takes a layer away", nil},
	{"DeleteSandbox", false, "brings nothing in", nil},
	{"CreateSshSession", false, "brings nothing in", nil},
	{"ExposeService", false, "opens a port of the sandbox to users; no policy, profile or setting", nil},
	{"DeleteService", false, "brings nothing in", nil},
	{"RevokeSshSession", false, "brings nothing in", nil},
	{"CreateProvider", false, "credentials and the id of a profile; the profile is judged where it is imported and composed", nil},
	{"ImportProviderProfiles", true, "every profile, as PROVIDER_PROFILE of its workspace or of the gateway; one denial refuses all", readImport},
	{"UpdateProviderProfiles", true, "the profile, likewise", readUpdateProfile},
	{"UpdateProvider", false, "credentials and the id of a profile; the profile is judged where it is imported and composed", nil},
	{"ConfigureProviderRefresh", false, "how credentials are renewed", nil},
	{"RotateProviderCredential", false, "brings nothing in", nil},
	{"DeleteProviderRefresh", false, "brings nothing in", nil},
	{"DeleteProvider", false, "brings nothing in", nil},
	{"DeleteProviderProfile", false, "takes a profile away", nil},
	{"UpdateConfig", true, "a whole policy, as SANDBOX_POLICY or GLOBAL_POLICY, whoever asks, also a sandbox; merge operations are refused; a setting, and with it the end of a global policy, is refused where trust governs settings", readUpdateConfig},
	{"SubmitPolicyAnalysis", true, "proposed rules are refused, because the gateway may approve them by itself; summaries pass", readAnalysis},
	{"ApproveDraftChunk", true, "refused: it names a proposal and not the policy that follows", refuseDraft},
	{"RejectDraftChunk", false, "takes a proposal away", nil},
	{"ApproveAllDraftChunks", true, "refused, likewise", refuseDraft},
	{"EditDraftChunk", true, "refused, likewise", refuseDraft},
	{"UndoDraftChunk", true, "refused, likewise: the policy that follows is not in the request", refuseDraft},
	{"ClearDraftChunks", false, "takes proposals away", nil},
}

// HookOnly are the methods on which everything depends and that an interceptor
// never sees.
var HookOnly = []Route{
	{Method: "GetSandboxConfig", Check: "composes and serves the effective policy: seam J1"},
	{Method: "GetSandboxProviderEnvironment", Check: "composes, then releases credentials: seam J2"},
	{Method: "RefreshSandboxToken", Check: "goes through GetSandboxConfig when it asks for extension services"},
	{Method: "ExchangeProviderSubjectToken", Check: "from 0.0.116: exchanges a credential for a token: seam J3"},
	{Method: "ConnectSupervisor", Check: "from 0.1.5: pushes what GetSandboxConfig and GetSandboxProviderEnvironment answer; hook what builds both"},
	{Method: "GetProviderCredentials", Check: "from 0.1.4: gives credentials to operators"},
	{Method: "CreateSandboxTemplate", Check: "from 0.1.0: a template may bring a policy in, so CreateSandbox is refused where it names one"},
	{Method: "DeleteSandboxTemplate", Check: "from 0.1.0: brings nothing in"},
}

// routeOf returns a bound route, nil for every other method.
func routeOf(svc, method string) *Route {
	i := slices.IndexFunc(Routes, func(r Route) bool { return r.Method == method })
	if svc != service || i < 0 || !Routes[i].Bound {
		return nil
	}
	return &Routes[i]
}
