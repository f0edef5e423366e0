//! What the allocator was built with.

/// jemalloc takes its settings where it is built: `.cargo/config.toml` tells them, and a build that does not see that file makes a
/// program that needs a fifth more memory beside each page of 4 KiB.
#[test]
#[cfg(feature = "jemalloc")]
fn jemalloc_has_the_slabs_that_were_chosen() {
    let chosen = include_str!("../../.cargo/config.toml");
    let (_, chosen) = chosen.split_once("JEMALLOC_SYS_WITH_MALLOC_CONF = \"").unwrap();
    let (chosen, _) = chosen.split_once('"').unwrap();
    assert!(chosen.starts_with("slab_sizes:"), "{chosen}");
    let program = std::fs::read(env!("CARGO_BIN_EXE_vitrine")).unwrap();
    let is_there = program.windows(chosen.len()).any(|bytes| bytes == chosen.as_bytes());
    assert!(is_there, "the program was built without {chosen}");
}
