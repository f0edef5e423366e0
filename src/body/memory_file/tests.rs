use super::*;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;

#[test]
fn it_is_sent_from_any_place_to_its_end_and_never_beyond() {
    let file = MemoryFile::of(b"0123456789").unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    for (from, expected) in [(0, "0123456789"), (7, "789"), (0, "0123456789")] {
        assert_eq!(file.send(&near, from).unwrap(), expected.len());
        let mut got = vec![0; expected.len()];
        far.read_exact(&mut got).unwrap();
        assert_eq!(got, expected.as_bytes());
    }
    for beyond in [10, 11, 1 << 40] {
        assert_eq!(file.send(&near, beyond).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}

#[test]
fn a_socket_that_takes_nothing_says_so_and_is_sent_the_rest_later() {
    let content: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let file = MemoryFile::of(&content).unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let (mut got, mut sent, mut waits) = (Vec::new(), 0, 0);
    while sent < content.len() {
        match file.send(&near, sent) {
            Ok(bytes) => sent += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                waits += 1;
                let mut room = vec![0; sent - got.len()];
                far.read_exact(&mut room).unwrap();
                got.extend(room);
            }
            Err(error) => panic!("{error}"),
        }
    }
    drop(near);
    far.read_to_end(&mut got).unwrap();
    assert!(waits > 0 && got == content, "{waits} waits, {} bytes", got.len());
}

#[test]
fn nobody_can_change_it_any_more() {
    let MemoryFile { file, .. } = MemoryFile::of(b"0123456789").unwrap();
    assert!(file.write_at(b"x", 0).is_err() && file.write_at(b"x", 10).is_err());
    assert!(file.set_len(9).is_err() && file.set_len(11).is_err());
    let mut content = [0; 10];
    file.read_exact_at(&mut content, 0).unwrap();
    assert_eq!(&content, b"0123456789");
}
