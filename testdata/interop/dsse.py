# SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
# SPDX-License-Identifier: Apache-2.0

"""Attests a document with in-toto-attestation and securesystemslib.

dsse.py KEY DOCUMENT PREDICATE PREDICATE_TYPE writes a DSSE envelope to the
standard output. KEY is a PKCS#8 PEM file without a passphrase.
"""

import hashlib
import json
import os
import sys

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from google.protobuf.json_format import MessageToJson
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey


def main(key_path, document_path, predicate_path, predicate_type):
    with open(document_path, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    with open(predicate_path, "rb") as f:
        predicate = json.load(f)
    subject = ResourceDescriptor(name=os.path.basename(document_path), digest={"sha256": digest})
    subject.validate()
    statement = Statement([subject.pb], predicate_type, predicate)
    statement.validate()
    with open(key_path, "rb") as f:
        private = load_pem_private_key(f.read(), None)
    signer = CryptoSigner(private, SSlibKey.from_crypto(private.public_key()))
    envelope = Envelope(MessageToJson(statement.pb).encode(), "application/vnd.in-toto+json", {})
    envelope.sign(signer)
    json.dump(envelope.to_dict(), sys.stdout)


main(*sys.argv[1:])
