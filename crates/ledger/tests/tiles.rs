//! Tiles: paths by hand from the specification's words, and everything against another implementation.

use medtrace_ledger::merkle;
use medtrace_ledger::tile::{Edge, Kind, TILE_WIDTH, Tile, Tiles, entries};
use proptest::prelude::*;
use tlog_tiles as peer;

fn tile(kind: Kind, index: u64, width: u16) -> Tile {
    Tile::new(kind, index, width).expect("within the limits")
}

#[test]
fn a_tile_has_one_path() {
    for (expected, path) in [
        (tile(Kind::Hashes(0), 0, 256), "tile/0/000"),
        (tile(Kind::Hashes(0), 273, 112), "tile/0/273.p/112"),
        (tile(Kind::Hashes(1), 1, 17), "tile/1/001.p/17"),
        (tile(Kind::Hashes(2), 0, 1), "tile/2/000.p/1"),
        (tile(Kind::Entries, 1_234_067, 256), "tile/entries/x001/x234/067"),
        (tile(Kind::Entries, 1_234_067, 255), "tile/entries/x001/x234/067.p/255"),
        (tile(Kind::Hashes(63), 1_000, 3), "tile/63/x001/000.p/3"),
        (tile(Kind::Hashes(0), u64::MAX >> 8, 9), "tile/0/x072/x057/x594/x037/x927/935.p/9"),
    ] {
        assert_eq!(expected.to_string(), path);
        assert_eq!(path.parse(), Ok(expected));
    }
    for wrong in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/data/000",
        "tile/Entries/000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001/x001",
        "tile/0/x01/001",
        "tile/0/xx01/001",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/000.P/1",
        "tile/0/x001.p/1/000",
        "tile/0/x072/x057/x594/x037/x927/936",
        "tile/0/٠٠٠",
        "tile/0/ 00",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert!(wrong.parse::<Tile>().is_err(), "{wrong}");
    }
    for (kind, index, width) in [(Kind::Hashes(64), 0, 1), (Kind::Entries, 1 << 56, 1), (Kind::Entries, 0, 0)] {
        assert_eq!(Tile::new(kind, index, width), None);
    }
    assert_eq!(Tile::new(Kind::Entries, 0, 257), None);
}

/// 70,000 entries: the numbers of the specification's example.
#[test]
fn a_log_of_70_000_entries_has_these_tiles() {
    let (mut edge, mut full) = (Edge::default(), Tiles::new());
    for number in 0..70_000u32 {
        edge.push(&number.to_be_bytes(), &mut full).expect("short");
    }
    let count = |kind| full.iter().filter(|(tile, _)| tile.kind() == kind).count();
    assert_eq!((count(Kind::Hashes(0)), count(Kind::Hashes(1)), count(Kind::Entries)), (273, 1, 273));
    let partial: Vec<String> = edge.partial().iter().map(|(tile, _)| tile.to_string()).collect();
    assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1", "tile/entries/273.p/112"]);
    assert_eq!(edge.root(), merkle::root((0..70_000u32).map(|n| merkle::leaf_hash(&n.to_be_bytes()))));
}

#[test]
fn an_entry_that_is_too_long_changes_nothing() {
    let mut edge = Edge::default();
    assert!(edge.push(&[0; 65_536], &mut Tiles::new()).is_err());
    assert_eq!(edge, Edge::default());
    assert!(edge.push(&[0; 65_535], &mut Tiles::new()).is_ok());
    let (_, bundle) = edge.partial().pop().expect("one bundle");
    assert_eq!(bundle[..3], [0xff, 0xff, 0]);
    assert_eq!(entries(&bundle).map(|all| all.len()), Some(1));
    for wrong in [&bundle[..1], &bundle[..9], &[&bundle[..], &[0]].concat()] {
        assert_eq!(entries(wrong), None);
    }
}

/// The peer's tree of these entries: where it stores its hashes, it reads the tiles' from.
struct Stored(Vec<peer::Hash>);

impl peer::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<peer::Hash>, peer::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

