use super::Layout;

#[test]
fn slots_are_those_of_the_picture() {
    let layout = Layout {
        unit: 0,
        half: 2,
        mask: 7.try_into().unwrap(),
    };
    let slots: Vec<usize> = (0..32).map(|value| layout.slot(value)).collect();
    let expected = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14,
        14, 14, 15, 15, 15, 15,
    ];
    assert_eq!(slots, expected);
}

#[test]
fn a_slot_is_as_narrow_as_its_digits_say() {
    for digits in 1..=5 {
        let layout = Layout::new(1, digits).unwrap();
        let relative = 0.1f64.powi(digits.into());
        for value in (0..63).flat_map(|octave| [1u64 << octave, (2 << octave) - 1]) {
            let (lowest, highest) = layout.values(layout.slot(value));
            assert!((lowest..=highest).contains(&value));
            assert!((highest - lowest) as f64 <= relative * lowest as f64);
        }
    }
}

#[test]
fn slots_of_fewer_digits_are_unions_of_slots() {
    let layouts = |(low, digits)| Layout::new(low, digits).unwrap();
    let pairs = [
        ((1, 3), (1, 2)),
        ((1, 3), (64, 3)),
        ((100, 5), (7000, 1)),
        ((1, 2), (1 << 20, 4)),
    ];
    for (fine, union) in pairs.map(|(fine, union)| (layouts(fine), layouts(union))) {
        for slot in 0..fine.slot(u64::MAX >> 8) {
            let (lowest, highest) = fine.values(slot);
            // Of the union's digits and the larger unit.
            if fine.half >= union.half {
                assert_eq!(union.slot(lowest), union.slot(highest), "slot {slot}");
            }
        }
    }
}

#[test]
fn a_unit_and_digits_fit_in_63_bits_or_not_at_all() {
    assert!(Layout::new(1 << 52, 3).is_some());
    assert!(Layout::new(1 << 53, 3).is_none());
}
