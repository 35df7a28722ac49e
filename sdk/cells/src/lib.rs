//! Thread-owned cells: words that one thread alone writes and a collector sums.
