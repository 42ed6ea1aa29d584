#!/usr/bin/env bash
# SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
# SPDX-License-Identifier: Apache-2.0
#
# apply.sh [--check] CHECKOUT: place the hook into a checkout of OpenShell.
#
# Looks first: every file that is touched must be, byte for byte, the one that the
# insertions were made for. Only then it copies our crates and our module and applies
# the insertions. With --check it only looks. It fetches and builds nothing.
# Exit codes: 0 done, 1 the checkout does not fit, 2 usage.
set -euo pipefail

commit=2f7fb65591ee5746217ace154afc0aa6bf1afc6d
here=$(cd "$(dirname "$0")" && pwd)
crate=crates/openshell-policy-signing
document=crates/openshell-policy-document
receipt=crates/openshell-policy-receipt
module=crates/openshell-server/src/grpc/policy
minting=crates/openshell-server/src/provider_refresh

usage() { echo "usage: apply.sh [--check] CHECKOUT" >&2; exit 2; }
refuse() { echo "apply.sh: $1" >&2; exit 1; }

check=false
if [ "${1-}" = --check ]; then check=true; shift; fi
[ $# -eq 1 ] || usage
cd "$1" 2>/dev/null || { echo "apply.sh: there is no folder $1" >&2; usage; }
head=$(git rev-parse HEAD 2>/dev/null) || refuse "$1 is no git checkout"
cd "$(git rev-parse --show-toplevel)"

for place in "$crate" "$document" "$receipt"; do
  [ ! -e "$place" ] || refuse "$place is there already: start from a pristine checkout"
done
moved=
while read -r blob file; do
  [ "$(git hash-object "$file" 2>/dev/null || true)" = "$blob" ] || moved="$moved $file"
done < "$here/insertions/anchors"
[ -z "$moved" ] || refuse "made for $commit; at $head other bytes are in:$moved
The places in words are in gateway-patch/anchors.md and anchors-newer.md."
for patch in "$here"/insertions/*.patch; do
  git apply --unidiff-zero --check "$patch" || refuse "$(basename "$patch") does not apply"
done
[ "$head" = "$commit" ] || echo "HEAD is $head; the files that are touched are those of $commit"
if $check; then echo "every insertion applies"; exit 0; fi

mkdir -p "$crate/proto/signing/v1" "$document" "$receipt" "$module" "$minting" crates/openshell-core/src/grpc_client
cp -r "$here/openshell-policy-receipt/"{Cargo.toml,src} "$receipt/"
cp "$here/openshell-core/grpc_client/policy_receipt.rs" crates/openshell-core/src/grpc_client/
cp "$here/openshell-sandbox/policy_receipt.rs" crates/openshell-sandbox/src/
cp -r "$here/openshell-policy-document/"{Cargo.toml,src} "$document/"
cp -r "$here/openshell-policy-signing/"{Cargo.toml,build.rs,src} "$crate/"
cp "$here/../proto/signing/v1/policy_signing_driver.proto" "$crate/proto/signing/v1/"
cp -r "$here/openshell-server/"policy_signing* "$module/"
cp "$here/openshell-server/provider_refresh/"* "$minting/"
for patch in "$here"/insertions/*.patch; do git apply --unidiff-zero "$patch"; done
echo "applied: build it with cargo, which adds the new crates to Cargo.lock"
