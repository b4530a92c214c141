//! The codec over pipes that split, lose and damage bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};
use vmbuild_protocol::codec::HEADER;
use vmbuild_protocol::{
    Call, Codec, CodecError, CommandLine, Digest, Envelope, Epoch, Exec, Frame, Hello, MAX_PAYLOAD, PutFile, RequestId,
    ToAgent,
};

/// Speaks and hears the host's words.
type Pipe = Codec<ToAgent, ToAgent>;

const OURS: Epoch = Epoch(0x00C0_FFEE);

fn listening() -> Pipe {
    Pipe::of_session(OURS)
}

fn encode(envelope: Envelope<ToAgent>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    Pipe::default().encode(envelope, &mut bytes).expect("it fits");
    bytes.to_vec()
}

/// Everything that comes out when the bytes arrive in these pieces and the pipe then ends.
fn decode(pipe: &mut Pipe, pieces: &[&[u8]]) -> Result<Vec<Envelope<ToAgent>>, CodecError> {
    let (mut buffer, mut heard) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(envelope) = pipe.decode(&mut buffer)? {
            heard.push(envelope);
        }
    }
    while let Some(envelope) = pipe.decode_eof(&mut buffer)? {
        heard.push(envelope);
    }
    Ok(heard)
}

fn message() -> impl Strategy<Value = ToAgent> {
    let id = any::<u32>().prop_map(RequestId);
    let words = vec(".{0,20}", 0..5);
    let exec = (words, vec((".{0,9}", ".{0,9}"), 0..3), ".{0,30}", any::<Option<u64>>()).prop_map(
        |(argv, env, cwd, timeout_ms)| Call::Exec(Exec { command: CommandLine { argv, env, cwd }, timeout_ms }),
    );
    let put = (".{0,30}", any::<u32>(), any::<u64>()).prop_map(|(path, mode, size)| PutFile { path, mode, size });
    let call = prop_oneof![Just(Call::Ping), exec, put.prop_map(Call::PutFile)];
    let digest = (any::<u64>(), any::<[u8; 32]>()).prop_map(|(bytes, sha256)| Digest { bytes, sha256 });
    prop_oneof![
        (id.clone(), call).prop_map(|(id, call)| ToAgent::Request { id, call }),
        id.clone().prop_map(|id| ToAgent::Cancel { id }),
        (id.clone(), any::<u32>()).prop_map(|(id, bytes)| ToAgent::Credit { id, bytes }),
        (id, digest).prop_map(|(id, digest)| ToAgent::DataEnd { id, digest }),
    ]
}

fn envelope() -> impl Strategy<Value = Envelope<ToAgent>> {
    let hello = (any::<u32>(), ".{0,20}", any::<u32>())
        .prop_map(|(protocol, build, epoch)| Frame::Hello(Hello { protocol, build, epoch: Epoch(epoch) }));
    // Often bytes that look like headers.
    let byte = prop_oneof![Just(0xB1), Just(0x56), Just(0), any::<u8>()];
    let data = (any::<u32>(), vec(byte, 0..300))
        .prop_map(|(id, bytes)| Frame::Data { id: RequestId(id), bytes: Bytes::from(bytes) });
    prop_oneof![hello, message().prop_map(Frame::Message), data].prop_map(|frame| Envelope { epoch: OURS, frame })
}

fn garbage() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0xB1), Just(0x56), Just(0), Just(1), any::<u8>()], 0..600)
}

/// Cuts at random places.
fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn what_goes_in_comes_out_however_it_is_split(
        envelopes in vec(envelope(), 0..8),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let bytes = envelopes.iter().cloned().flat_map(encode).collect::<Vec<_>>();
        let mut pipe = listening();
        prop_assert_eq!(decode(&mut pipe, &pieces(&bytes, &cuts)).expect("a healthy pipe"), envelopes);
        prop_assert_eq!(pipe.skipped, 0);
    }

    #[test]
    fn a_reader_that_starts_in_the_middle_finds_the_next_frame(
        first in envelope(),
        rest in vec(envelope(), 1..5),
        start in any::<prop::sample::Index>(),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut bytes = encode(first);
        bytes.drain(..=start.index(bytes.len()));
        let lost = bytes.len() as u64;
        bytes.extend(rest.iter().cloned().flat_map(encode));
        let mut pipe = listening();
        prop_assert_eq!(decode(&mut pipe, &pieces(&bytes, &cuts)).expect("no wrong frame"), rest);
        prop_assert_eq!(pipe.skipped, lost);
    }

    #[test]
    fn a_frame_whose_writer_died_costs_only_itself(
        dead in envelope(),
        rest in vec(envelope(), 1..5),
        end in any::<prop::sample::Index>(),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut bytes = encode(dead);
        let missing = bytes.split_off(end.index(bytes.len()));
        let next = rest.iter().cloned().flat_map(encode).collect::<Vec<_>>();
        // If only the first byte of a magic was missing, the next frame brings it: the dead one is whole then.
        prop_assume!(!next.starts_with(&missing));
        bytes.extend(next);
        prop_assert_eq!(decode(&mut listening(), &pieces(&bytes, &cuts)).expect("no wrong frame"), rest);
    }

    #[test]
    fn a_damaged_frame_never_comes_out(
        before in envelope(),
        damaged in envelope(),
        after in envelope(),
        place in any::<prop::sample::Index>(),
        change in 1..=u8::MAX,
    ) {
        let (mut bytes, mut bad) = (encode(before.clone()), encode(damaged));
        let place = place.index(bad.len());
        bad[place] ^= change;
        bytes.extend(bad);
        bytes.extend(encode(after.clone()));
        prop_assert_eq!(decode(&mut listening(), &[&bytes]).expect("no wrong frame"), vec![before, after]);
    }

    #[test]
    fn garbage_gives_nothing_and_hides_nothing(
        noise in garbage(),
        good in envelope(),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut bytes = noise;
        bytes.extend(encode(good.clone()));
        prop_assert_eq!(decode(&mut listening(), &pieces(&bytes, &cuts)).expect("no wrong frame"), vec![good]);
    }

    #[test]
    fn frames_of_other_sessions_are_dropped_unread(kind in 1..=u8::MAX, words in vec(any::<u8>(), 0..50)) {
        // The words of some other version: a good checksum over what this one cannot read.
        let frame = |epoch: Epoch| {
            let mut head = vec![0xB1, 0x56, kind, 0];
            head.extend(epoch.0.to_le_bytes());
            head.extend(u32::try_from(words.len()).expect("short").to_le_bytes());
            let checksum = crc32fast::hash(&[head.clone(), words.clone()].concat());
            [head, checksum.to_le_bytes().to_vec(), words.clone()].concat()
        };
        let good = Envelope { epoch: OURS, frame: Frame::Message(ToAgent::Cancel { id: RequestId(7) }) };
        let bytes = [frame(Epoch(1)), encode(good.clone())].concat();
        prop_assert_eq!(decode(&mut listening(), &[&bytes]).expect("unread"), vec![good]);
        if kind > 2 {
            let outcome = decode(&mut listening(), &[&frame(OURS)]);
            prop_assert!(matches!(outcome, Err(CodecError::UnknownKind(k)) if k == kind), "{outcome:?}");
        }
    }
}

