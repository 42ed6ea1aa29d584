#!/usr/bin/env bash
# SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
# SPDX-License-Identifier: Apache-2.0
#
# lab.sh SIGDRIVER FOLDER: a driver to try the hook with. Makes keys and trust in
# FOLDER (a short path that does not exist), runs the driver on FOLDER/run/s.sock as
# gateway gw-1's, and approves each document that appears in FOLDER/documents, until
# it is interrupted. For trying out: whoever signs unread approves anything.
set -euo pipefail

[ $# -eq 2 ] && [ -x "$1" ] && [ ! -e "$2" ] || { echo "usage: lab.sh SIGDRIVER FOLDER" >&2; exit 2; }
sigdriver=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
mkdir -m 700 -p "$2"/{documents,attestations}
cd "$2"
here=$(pwd)

for name in approver driver; do
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $name.key 2>/dev/null
  openssl pkey -in $name.key -pubout -out $name.pub
  chmod 600 $name.key
done
pem() { awk '{printf "%s\\n", $0}' "$1.pub"; }
rule() { echo "{\"name\":\"$1\",\"surface\":\"$1\",\"mode\":\"enforce\",\"require\":[{\"authority\":\"approvers\",\"predicateType\":\"https://sigdriver.dev/policy-approval/v1\"}]}"; }
cat > authorities.json <<END
{"schema":"sigdriver.authorities/v1",
 "principals":{"approver":{"keys":[{"pem":"$(pem approver)"}]}},
 "authorities":{"approvers":{"principals":["approver"],"threshold":1}},
 "rules":[$(rule openshell.sandbox.v1.SandboxPolicy),$(rule openshell.v1.ProviderProfile),$(rule sigdriver.v1.GatewaySettings)]}
END
echo "{\"schema\":\"sigdriver.drivers/v1\",\"drivers\":{\"lab\":{\"keys\":[{\"pem\":\"$(pem driver)\"}]}}}" > drivers.json
"$sigdriver" trust init --dir trust --authorities authorities.json --drivers drivers.json
cat > sigdriver.toml <<END
state_dir = "$here/state"
[socket]
path = "$here/run/s.sock"
[[peer]]
uid = $(id -u)
gateway_ids = ["gw-1"]
[trust]
root = "$here/trust/published/metadata/1.root.json"
source = "$here/trust/published"
[attestations]
dir = "$here/attestations"
[attest]
driver_id = "lab"
key = "$here/driver.key"
END
"$sigdriver" serve --config sigdriver.toml 2> driver.log &
trap 'kill %1; wait' EXIT
echo "the driver is process $!, its log is $here/driver.log; documents go into $here/documents"
while kill -0 %1 2>/dev/null; do
  for document in documents/*.json; do
    out=attestations/$(basename "$document" .json).bundle
    if [ -s "$document" ] && [ ! -e "$out" ]; then
      "$sigdriver" sign --yes --document "$document" --key approver.key --workspace '*' --name '*' --version 1 --out "$out"
    fi
  done
  sleep 1
done
