// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! `ProtoJSON` by our own reader and by prost-reflect, which gateways use, over random
//! messages of a schema that has every kind of field that policies have.

#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // random numbers

use openshell_policy_document::{MessageError, Messages};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

const SCHEMA: &str = r#"
syntax = "proto3";
package test.v1;
import "google/protobuf/struct.proto";
message Policy {
  uint32 version = 1;
  Part part = 2;
  map<string, Rule> named_rules = 5;
  map<string, google.protobuf.Struct> configs = 6;
  map<int32, string> by_number = 7;
  map<bool, uint64> by_flag = 8;
  string a_text = 20;
  bytes some_bytes = 21;
  int64 wide = 22;
  uint64 wide_unsigned = 23;
  int32 order = 24;
  bool flag = 25;
  optional bool maybe_flag = 26;
  optional string maybe_text = 27;
  oneof either { string left = 28; Part right = 29; }
}
message Part { repeated string read_only = 1; repeated uint32 ports = 2; repeated bool flags = 3; repeated int64 wides = 4; Part below = 5; }
message Rule { string name = 1; repeated Part parts = 2; google.protobuf.Struct config = 3; }
"#;

struct Seed(u64);

impl Seed {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn text(&mut self) -> Vec<u8> {
        let all = ["", "a", "host", "é", "\u{1f600}", "\"\\\n", "0"];
        all[usize::try_from(self.below(7)).expect("below 7")]
            .as_bytes()
            .to_vec()
    }

    /// Random bytes of a message of this type: mostly sound, in any order of fields.
    fn message(&mut self, kind: &prost_reflect::MessageDescriptor, depth: u32) -> Vec<u8> {
        let mut fields: Vec<_> = kind.fields().collect();
        let mut out = Vec::new();
        while !fields.is_empty() {
            let at = usize::try_from(self.below(fields.len() as u64)).expect("an index");
            let field = fields.swap_remove(at);
            let times = if field.is_list() || field.is_map() {
                self.below(4)
            } else {
                // A value without a kind is one that readers disagree about.
                self.below(2) | u64::from(kind.is_map_entry())
            };
            for _ in 0..times {
                self.field(&field, depth, &mut out);
            }
        }
        out
    }

    fn field(&mut self, field: &prost_reflect::FieldDescriptor, depth: u32, out: &mut Vec<u8>) {
        use prost_reflect::Kind;
        let tag = |wire: u32| u64::from(field.number() << 3 | wire);
        let bytes = match field.kind() {
            Kind::String => self.text(),
            Kind::Bytes => (0..self.below(6)).map(|_| self.below(256) as u8).collect(),
            Kind::Message(kind) if kind.full_name() == "google.protobuf.Value" => {
                self.json_value(depth)
            }
            Kind::Message(kind) if kind.is_map_entry() => self.message(&kind, depth),
            Kind::Message(_) if depth == 0 => Vec::new(),
            Kind::Message(kind) => self.message(&kind, depth - 1),
            _ => {
                let number = match self.below(4) {
                    0 => 0,
                    1 => self.below(300),
                    2 => u64::MAX - self.below(3),
                    _ => self.below(u64::MAX),
                };
                if field.is_list() {
                    // Packed, as writers do.
                    let mut packed = Vec::new();
                    varint(number, &mut packed);
                    varint(self.below(2), &mut packed);
                    varint(tag(2), out);
                    varint(packed.len() as u64, out);
                    out.extend(packed);
                } else {
                    varint(tag(0), out);
                    varint(number, out);
                }
                return;
            }
        };
        varint(tag(2), out);
        varint(bytes.len() as u64, out);
        out.extend(bytes);
    }

