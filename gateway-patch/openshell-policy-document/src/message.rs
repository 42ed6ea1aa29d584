// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//! From an encoded protobuf message to its `ProtoJSON`, by the host's own descriptors:
//! default values left out, 64-bit integers as strings, lowerCamelCase names.
//!
//! It reads what policies are made of and refuses the rest (enumerations, floats,
//! groups and well-known types but `google.protobuf.Struct`), as it refuses a field
//! that the descriptors do not have: what is enforced must be what was judged.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Number, Value};

const STRUCT: &str = "google.protobuf.Struct";
const MAX_DEPTH: usize = 40;

/// A message that has no `ProtoJSON` here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageError {
    /// The bytes are no protobuf.
    Malformed,
    /// There is no such message among the descriptors.
    UnknownType,
    /// It has a field that the descriptors do not know.
    UnknownField,
    /// It has a field of a kind that policies do not have.
    Unsupported,
    /// It nests too deep.
    TooDeep,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the message is no protobuf",
            Self::UnknownType => "the message's type is unknown",
            Self::UnknownField => "the message has a field that this build does not know",
            Self::Unsupported => "the message has a field of a kind that policies do not have",
            Self::TooDeep => "the message nests too deep",
        })
    }
}

impl std::error::Error for MessageError {}

/// The messages of a `FileDescriptorSet`.
#[derive(Debug)]
pub struct Messages(HashMap<String, Kind>);

#[derive(Debug, Default)]
struct Kind {
    map_entry: bool,
    fields: HashMap<u64, Field>,
}

#[derive(Debug, Default)]
struct Field {
    json_name: String,
    repeated: bool,
    presence: bool,
    kind: u64,
    message: String,
}

impl Messages {
    /// Reads an encoded `FileDescriptorSet`, as protoc writes it.
    pub fn read(descriptors: &[u8]) -> Result<Self, MessageError> {
        let mut all = HashMap::new();
        for (number, file) in fields(descriptors)? {
            if number == 1 {
                read_file(&mut all, file.bytes()?)?;
            }
        }
        Ok(Self(all))
    }

    /// The `ProtoJSON` of an encoded message of this full name.
    pub fn to_json(&self, name: &str, message: &[u8]) -> Result<Value, MessageError> {
        self.message(name, message, 0)
    }

    fn message(&self, name: &str, bytes: &[u8], depth: usize) -> Result<Value, MessageError> {
        if depth > MAX_DEPTH {
            return Err(MessageError::TooDeep);
        }
        if name == STRUCT {
            return struct_json(bytes, depth);
        }
        let kind = self.0.get(name).ok_or(MessageError::UnknownType)?;
        let mut out = Map::new();
        for (number, wire) in fields(bytes)? {
            let field = kind.fields.get(&number).ok_or(MessageError::UnknownField)?;
            match self.0.get(&field.message) {
                Some(entry) if entry.map_entry => {
                    let (key, value) = self.entry(entry, wire.bytes()?, depth)?;
                    let map = out
                        .entry(field.json_name.as_str())
                        .or_insert_with(|| Value::Object(Map::new()));
                    let map = map.as_object_mut().ok_or(MessageError::Malformed)?;
                    map.insert(key, value);
                }
                _ if field.repeated => {
                    let list = out
                        .entry(field.json_name.as_str())
                        .or_insert_with(|| Value::Array(Vec::new()));
                    let list = list.as_array_mut().ok_or(MessageError::Malformed)?;
                    match wire {
                        Wire::Bytes(packed) if field.packable() => {
                            for number in varints(packed)? {
                                list.push(field.number(number)?);
                            }
                        }
                        wire => list.push(self.value(field, wire, depth)?),
                    }
                }
                _ => {
                    let value = self.value(field, wire, depth)?;
                    let default = !field.presence && value == field.zero()?;
                    // A second value of one field: whoever reads it may take either.
                    if out.contains_key(&field.json_name) {
                        return Err(MessageError::Malformed);
                    }
                    if !default {
                        out.insert(field.json_name.clone(), value);
                    }
                }
            }
        }
        Ok(Value::Object(out))
    }

    fn entry(
        &self,
        kind: &Kind,
        bytes: &[u8],
        depth: usize,
    ) -> Result<(String, Value), MessageError> {
        let field = |number| kind.fields.get(&number).ok_or(MessageError::Malformed);
        let (mut key, mut value) = (field(1)?.zero()?, None);
        for (number, wire) in fields(bytes)? {
            match number {
                1 => key = self.value(field(1)?, wire, depth)?,
                2 => value = Some(self.value(field(2)?, wire, depth)?),
                _ => return Err(MessageError::UnknownField),
            }
        }
        let key = match key {
            Value::String(text) => text,
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            _ => return Err(MessageError::Malformed),
        };
        let value = value.map_or_else(|| field(2)?.zero(), Ok)?;
        Ok((key, value))
    }

