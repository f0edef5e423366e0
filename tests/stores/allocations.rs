//! What is stored keeps nothing alive but itself: a body that came in slices of read buffers is an allocation of its own size,
//! and so are coded forms and what stores read.

use crate::backends;
use crate::battery::Open;
use crate::samples::{lifetime, noise, response, shared};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use vitrine::cache_name::CacheName;
use vitrine::coding::Coding;
use vitrine::fetch::Tape;
use vitrine::stored::{Coded, CodedForm, Parts, Piece, StoredBody, TOKEN_BYTES};

/// As hyper reads: many bodies' worth in one.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// A read buffer, and what tells whether anybody still holds a part of it.
fn read_buffer() -> (Bytes, Arc<()>) {
    struct Held(Bytes, #[expect(dead_code, reason = "it is counted")] Arc<()>);
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let held = Arc::new(());
    (Bytes::from_owner(Held(noise(READ_BUFFER_BYTES, 1), held.clone())), held)
}

/// Bytes of the allocation that these are in, from where they begin.
fn allocated(bytes: Bytes) -> usize {
    bytes.try_into_mut().map(|own| own.capacity()).expect("nobody else holds them")
}

/// What a body's pieces and a response's coded forms are.
fn all_bytes(body: &StoredBody, forms: &[CodedForm]) -> Vec<Bytes> {
    let pieces = |body: &StoredBody| {
        let shared = body.pieces().iter().filter_map(|piece| match piece {
            Piece::Shared(bytes) => Some(bytes.clone()),
            Piece::Token => None,
        });
        shared.collect::<Vec<_>>()
    };
    let coded = forms.iter().flat_map(|form| match form {
        CodedForm::Whole(_, bytes) => vec![bytes.clone()],
        CodedForm::Packed(packed) => pieces(&packed.body),
    });
    pieces(body).into_iter().chain(coded).collect()
}

#[test]
fn room_that_is_not_used_is_seen() {
    let mut roomy = Vec::with_capacity(4_096);
    roomy.extend_from_slice(b"a little");
    assert!(allocated(Bytes::from(roomy)) >= 4_096);
}

#[test]
fn a_body_that_came_in_parts_of_read_buffers_lets_these_go() {
    let (buffer, held) = read_buffer();
    let tape = Tape::default();
    tape.write(buffer.slice(100..1_100));
    tape.write(buffer.slice(40_000..41_000));
    let whole = tape.contents(&buffer.slice(50_000..50_500));
    assert!(Arc::strong_count(&held) > 1);
    drop((buffer, tape));
    assert_eq!(Arc::strong_count(&held), 1, "the read buffer is kept");
    assert_eq!(allocated(whole), 2_500);
}

#[test]
fn a_page_with_tokens_lets_the_page_go_that_it_was_cut_from() {
    let (buffer, held) = read_buffer();
    let body = StoredBody::with_tokens(&buffer[..9_000], &[1_000, 5_000]);
    drop(buffer);
    assert_eq!(Arc::strong_count(&held), 1, "the read buffer is kept");
    let first = all_bytes(&body, &[]).swap_remove(0);
    drop(body);
    assert_eq!(allocated(first), 9_000 - 2 * TOKEN_BYTES, "all of it in one");
}

#[test]
fn coded_forms_are_of_their_own_size() {
    let content = "<li class=\"pod\">The same again</li>".repeat(500);
    for coding in Coding::ALL {
        let coded = coding.compressed(content.as_bytes()).unwrap();
        assert_eq!(coded.len(), allocated(coded), "{coding}");
    }
}

#[tokio::test]
async fn sqlite_reads_a_body_and_its_forms_into_an_allocation_of_their_size() {
    reads_what_is_asked_for_and_no_more(backends::sqlite).await;
}

#[tokio::test]
async fn redis_reads_a_body_and_its_forms_into_an_allocation_of_their_size() {
    reads_what_is_asked_for_and_no_more(backends::redis).await;
}

async fn reads_what_is_asked_for_and_no_more(open: Open) {
    let fixture = open([64 << 20; 3]);
    for (number, bytes) in [1_000, 4_096, 100_000, 1_000_000].into_iter().enumerate() {
        let form = CodedForm::Whole(Coding::Brotli, noise(bytes / 4, 2));
        let parts = Parts {
            coded: Coded::Made([form].into()),
            lifetime: lifetime(Duration::from_hours(1)),
            ..response(CacheName::Default, &format!("/{number}"), noise(bytes, 3))
        };
        let key = parts.key.clone();
        let _ = fixture.store.put(shared(parts));
        fixture.store.flush().await.unwrap();
        let read = fixture.store.get(CacheName::Default, &key).await.unwrap().swap_remove(0);
        let all = all_bytes(&read.body, read.forms());
        assert_eq!(all.iter().map(Bytes::len).sum::<usize>(), bytes + bytes / 4);
        drop(read);
        let first = all.into_iter().next().unwrap();
        // From the body's first byte to the last of the forms behind it.
        assert_eq!(allocated(first), bytes + bytes / 4);
    }
}
