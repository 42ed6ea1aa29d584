# SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
# SPDX-License-Identifier: Apache-2.0
"""Says how a released OpenShell spells requests: argv[1] is the folder of its package.

In: {"policy": ..., "profile": ...}, ProtoJSON. Out: the members of the requests, and
some requests as a gateway passes them on."""
import importlib
import json
import pathlib
import sys
import types

package = types.ModuleType("openshell")  # the package itself wants a gRPC client
package.__path__ = [str(pathlib.Path(sys.argv[1]) / "openshell")]
sys.modules["openshell"] = package
api = importlib.import_module("openshell._proto.openshell_pb2")
from google.protobuf import json_format

given = json.load(sys.stdin)
scope = {"workspace": "prod"}
operations = {
    "CreateSandbox": {"name": "web-1", "workspaceScope": scope, "requestId": "r", "labels": {"a": "b"},
                      "spec": {"policy": given["policy"], "providers": ["forge"], "tty": True}},
    "UpdateConfig": {"sandbox": "web-1", "workspaceScope": scope, "requestId": "r", "policy": given["policy"]},
    "ImportProviderProfiles": {"workspaceScope": scope, "requestId": "r", "profiles": [{"profile": given["profile"], "source": "forge.yaml"}]},
    "UpdateProviderProfiles": {"workspaceScope": scope, "id": given["profile"]["id"], "profile": {"profile": given["profile"]}},
    "AttachSandboxProvider": {"sandbox": "web-1", "provider": "forge", "workspaceScope": scope, "requestId": "r"},
    "SubmitPolicyAnalysis": {"name": "web-1", "workspaceScope": scope, "analysisMode": "x"},
}
out = {"members": {}, "operations": {}}
for method, operation in operations.items():
    kind = getattr(api, method + "Request")
    message = kind.FromString(json_format.ParseDict(operation, kind()).SerializeToString())
    out["operations"][method] = json_format.MessageToDict(message)
    out["members"][method] = [f.json_name for f in kind.DESCRIPTOR.fields]
out["members"]["spec"] = [f.json_name for f in api.SandboxSpec.DESCRIPTOR.fields]
json.dump(out, sys.stdout)