    /// A `google.protobuf.Value` has exactly one of its kinds.
    fn json_value(&mut self, depth: u32) -> Vec<u8> {
        let mut out = Vec::new();
        match self.below(if depth > 1 { 5 } else { 4 }) {
            0 => out.extend([8, 0]),
            1 => {
                out.push(0x11);
                let number = self.below(1 << 40) as f64 / 8.0;
                out.extend(number.to_le_bytes());
            }
            2 => {
                let text = self.text();
                out.extend([0x1a, text.len() as u8]);
                out.extend(text);
            }
            3 => out.extend([0x20, self.below(2) as u8]),
            _ => {
                let item = self.json_value(depth - 1);
                let mut list = vec![0x0a];
                varint(item.len() as u64, &mut list);
                list.extend(item);
                out.push(0x32);
                varint(list.len() as u64, &mut out);
                out.extend(list);
            }
        }
        out
    }
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn schema() -> (DescriptorPool, Messages) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("test.proto"), SCHEMA).expect("written");
    let files = protox::compile(["test.proto"], [folder.path()]).expect("it compiles");
    let bytes = files.encode_to_vec();
    let pool = DescriptorPool::decode(bytes.as_slice()).expect("descriptors");
    (pool, Messages::read(&bytes).expect("descriptors"))
}

fn theirs(pool: &DescriptorPool, name: &str, bytes: &[u8]) -> Option<Value> {
    let kind = pool.get_message_by_name(name)?;
    let message = DynamicMessage::decode(kind, bytes).ok()?;
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(true)
        .use_proto_field_name(false)
        .skip_default_fields(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .ok()
}

#[test]
fn same_as_prost_reflect() {
    let (pool, ours) = schema();
    let kind = pool
        .get_message_by_name("test.v1.Policy")
        .expect("it is there");
    let mut seed = Seed(0x1234_5678_9abc_def1);
    let mut long = 0;
    for _ in 0..3000 {
        let bytes = seed.message(&kind, 4);
        let got = ours.to_json("test.v1.Policy", &bytes);
        let want = theirs(&pool, "test.v1.Policy", &bytes);
        // A oneof with both members is read as its last one; we refuse to choose.
        let both = got
            .as_ref()
            .is_ok_and(|v| v.get("left").is_some() && v.get("right").is_some());
        if !both {
            assert_eq!(got.ok(), want, "{bytes:?}");
            long += usize::from(bytes.len() > 100);
        }
    }
    assert!(long > 100, "only {long} are of any size");
}

#[test]
fn refuses() {
    let (_, ours) = schema();
    let json = |bytes: &[u8]| ours.to_json("test.v1.Policy", bytes);
    assert_eq!(json(&[]), Ok(serde_json::json!({})));
    assert_eq!(
        ours.to_json("test.v1.None", &[]),
        Err(MessageError::UnknownType)
    );
    // Field 99, and field 1 of another wire type.
    assert_eq!(json(&[0x98, 0x06, 1]), Err(MessageError::UnknownField));
    assert!(json(&[0x0a, 1, 65]).is_err());
    // One field twice: a reader may take either.
    assert_eq!(json(&[8, 1, 8, 2]), Err(MessageError::Malformed));
    // Cut, an endless varint, a length beyond the end, bytes that are no UTF-8.
    for bytes in [
        &[8][..],
        &[0x80; 11],
        &[0x12, 5, 0],
        &[0xa2, 0x01, 1, 0xff],
        &[0x0b],
    ] {
        assert!(json(bytes).is_err(), "{bytes:?}");
    }
    // Parts within parts, until nobody would read them.
    let mut deep = Vec::new();
    for _ in 0..100 {
        let mut outer = vec![0x2a];
        varint(deep.len() as u64, &mut outer);
        outer.extend(&deep);
        deep = outer;
    }
    assert_eq!(
        ours.to_json("test.v1.Part", &deep),
        Err(MessageError::TooDeep)
    );
}

#[test]
fn never_panics() {
    let (pool, ours) = schema();
    let kind = pool
        .get_message_by_name("test.v1.Policy")
        .expect("it is there");
    let mut seed = Seed(77);
    for _ in 0..3000 {
        let mut bytes = seed.message(&kind, 3);
        for _ in 0..seed.below(4) {
            if !bytes.is_empty() {
                let at = usize::try_from(seed.below(bytes.len() as u64)).expect("an index");
                bytes[at] = seed.below(256) as u8;
            }
        }
        let _ = ours.to_json("test.v1.Policy", &bytes); // any answer will do
        let _ = Messages::read(&bytes);
    }
}
