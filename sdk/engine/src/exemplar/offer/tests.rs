use super::*;

#[test]
fn levels_never_pass_their_threshold() {
    for threshold in [0.0, 0.1, 0.49, 0.5, 0.51, 0.75, 0.9, 0.999, 1.0 - 1e-12] {
        let level = level_below(threshold);
        assert!(floor_of(level) <= threshold, "{threshold}");
        assert!(
            level == LEVEL_MAX || floor_of(level + 1) > threshold,
            "{threshold}"
        );
    }
}

#[test]
fn a_word_keeps_its_generation_level_and_skip_apart() {
    let random = throughline_model::SystemRandom;
    let word = next_word((1 << 26) - 1, 30, &random);
    assert_eq!(level_of(word, (1 << 26) - 1), 30);
    assert_eq!(level_of(word, 5), 0);
    assert_eq!(word >> GENERATION_SHIFT, (1 << 26) - 1);
    assert_eq!(next_word(7, 0, &random), 7 << GENERATION_SHIFT);
}
