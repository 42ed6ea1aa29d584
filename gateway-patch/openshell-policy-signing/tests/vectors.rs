// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! The vectors that the driver's own tests read: the same bytes on both sides.

mod common;

use common::compose::{Attached, Source, compose};
use common::vectors::{
    self, CompositionVector, DocumentVector, Origin, RequestVector, RequestVectors, VectorRequest,
};
use openshell_policy_signing::{
    Composition, DOCUMENT_VECTORS_SHA256, Document, Layer, NoLayer, Question, Recipe, Role,
    Sandbox, Summary, SummaryDocument, Target, parse_strict,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a String takes everything");
        out
    })
}

fn role(name: &str) -> Role {
    Role::by_name(name).unwrap_or_else(|| panic!("no role {name}"))
}

fn recipe(name: &str) -> Recipe {
    Recipe::by_name(name).unwrap_or_else(|| panic!("no recipe {name}"))
}

fn no_layer(name: &str) -> NoLayer {
    NoLayer::by_name(name).unwrap_or_else(|| panic!("no reason {name}"))
}

#[test]
fn documents() {
    let mut passed_over = 0;
    let mut read = 0;
    for (file, vector) in vectors::folder::<DocumentVector>("documents") {
        assert_eq!(vector.format, "sigdriver.document-vector/v2", "{file}");
        assert_eq!(vector.name, file);
        assert_eq!(vector.refused, vector.document.is_none(), "{file}");
        assert_eq!(vector.refused, vector.sha256.is_none(), "{file}");
        let at = vector.refused && vector.from == Origin::Authored;
        assert!(at || vector.at.is_none(), "{file}");
        let input = match (vector.from, &vector.document) {
            (Origin::ProtoJson, _) => vector.input.get(),
            // What became of it is a document, and so its own document.
            (Origin::Authored, Some(document)) => document.get(),
            (Origin::Authored, None) => {
                passed_over += 1;
                continue;
            }
        };
        read += 1;
        let got = Document::parse(role(&vector.role), &input);
        let Some(want) = vector.document else {
            assert!(got.is_err(), "{file} must be refused: {}", vector.about);
            continue;
        };
        let got = got.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(
            String::from_utf8_lossy(got.body()),
            String::from_utf8_lossy(&want.get()),
            "{file}: {}",
            vector.about
        );
        assert_eq!(vector.sha256, Some(hex(got.sha256())), "{file}");
    }
    assert!(read > 0);
    println!("{read} documents, {passed_over} refusals of what only a reader of YAML sees");
}

/// A value that was read by somebody else, as a gateway's codec makes them, gives the
/// same document, if it is one.
#[test]
fn documents_from_values() {
    let mut seen = 0;
    for (file, vector) in vectors::folder::<DocumentVector>("documents") {
        let Some(want) = vector.document else {
            continue;
        };
        let input = match vector.from {
            Origin::ProtoJson => vector.input.get(),
            Origin::Authored => want.get(),
        };
        let message: Value = serde_json::from_slice(&input).expect("it is JSON");
        let got = Document::new(role(&vector.role), message).expect("it is a document");
        assert_eq!(got.body(), &want.get(), "{file}");
        seen += 1;
    }
    assert!(seen > 0, "no vector has a document");
}

/// The digest that the handshake compares is that of the vectors just read.
#[test]
fn digest_of_the_document_vectors() {
    let folder = common::repository().join("testdata/vectors/documents");
    let mut list = String::new();
    for (name, _) in vectors::folder::<DocumentVector>("documents") {
        let bytes = std::fs::read(folder.join(format!("{name}.json"))).expect("just read");
        list += &hex(&Sha256::digest(bytes));
        list += &["  ", &name, ".json\n"].concat();
    }
    assert_eq!(
        hex(&DOCUMENT_VECTORS_SHA256),
        hex(&Sha256::digest(list)),
        "write this digest into src/document-vectors.sha256"
    );
}

