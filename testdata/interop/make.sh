#!/usr/bin/env bash
# SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
# SPDX-License-Identifier: Apache-2.0

# Makes this folder's attestations anew with the real cosign, for `make interop`:
#
#	testdata/interop/make.sh OUT TOOLS
#
# builds cosign v2 and v3 into TOOLS, if they are not there, and writes what they
# sign with a throw-away key into OUT. The key is not kept. Building takes minutes
# and the Go module proxy; signing runs without a network.
set -euo pipefail
V2=v2.6.5 V3=v3.1.3
mkdir -p "$1" "$2"
here=$(cd "$(dirname "$0")" && pwd) out=$(cd "$1" && pwd) tools=$(cd "$2" && pwd)
approval=https://sigdriver.dev/policy-approval/v1
vsa=https://slsa.dev/verification_summary/v1

build() { # MAJOR VERSION
  [ -x "$tools/$1/cosign" ] || GOBIN="$tools/$1" go install -trimpath "github.com/sigstore/cosign/$1/cmd/cosign@$2"
}
build v2 $V2
build v3 $V3

offline() { if unshare -rn true 2>/dev/null; then unshare -rn "$@"; else "$@"; fi; }
v2() { offline "$tools/v2/cosign" "$@"; }
v3() { offline "$tools/v3/cosign" "$@"; }

work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
cp "$here"/{document,approval,vsa}.json "$work" && cd "$work"
export COSIGN_PASSWORD=
v2 generate-key-pair
cp cosign.pub "$out/cosign.pub"
v3 signing-config create --out none.json # no log, no timestamp authority

# cosign-v2-envelope.json     a DSSE envelope on the standard output
v2 attest-blob --yes --key cosign.key --tlog-upload=false --type $approval --predicate approval.json document.json >"$out/cosign-v2-envelope.json"
# cosign-v2-bundle.json       a Sigstore bundle v0.3
v2 attest-blob --yes --key cosign.key --tlog-upload=false --new-bundle-format --bundle "$out/cosign-v2-bundle.json" --type $approval --predicate approval.json document.json >/dev/null
# cosign-v2-legacy.json       cosign's own bundle, from before Sigstore's
v2 attest-blob --yes --key cosign.key --tlog-upload=false --bundle "$out/cosign-v2-legacy.json" --type $approval --predicate approval.json document.json >/dev/null
# cosign-v2-vsa.json          a verification summary
v2 attest-blob --yes --key cosign.key --tlog-upload=false --type $vsa --predicate vsa.json document.json >"$out/cosign-v2-vsa.json"
# cosign-v3-bundle.json       a Sigstore bundle v0.3, what v3 writes by default
v3 attest-blob --yes --key cosign.key --signing-config none.json --bundle "$out/cosign-v3-bundle.json" --type $approval --predicate approval.json document.json
# cosign-v3-envelope.json     a DSSE envelope, as v2 wrote it
v3 attest-blob --yes --key cosign.key --use-signing-config=false --tlog-upload=false --new-bundle-format=false --type $approval --predicate approval.json document.json >"$out/cosign-v3-envelope.json"
# cosign-v3-vsa.json          a verification summary, in a bundle
v3 attest-blob --yes --key cosign.key --signing-config none.json --bundle "$out/cosign-v3-vsa.json" --type $vsa --predicate vsa.json document.json

chmod 644 "$out"/cosign*