fn stored(size: u64) -> Stored {
    let mut stored = Stored(Vec::new());
    for number in 0..size {
        let more = peer::stored_hashes(number, &number.to_be_bytes(), &stored).expect("readable");
        stored.0.extend(more);
    }
    stored
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Growing from any size to any other gives the tiles, names and bytes that another implementation gives.
    #[test]
    fn a_growth_gives_the_tiles_of_tlog_tiles(from in 0u64..70_000, by in 1u64..2_000) {
        let to = from + by;
        let stored = stored(to);
        let (mut edge, mut full) = (Edge::default(), Tiles::new());
        for number in 0..to {
            if number == from {
                full.clear();
            }
            edge.push(&number.to_be_bytes(), &mut full).expect("short");
        }
        prop_assert_eq!(edge.root().0, peer::tree_hash(to, &stored).expect("readable").0);
        let all = full.into_iter().chain(edge.partial());
        let (mut hashes, bundles): (Vec<_>, Vec<_>) = all.partition(|(tile, _)| tile.kind() != Kind::Entries);
        // The peer leaves out a level that has not grown; a partial tile of it is there already.
        hashes.retain(|(tile, _)| tile.width_in(from) < tile.width());
        let mut ours: Vec<_> = hashes.into_iter().map(|(tile, bytes)| (tile.to_string(), bytes)).collect();
        let mut theirs: Vec<_> = peer::Tile::new_tiles(8, from, to)
            .into_iter()
            .map(|tile| (tile.path().replacen("tile/8/", "tile/", 1), tile.read_data(&stored).expect("readable")))
            .collect();
        ours.sort();
        theirs.sort();
        prop_assert_eq!(ours, theirs);
        for (tile, bytes) in bundles {
            let first = tile.index() * 256;
            let expected: Vec<_> = (first..first + u64::from(tile.width())).map(u64::to_be_bytes).collect();
            prop_assert_eq!(entries(&bytes).expect("a bundle"), expected);
        }
    }

    #[test]
    fn paths_are_read_as_tlog_tiles_reads_them(level in 0u8..=63, index in 0u64..u64::MAX >> 8, width in 1u16..=TILE_WIDTH) {
        let ours = tile(Kind::Hashes(level), index, width);
        let theirs = peer::Tile::new(8, level, index, width.into(), false);
        prop_assert_eq!(ours.to_string(), theirs.path().replacen("tile/8/", "tile/", 1));
        prop_assert_eq!(ours.to_string().parse(), Ok(ours));
    }

    #[test]
    fn any_text_that_is_taken_prints_again(path in "tile/(entries|[0-9]{1,2})/(x?[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(tile) = path.parse::<Tile>() {
            prop_assert_eq!(tile.to_string(), path);
        }
    }

    /// Any narrower tile is the beginning of the wider one.
    #[test]
    fn a_narrower_tile_is_cut_from_a_wider_one(size in 1u64..600, less in 0u64..600) {
        let edge = |size: u64| {
            let (mut edge, mut full) = (Edge::default(), Tiles::new());
            for number in 0..size {
                edge.push(&vec![7; number as usize % 9], &mut full).expect("short");
            }
            full.extend(edge.partial());
            full
        };
        let earlier = edge(size.saturating_sub(less));
        for (wider, bytes) in edge(size) {
            for (narrower, expected) in earlier.iter().filter(|(tile, _)| tile.full() == wider.full()) {
                prop_assert_eq!(narrower.cut(&bytes), Some(&expected[..]));
            }
            let beyond = tile(wider.kind(), wider.index(), TILE_WIDTH);
            prop_assert_eq!(beyond.cut(&bytes).is_some(), wider.is_full());
        }
    }
}

#[test]
fn a_width_follows_from_the_size() {
    let width = |path: &str, size| path.parse::<Tile>().expect("a tile").width_in(size);
    assert_eq!(width("tile/0/000", 0), 0);
    assert_eq!((width("tile/0/001", 256), width("tile/0/001", 300), width("tile/0/001", 512)), (0, 44, 256));
    assert_eq!((width("tile/1/000", 255), width("tile/1/000", 65_535), width("tile/1/000", 70_000)), (0, 255, 256));
    assert_eq!((width("tile/entries/273", 70_000), width("tile/63/000", u64::MAX)), (112, 0));
}