#[test]
fn before_a_session_only_hellos_come_out() {
    let hello = Envelope { epoch: OURS, frame: Frame::Hello(Hello::ours(OURS)) };
    let message = Envelope { epoch: OURS, frame: Frame::Message(ToAgent::Cancel { id: RequestId(1) }) };
    let bytes = [encode(message.clone()), encode(hello.clone()), encode(message)].concat();
    assert_eq!(decode(&mut Pipe::default(), &[&bytes]).expect("a healthy pipe"), [hello]);
}

#[test]
fn a_hello_behind_any_dead_frame_is_found_and_nothing_else_is() {
    let hello = encode(Envelope { epoch: OURS, frame: Frame::Hello(Hello::ours(OURS)) });
    let bytes = Bytes::from(vec![7; MAX_PAYLOAD - 4]);
    let longest = encode(Envelope { epoch: Epoch(1), frame: Frame::Data { id: RequestId(1), bytes } });
    for kept in [HEADER, HEADER + 1, 9000] {
        let mut pipe = Pipe::default();
        let mut buffer = BytesMut::from(&[&longest[..kept], &hello, &hello].concat()[..]);
        assert_eq!(pipe.decode(&mut buffer).expect("nothing yet"), None);
        assert!(pipe.skip_to_hello(&mut buffer), "{kept} bytes of it");
        assert_eq!(buffer, hello, "the last one counts");
        for (from, to) in [(0, hello.len() - 1), (1, hello.len())] {
            let mut buffer = BytesMut::from(&[&longest[..kept], &hello[from..to]].concat()[..]);
            assert!(!pipe.skip_to_hello(&mut buffer), "a part of a hello is none");
            assert_eq!(buffer.len(), kept + to - from);
        }
        let mut buffer = BytesMut::from(&[&longest[..kept], &hello, b"."].concat()[..]);
        assert!(!pipe.skip_to_hello(&mut buffer), "more comes behind it");
    }
}

#[test]
fn a_reader_that_gives_up_finds_what_the_dead_frame_hid() {
    let hello = Envelope { epoch: OURS, frame: Frame::Hello(Hello::ours(OURS)) };
    let dead =
        encode(Envelope { epoch: Epoch(1), frame: Frame::Data { id: RequestId(1), bytes: vec![7; 999].into() } });
    let mut buffer = BytesMut::from(&[&dead[..500], &encode(hello.clone())].concat()[..]);
    let mut pipe = Pipe::default();
    assert_eq!(pipe.decode(&mut buffer).expect("nothing yet"), None);
    pipe.give_up(&mut buffer);
    assert_eq!(pipe.decode(&mut buffer).expect("a hello"), Some(hello));
    pipe.give_up(&mut buffer);
    assert!(buffer.is_empty());
}

#[test]
fn a_frame_past_the_limit_is_neither_written_nor_believed() {
    let frame = |length| Frame::Data { id: RequestId(1), bytes: vec![0; length].into() };
    let mut bytes = BytesMut::new();
    let mut write = |length| Pipe::default().encode(Envelope { epoch: OURS, frame: frame(length) }, &mut bytes);
    assert!(write(MAX_PAYLOAD - 4).is_ok());
    assert!(matches!(write(MAX_PAYLOAD - 3), Err(CodecError::TooLong(length)) if length == MAX_PAYLOAD + 1));

    // A header that announces more is taken for garbage at once: nothing is allocated for it.
    let mut head = vec![0xB1, 0x56, 2, 0, 0, 0, 0, 0];
    head.extend(u32::try_from(MAX_PAYLOAD + 1).expect("it fits").to_le_bytes());
    head.extend([0; 4]);
    let mut buffer = BytesMut::from(&head[..]);
    let mut pipe = Pipe::default();
    assert_eq!(pipe.decode(&mut buffer).expect("garbage"), None);
    assert_eq!(pipe.skipped, head.len() as u64);
}
