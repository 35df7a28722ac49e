//! A measurement while a thread's locals are destroyed, in whatever order: counted, or `None`, never worse.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::thread;

use throughline_cells::{Blocks, Words, lock};

struct Handles {
    words: Words,
    blocks: Blocks,
    /// Whether a measurement in a destructor was taken: of words, of a block.
    taken: Mutex<Vec<(bool, bool)>>,
}

impl Handles {
    fn new() -> Arc<Handles> {
        Arc::new(Handles {
            words: Words::new(1).unwrap(),
            blocks: Blocks::new().unwrap(),
            taken: Mutex::new(vec![]),
        })
    }

    fn measure(&self) -> (bool, bool) {
        let words = self.words.with(|w| w[0].add(1)).is_some();
        let block = self.blocks.with(|block| {
            block.replace(1, |new, old| {
                new[0].set(old.map_or(0, |old| old[0].get()) + 1);
            });
        });
        (words, block.is_some())
    }

    fn totals(&self) -> (u64, u64) {
        let (mut words, mut blocks) = (0, 0);
        let collection = lock();
        collection.each(&self.words, |w| words += w[0].load());
        collection.each_block(&self.blocks, |w| blocks += w[0].load());
        (words, blocks)
    }
}

/// Measures when it is destroyed.
struct Last(Arc<Handles>);

impl Drop for Last {
    fn drop(&mut self) {
        let taken = self.0.measure();
        self.0.taken.lock().unwrap().push(taken);
    }
}

thread_local! {
    static BEFORE: RefCell<Option<Last>> = const { RefCell::new(None) };
    static AFTER: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// Joins a thread, and so waits for its destructors too, which the end of a scope would not.
fn run(body: impl FnOnce() + Send + 'static) {
    thread::spawn(body).join().unwrap();
}

#[test]
fn a_measurement_after_the_slab_was_given_back_is_none() {
    let handles = Handles::new();
    run({
        let handles = handles.clone();
        move || {
            // One destructor registered before the cells' own, one after: platforms differ in which runs first, but
            // one of the two runs after the cells'.
            BEFORE.with_borrow_mut(|last| *last = Some(Last(handles.clone())));
            assert_eq!(handles.measure(), (true, true));
            AFTER.with_borrow_mut(|last| *last = Some(Last(handles.clone())));
        }
    });
    let taken = handles.taken.lock().unwrap();
    assert_eq!(taken.len(), 2);
    assert!(taken.contains(&(false, false)), "{taken:?}");
    let counted = 1 + taken.iter().filter(|taken| taken.0).count() as u64;
    assert_eq!(handles.totals(), (counted, counted));
}

#[test]
fn a_first_measurement_inside_a_destructor_is_counted() {
    let handles = Handles::new();
    run({
        let handles = handles.clone();
        move || BEFORE.with_borrow_mut(|last| *last = Some(Last(handles)))
    });
    assert_eq!(*handles.taken.lock().unwrap(), [(true, true)]);
    assert_eq!(handles.totals(), (1, 1));
    // The slab was given back all the same: a later thread finds its values in it.
    run({
        let handles = handles.clone();
        move || assert_eq!(handles.measure(), (true, true))
    });
    assert_eq!(handles.totals(), (2, 2));
}

#[test]
fn a_panic_inside_a_closure_leaves_everything_usable() {
    let handles = Handles::new();
    let panicked = thread::spawn({
        let handles = handles.clone();
        move || {
            handles.measure();
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                handles.blocks.with(|block| {
                    block.replace(9, |new, _| {
                        new[8].set(1_000);
                        std::panic::resume_unwind(Box::new("in the middle"));
                    });
                });
            }));
            assert!(caught.is_err());
            // The old array stayed, and the block can be entered again.
            handles.measure();
            handles
                .words
                .with(|_| std::panic::resume_unwind(Box::new("and the end")));
        }
    });
    assert!(panicked.join().is_err());
    assert_eq!(handles.totals(), (2, 2));
    let caught = std::panic::catch_unwind(|| {
        lock().each(&handles.words, |_| {
            std::panic::resume_unwind(Box::new("while collecting"))
        });
    });
    assert!(caught.is_err());
    assert_eq!(handles.totals(), (2, 2));
}
