use proptest::prelude::*;

use super::*;

const WIDTH: u16 = 16;

#[test]
fn nothing_and_more_than_a_chunk_are_refused() {
    let mut space = Space::new(WIDTH, 4);
    assert_eq!(space.take(0), None);
    assert_eq!(space.take(17), None);
    assert_eq!(space.take(usize::MAX), None);
}

#[test]
fn a_full_space_refuses_and_takes_again_after_a_return() {
    let mut space = Space::new(WIDTH, 1);
    let all = space.take(16).unwrap();
    assert_eq!(space.take(1), None);
    space.give_back(all);
    assert_eq!(space.take(16), Some(all));
}

#[test]
fn holes_side_by_side_become_one() {
    let mut space = Space::new(WIDTH, 1);
    let parts: Vec<_> = (0..4).map(|_| space.take(4).unwrap()).collect();
    for at in [0, 2, 1, 3] {
        space.give_back(parts[at]);
    }
    assert!(space.take(16).is_some());
}

#[test]
fn the_best_fitting_hole_is_taken() {
    let mut space = Space::new(WIDTH, 1);
    let five = space.take(5).unwrap();
    let _wall = space.take(1).unwrap();
    let three = space.take(3).unwrap();
    let _wall = space.take(1).unwrap();
    space.give_back(five);
    space.give_back(three);
    assert_eq!(space.take(3), Some(three));
}

#[test]
fn what_was_cut_last_is_a_hole_like_the_others() {
    let mut space = Space::new(WIDTH, 1);
    let seven = space.take(7).unwrap();
    let _wall = space.take(1).unwrap();
    // Eight are left behind the wall.
    space.give_back(seven);
    let three = space.take(3).unwrap();
    assert_eq!(three.start, 0, "the smaller hole");
    assert_eq!(space.take(8).map(|all| all.start), Some(8));
    assert_eq!(space.take(4).map(|rest| rest.start), Some(3));
    assert_eq!(space.take(1), None);
}

#[test]
fn ranges_side_by_side_are_joined_and_others_are_not() {
    let extent = |chunk, start, len| Extent { chunk, start, len };
    let mut extents = vec![
        extent(1, 0, 4),
        extent(0, 9, 1),
        extent(0, 3, 2),
        extent(0, 0, 3),
        extent(0, 5, 3),
        extent(0, 15, 1),
    ];
    join(&mut extents);
    let expected = [
        extent(0, 0, 8),
        extent(0, 9, 1),
        extent(0, 15, 1),
        extent(1, 0, 4),
    ];
    assert_eq!(extents, expected);
}

/// Chunk and start of the smallest hole for `len` cells beside what is taken, the lowest among equals.
fn best_fitting(taken: &[Extent], begun: u32, len: u16) -> (u32, u16) {
    let mut free = vec![[true; WIDTH as usize]; begun as usize];
    for extent in taken {
        let cells = usize::from(extent.start)..usize::from(extent.start + extent.len);
        free[extent.chunk as usize][cells].fill(false);
    }
    let mut holes = Vec::new();
    for (chunk, cells) in free.iter().enumerate() {
        let mut start = 0;
        for run in cells.chunk_by(|a, b| a == b) {
            if run[0] && run.len() >= len.into() {
                holes.push((run.len(), chunk as u32, start));
            }
            start += run.len() as u16;
        }
    }
    let best = holes.into_iter().min();
    best.map_or((begun, 0), |(_, chunk, start)| (chunk, start))
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Miri is slow, and has nothing to find here.
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn ranges_never_overlap_and_never_straddle_a_chunk(steps in proptest::collection::vec((1usize..=16, any::<prop::sample::Index>(), any::<bool>()), 1..200), together: bool) {
        let mut space = Space::new(WIDTH, 1000);
        let mut taken: Vec<Extent> = Vec::new();
        for (len, which, give) in steps {
            if give && !taken.is_empty() {
                space.give_back(taken.swap_remove(which.index(taken.len())));
            } else {
                let best = best_fitting(&taken, space.begun, len as u16);
                let new = space.take(len).unwrap();
                prop_assert_eq!((new.chunk, new.start), best);
                prop_assert_eq!(usize::from(new.len), len);
                prop_assert!(new.start + new.len <= WIDTH);
                for old in &taken {
                    prop_assert!(old.chunk != new.chunk || old.start + old.len <= new.start || new.start + new.len <= old.start);
                }
                taken.push(new);
            }
        }
        if together {
            join(&mut taken);
        }
        for extent in taken {
            space.give_back(extent);
        }
        // Whole again: every chunk is one hole.
        prop_assert_eq!(space.holes.len(), space.begun as usize);
        prop_assert!(space.holes.values().all(|len| *len == WIDTH));
        prop_assert_eq!(space.by_len.len(), space.holes.len());
    }
}