/// The fake gateway composes as the recipes say: what the other tests do with it is
/// what a gateway does.
#[test]
fn compositions() {
    let mut read = [0; Recipe::ALL.len()];
    for (file, vector) in vectors::folder::<CompositionVector>("compositions") {
        assert_eq!(vector.format, "sigdriver.composition-vector/v1", "{file}");
        assert_eq!(vector.name, file);
        let recipe = recipe(&vector.recipe);
        read[recipe as usize] += 1;
        let tree = |bytes: &vectors::Bytes| parse_strict(&bytes.get()).expect("it is strict");
        for layer in &vector.layers {
            let bytes = layer.document.get();
            let again = Document::parse(Role::ProviderProfile, &bytes).expect("it is a document");
            assert_eq!(again.body(), &bytes, "{file}");
        }
        let attached: Vec<_> = vector
            .layers
            .iter()
            .map(|layer| Attached {
                provider: layer.provider.clone(),
                profile: tree(&layer.document),
                no_layer: layer.no_layer.as_deref().map(no_layer),
            })
            .collect();
        let source = Source {
            policy: &tree(&vector.source.document),
            is_global: role(&vector.source.role) == Role::GlobalPolicy,
            providers_v2_enabled: vector.providers_v2,
        };
        let effective = Document::effective(compose(recipe, &source, &attached));
        let effective = effective.expect("it is well formed");
        assert_eq!(
            String::from_utf8_lossy(effective.body()),
            String::from_utf8_lossy(&vector.effective.get()),
            "{file}: {}",
            vector.about
        );
        assert_eq!(hex(effective.sha256()), vector.sha256, "{file}");
    }
    assert!(read.iter().all(|read| *read > 4), "{read:?} of each recipe");
}

#[test]
fn request_digests() {
    let path = common::repository().join("testdata/vectors/request-sha256.json");
    let file: RequestVectors = vectors::read(&path);
    assert_eq!(file.format, "sigdriver.request-vectors/v1");
    assert!(!file.vectors.is_empty());
    for vector in &file.vectors {
        let name = &vector.name;
        let summary = summary(vector);
        assert_eq!(summary.text(), vector.summary, "{name}");
        assert_eq!(hex(&summary.sha256()), vector.sha256, "{name}");
        let question = question(&vector.request);
        assert_eq!(hex(question.asked_sha256()), vector.asked_sha256, "{name}");
        if let Some(other) = &vector.same_as {
            let other = file.vectors.iter().find(|v| v.name == *other);
            assert_eq!(other.map(|v| &v.sha256), Some(&vector.sha256), "{name}");
        }
    }
}

/// The summary of a vector. The digests of its attestations are the driver's
/// business: they are taken from the text that is expected.
fn summary(vector: &RequestVector) -> Summary {
    let request = &vector.request;
    let expected: Value = serde_json::from_str(&vector.summary).expect("it is JSON");
    let documents = request.documents.iter().enumerate().map(|(i, document)| {
        let digests = expected["documents"][i]["attestations"].as_array();
        let attestations: Vec<String> = digests
            .expect("a list")
            .iter()
            .map(|digest| digest.as_str().expect("a string").to_owned())
            .collect();
        assert_eq!(attestations.len(), document.attestations.len());
        SummaryDocument {
            role: role(&document.role),
            workspace: document.workspace.clone(),
            provider: document.provider.clone(),
            no_layer: document.no_layer.as_deref().map(no_layer),
            sha256: Sha256::digest(document.body.get()).into(),
            attestations,
        }
    });
    Summary {
        purpose: match request.purpose.as_str() {
            "ADMIT" => "ADMIT",
            "COMPOSE" => "COMPOSE",
            other => panic!("no purpose {other}"),
        },
        target: target(request),
        recipe: request.recipe.clone(),
        providers_v2_enabled: request.providers_v2,
        without_profile: request.without_profile.clone(),
        documents: documents.collect(),
        effective_sha256: request
            .effective
            .as_ref()
            .map(|bytes| Sha256::digest(bytes.get()).into()),
    }
}

fn target(request: &VectorRequest) -> Target {
    let sandbox = Sandbox {
        workspace: request.target.workspace.clone(),
        id: request.target.sandbox.clone(),
        name: request.target.name.clone(),
    };
    Target::of(&request.target.gateway, &sandbox)
}

/// The same request as the hook builds it.
fn question(request: &VectorRequest) -> Question {
    let mut composition = Composition {
        providers_v2_enabled: request.providers_v2,
        without_profile: request.without_profile.clone(),
        ..Default::default()
    };
    for part in &request.documents {
        let document = Document::parse(role(&part.role), &part.body.get()).expect("a document");
        if request.purpose == "ADMIT" {
            return Question::admit(target(request), document, &part.workspace);
        }
        match document.role() {
            Role::Settings => composition.settings = Some(document),
            Role::ProviderProfile => composition.layers.push(Layer {
                provider: part.provider.clone(),
                workspace: part.workspace.clone(),
                profile: document,
                no_layer: part.no_layer.as_deref().map(no_layer),
            }),
            _ => composition.source = Some(document),
        }
    }
    composition.effective = request.effective.as_ref().map(|bytes| {
        let policy = parse_strict(&bytes.get()).expect("it is strict");
        Document::effective(policy).expect("it is well formed")
    });
    Question::compose(target(request), recipe(&request.recipe), composition)
}
