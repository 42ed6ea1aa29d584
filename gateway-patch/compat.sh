#!/usr/bin/env bash
# Gateways and drivers are upgraded apart: runs the crate of release 0.1.0 against the
# driver in bin/, and the crate beside this script against the driver of release 0.1.0.
# Both old halves are built from this repository's history; nothing is skipped where it
# is missing. `make gateway-compat` builds the new driver first.
set -euo pipefail
cd "$(dirname "$0")/.."

release=1eed81aecacfa997db77b504b4146af48e8326de
old=out/compat/0.1.0
crate=gateway-patch/openshell-policy-signing

git cat-file -e "$release^{commit}" 2>/dev/null || {
  echo "compat.sh: this clone has no release 0.1.0 ($release); git fetch --unshallow brings it" >&2
  exit 1
}
# What the driver tells gateways of 0.1.0 is true only while it keeps to their vectors.
git diff --exit-code --stat --diff-filter=MDRT "$release" -- testdata/vectors/documents || {
  echo "compat.sh: document vectors of release 0.1.0 were changed; its gateways would judge other bytes" >&2
  exit 1
}
mkdir -p "$old"
git archive "$release" | tar -x -C "$old"
(cd "$old" && go build -trimpath -buildvcs=false -o ../sigdriver-0.1.0 ./cmd/sigdriver)

# run NAME CRATE DRIVER [ARGUMENT…]: the tests of a crate that start a driver, with this
# one. None run, none passed.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/gateway-patch/target}
run() {
  local name=$1 crate=$2 driver=$PWD/$3 log=out/compat/$1.log
  shift 3
  echo "== $name"
  (cd "$crate" && SIGDRIVER=$driver cargo test --locked --test gateway --test daemon -- "$@") 2>&1 | tee "$log" | grep '^test '
  local passed
  passed=$(grep -c '^test .*\.\.\. ok$' "$log")
  echo "$passed tests passed"
  test "$passed" -ge 8
}
run crate-of-0.1.0 "$old/$crate" bin/sigdriver
# The older driver words its hints as it did.
SIGDRIVER_BEFORE=1 run driver-of-0.1.0 "$crate" out/compat/sigdriver-0.1.0 --skip allow_deny_rotation_revocation