    fn value(&self, field: &Field, wire: Wire<'_>, depth: usize) -> Result<Value, MessageError> {
        match (field.kind, wire) {
            (TYPE_STRING, Wire::Bytes(bytes)) => Ok(Value::String(text(bytes)?)),
            (TYPE_BYTES, Wire::Bytes(bytes)) => Ok(Value::String(base64(bytes))),
            (TYPE_MESSAGE, Wire::Bytes(bytes)) => self.message(&field.message, bytes, depth + 1),
            (_, Wire::Varint(number)) => field.number(number),
            _ => Err(MessageError::Unsupported),
        }
    }
}

// Of descriptor.proto's FieldDescriptorProto.Type.
const TYPE_INT64: u64 = 3;
const TYPE_UINT64: u64 = 4;
const TYPE_INT32: u64 = 5;
const TYPE_BOOL: u64 = 8;
const TYPE_STRING: u64 = 9;
const TYPE_MESSAGE: u64 = 11;
const TYPE_BYTES: u64 = 12;
const TYPE_UINT32: u64 = 13;
const LABEL_REPEATED: u64 = 3;

impl Field {
    fn packable(&self) -> bool {
        matches!(
            self.kind,
            TYPE_INT64 | TYPE_UINT64 | TYPE_INT32 | TYPE_BOOL | TYPE_UINT32
        )
    }

    /// A number of the field's type; what does not fit it is cut off, as readers do.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    fn number(&self, number: u64) -> Result<Value, MessageError> {
        match self.kind {
            TYPE_BOOL => Ok(Value::Bool(number != 0)),
            TYPE_INT32 => Ok((number as i32).into()),
            TYPE_UINT32 => Ok((number as u32).into()),
            TYPE_INT64 => Ok((number as i64).to_string().into()),
            TYPE_UINT64 => Ok(number.to_string().into()),
            _ => Err(MessageError::Unsupported),
        }
    }

    /// What a map's entry means that leaves its key or value out.
    fn zero(&self) -> Result<Value, MessageError> {
        match self.kind {
            TYPE_STRING | TYPE_BYTES => Ok(Value::String(String::new())),
            TYPE_MESSAGE => Ok(Value::Object(Map::new())),
            _ => self.number(0),
        }
    }
}

fn read_file(all: &mut HashMap<String, Kind>, file: &[u8]) -> Result<(), MessageError> {
    let parts = fields(file)?;
    let mut package = String::new();
    for (number, wire) in &parts {
        if *number == 2 {
            package = text(wire.bytes()?)?;
        }
    }
    for (number, wire) in &parts {
        if *number == 4 {
            read_message(all, &package, wire.bytes()?, 0)?;
        }
    }
    Ok(())
}

fn read_message(
    all: &mut HashMap<String, Kind>,
    scope: &str,
    bytes: &[u8],
    depth: usize,
) -> Result<(), MessageError> {
    if depth > MAX_DEPTH {
        return Err(MessageError::TooDeep);
    }
    let parts = fields(bytes)?;
    let mut kind = Kind::default();
    let mut name = String::new();
    for (number, wire) in &parts {
        match number {
            1 => name = text(wire.bytes()?)?,
            2 => {
                let (number, field) = read_field(wire.bytes()?)?;
                kind.fields.insert(number, field);
            }
            7 => kind.map_entry = has(wire.bytes()?, 7)?,
            _ => {}
        }
    }
    if !scope.is_empty() {
        name = format!("{scope}.{name}");
    }
    for (number, wire) in &parts {
        if *number == 3 {
            read_message(all, &name, wire.bytes()?, depth + 1)?;
        }
    }
    all.insert(name, kind);
    Ok(())
}

