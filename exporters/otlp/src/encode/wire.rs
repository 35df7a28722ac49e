//! Protobuf's wire format, as far as OTLP's metrics need it.
//!
//! A message tree of `opentelemetry-proto` owns every string and every list, and `prost` measures it once per level before
//! it writes a byte: that took ten times as long as collecting what is written. So points go straight from the snapshot
//! into the request's bytes. (protobuf.dev, "Encoding"; field numbers below 16, whose tag is one byte, are all there are.)
//!
//! A scalar field that has its default value is left out, except where its presence says something.

/// Appends a message, or whatever else has a length: what `content` appends.
///
/// Lengths come before what they measure. There is room for one byte, which is what most lengths need; a longer one moves
/// the content on, which costs less than measuring it before it is written.
#[inline]
pub(super) fn nested<R>(
    out: &mut Vec<u8>,
    field: u8,
    content: impl FnOnce(&mut Vec<u8>) -> R,
) -> R {
    nested_near(out, field, &mut 1, content)
}

/// The same for one of many that are about as long as each other: `room` is how many bytes the length of the last one
/// took. Where this one takes as many, nothing is moved.
#[inline]
pub(super) fn nested_near<R>(
    out: &mut Vec<u8>,
    field: u8,
    room: &mut usize,
    content: impl FnOnce(&mut Vec<u8>) -> R,
) -> R {
    out.push(tag(field, LENGTH_DELIMITED));
    let first = out.len();
    let start = first + (*room).max(1);
    out.resize(start, 0);
    let result = content(out);
    let end = out.len();
    let mut length = end - start;
    *room = varint_len(length);
    let moved = first + *room;
    if moved != start {
        out.resize(end.max(moved + length), 0);
        out.copy_within(start..end, moved);
        out.truncate(moved + length);
    }
    for byte in &mut out[first..moved] {
        *byte = length as u8 | 0x80;
        length >>= 7;
    }
    out[moved - 1] &= 0x7f;
    result
}

/// Appends a packed list of `fixed64` or `double` by their bits, unless there are none.
pub(super) fn packed64<T>(out: &mut Vec<u8>, field: u8, values: &[T], bits: impl Fn(&T) -> u64) {
    if values.is_empty() {
        return;
    }
    out.push(tag(field, LENGTH_DELIMITED));
    varint(out, 8 * values.len() as u64);
    let start = out.len();
    // Once for all of them.
    out.resize(start + 8 * values.len(), 0);
    for (bytes, value) in out[start..].as_chunks_mut().0.iter_mut().zip(values) {
        *bytes = bits(value).to_le_bytes();
    }
}

/// Appends text, also where it is empty.
pub(super) fn text(out: &mut Vec<u8>, field: u8, text: &str) {
    bytes(out, field, text.as_bytes());
}

/// Appends bytes, also where there are none.
pub(super) fn bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(tag(field, LENGTH_DELIMITED));
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a `fixed64`, `sfixed64` or `double` by its bits, also 0.
pub(super) fn fixed64(out: &mut Vec<u8>, field: u8, bits: u64) {
    let mut whole = [tag(field, FIXED_64); 9];
    whole[1..].copy_from_slice(&bits.to_le_bytes());
    out.extend_from_slice(&whole);
}

/// Appends a `double`, also 0.
pub(super) fn double(out: &mut Vec<u8>, field: u8, value: f64) {
    fixed64(out, field, value.to_bits());
}

/// Appends a `bool`, an `enum` or an `int64`, also 0.
pub(super) fn int(out: &mut Vec<u8>, field: u8, value: i64) {
    out.push(tag(field, VARINT));
    // Two's complement: a negative one has ten bytes.
    varint(out, value as u64);
}

/// Appends a `sint32` unless it is 0.
pub(super) fn sint32(out: &mut Vec<u8>, field: u8, value: i32) {
    if value != 0 {
        out.push(tag(field, VARINT));
        varint(out, u64::from(((value << 1) ^ (value >> 31)) as u32));
    }
}

/// Appends a `varint` alone, as packed lists have them.
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;

const fn tag(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

/// How many bytes a length takes: one for each seven bits.
fn varint_len(length: usize) -> usize {
    ((usize::BITS - (length | 1).leading_zeros()) as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::encoding::{encode_varint, encoded_len_varint};

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_written_as_prost_writes_them(value in any::<u64>(), shift in 0..64u32) {
            let value = value >> shift;
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            varint(&mut ours, value);
            encode_varint(value, &mut theirs);
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(varint_len(value as usize), encoded_len_varint(value));
        }

        #[test]
        fn a_length_stands_before_its_content_however_long(length in 0..70_000usize) {
            let content: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let (mut ours, mut theirs) = (vec![7], vec![7]);
            nested(&mut ours, 2, |out| out.extend_from_slice(&content));
            bytes(&mut theirs, 2, &content);
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn what_the_last_length_took_is_not_taken_for_granted() {
        let (mut ours, mut theirs, mut room) = (vec![7], vec![7], 0);
        for length in [0, 5, 127, 128, 3, 200, 20_000, 16_383, 1, 2_097_152, 0] {
            let content = vec![1; length];
            nested_near(&mut ours, 1, &mut room, |out| {
                out.extend_from_slice(&content);
            });
            bytes(&mut theirs, 1, &content);
        }
        assert_eq!(ours, theirs);
        nested(&mut ours, 2, |out| {
            packed64(out, 1, &[1.5f64, -0.0], |it| it.to_bits());
        });
        let doubles = [1.5f64, -0.0].map(f64::to_le_bytes).concat();
        nested(&mut theirs, 2, |out| bytes(out, 1, &doubles));
        packed64(&mut ours, 1, &[0u64; 0], |it| *it);
        assert_eq!(ours, theirs);
    }

    #[test]
    fn lengths_at_the_edges_of_a_byte_are_right() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let content = vec![1; length];
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            nested(&mut ours, 1, |out| out.extend_from_slice(&content));
            bytes(&mut theirs, 1, &content);
            assert_eq!(ours, theirs, "{length}");
        }
    }
}