/// Reports whether a flag of an options message is set.
fn has(options: &[u8], flag: u64) -> Result<bool, MessageError> {
    let set = |(number, wire): &(u64, Wire<'_>)| *number == flag && *wire == Wire::Varint(1);
    Ok(fields(options)?.iter().any(set))
}

fn read_field(bytes: &[u8]) -> Result<(u64, Field), MessageError> {
    let mut field = Field::default();
    let mut number = 0;
    for (part, wire) in fields(bytes)? {
        match (part, wire) {
            (3, Wire::Varint(n)) => number = n,
            (4, Wire::Varint(label)) => field.repeated = label == LABEL_REPEATED,
            (5, Wire::Varint(kind)) => field.kind = kind,
            (6, Wire::Bytes(name)) => {
                let name = text(name)?;
                name.strip_prefix('.')
                    .ok_or(MessageError::Malformed)?
                    .clone_into(&mut field.message);
            }
            // A member of a oneof, also of the one behind `optional`.
            (9, _) => field.presence = true,
            (10, Wire::Bytes(name)) => field.json_name = text(name)?,
            _ => {}
        }
    }
    field.presence |= field.kind == TYPE_MESSAGE;
    if field.json_name.is_empty() {
        return Err(MessageError::Malformed); // protoc always writes it
    }
    Ok((number, field))
}

/// `google.protobuf.Struct`: fields, a map from names to values.
fn struct_json(bytes: &[u8], depth: usize) -> Result<Value, MessageError> {
    if depth > MAX_DEPTH {
        return Err(MessageError::TooDeep);
    }
    let mut out = Map::new();
    for (number, wire) in fields(bytes)? {
        if number != 1 {
            return Err(MessageError::UnknownField);
        }
        let (mut key, mut value) = (String::new(), None);
        for (number, wire) in fields(wire.bytes()?)? {
            match number {
                1 => key = text(wire.bytes()?)?,
                2 => value = Some(value_json(wire.bytes()?, depth + 1)?),
                _ => return Err(MessageError::UnknownField),
            }
        }
        out.insert(key, value.ok_or(MessageError::Malformed)?);
    }
    Ok(Value::Object(out))
}

/// `google.protobuf.Value`: exactly one of its kinds.
fn value_json(bytes: &[u8], depth: usize) -> Result<Value, MessageError> {
    if depth > MAX_DEPTH {
        return Err(MessageError::TooDeep);
    }
    let [(number, wire)] =
        <[_; 1]>::try_from(fields(bytes)?).map_err(|_| MessageError::Malformed)?;
    match (number, wire) {
        (1, Wire::Varint(0)) => Ok(Value::Null),
        (2, Wire::Fixed64(bits)) => Number::from_f64(f64::from_bits(bits))
            .map(Value::Number)
            .ok_or(MessageError::Malformed),
        (3, Wire::Bytes(bytes)) => Ok(Value::String(text(bytes)?)),
        (4, Wire::Varint(flag)) => Ok(Value::Bool(flag != 0)),
        (5, Wire::Bytes(bytes)) => struct_json(bytes, depth + 1),
        (6, Wire::Bytes(bytes)) => {
            let mut list = Vec::new();
            for (number, wire) in fields(bytes)? {
                if number != 1 {
                    return Err(MessageError::UnknownField);
                }
                list.push(value_json(wire.bytes()?, depth + 1)?);
            }
            Ok(Value::Array(list))
        }
        _ => Err(MessageError::UnknownField),
    }
}

/// What a field is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire<'b> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'b [u8]),
    Fixed32,
}

impl<'b> Wire<'b> {
    fn bytes(self) -> Result<&'b [u8], MessageError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(MessageError::Malformed),
        }
    }
}

/// The fields of a message, in the order of its bytes.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u64, Wire<'_>)>, MessageError> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let wire = match tag & 7 {
            0 => Wire::Varint(varint(&mut bytes)?),
            1 => {
                let (eight, rest) = bytes.split_first_chunk().ok_or(MessageError::Malformed)?;
                bytes = rest;
                Wire::Fixed64(u64::from_le_bytes(*eight))
            }
            2 => {
                let long = usize::try_from(varint(&mut bytes)?);
                let long = long.map_err(|_| MessageError::Malformed)?;
                let (own, rest) = bytes
                    .split_at_checked(long)
                    .ok_or(MessageError::Malformed)?;
                bytes = rest;
                Wire::Bytes(own)
            }
            5 => {
                bytes = bytes.split_at_checked(4).ok_or(MessageError::Malformed)?.1;
                Wire::Fixed32
            }
            _ => return Err(MessageError::Malformed),
        };
        out.push((tag >> 3, wire));
    }
    Ok(out)
}

fn varints(mut bytes: &[u8]) -> Result<Vec<u64>, MessageError> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        out.push(varint(&mut bytes)?);
    }
    Ok(out)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, MessageError> {
    let mut out = 0;
    for shift in (0..70).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or(MessageError::Malformed)?;
        *bytes = rest;
        if shift == 63 && *first > 1 {
            break;
        }
        out |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(out);
        }
    }
    Err(MessageError::Malformed)
}

fn text(bytes: &[u8]) -> Result<String, MessageError> {
    let text = std::str::from_utf8(bytes).map_err(|_| MessageError::Malformed)?;
    Ok(text.to_owned())
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let all = three
            .iter()
            .fold(0_u32, |all, byte| all << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = (all >> (18 - 6 * place) & 63) as usize;
            let spare = place > three.len();
            out.push(if spare {
                '='
            } else {
                char::from(DIGITS[digit])
            });
        }
    }
    out
}
