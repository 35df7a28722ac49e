//! Values by attribute set.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use throughline_model::Attributes;

use crate::pairs;

/// Values by attribute set, in the order the sets came.
#[derive(Debug)]
pub(super) struct Sets<V> {
    hasher: RandomState,
    index: HashTable<usize>,
    pub(super) list: Vec<(Attributes, V)>,
}

impl<V> Default for Sets<V> {
    fn default() -> Self {
        Self {
            hasher: RandomState::default(),
            index: HashTable::new(),
            list: Vec::new(),
        }
    }
}

impl<V> Sets<V> {
    fn place(&self, hash: u64, set: &Attributes) -> Option<usize> {
        let is = |place: &usize| pairs::is_set(&self.list[*place].0, set);
        self.index.find(hash, is).copied()
    }

    pub(super) fn find(&self, set: &Attributes) -> Option<&V> {
        let place = self.place(pairs::hash(&self.hasher, set), set)?;
        Some(&self.list[place].1)
    }

    /// The value of a set, made if it is new.
    pub(super) fn entry(&mut self, set: Attributes, make: impl FnOnce() -> V) -> &mut V {
        let hash = pairs::hash(&self.hasher, &set);
        let place = self.place(hash, &set).unwrap_or_else(|| {
            let place = self.list.len();
            self.list.push((set, make()));
            self.insert(hash, place);
            place
        });
        &mut self.list[place].1
    }

    fn insert(&mut self, hash: u64, place: usize) {
        let Self {
            hasher,
            index,
            list,
        } = self;
        index.insert_unique(hash, place, |place| pairs::hash(hasher, &list[*place].0));
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.list.retain(|(_, value)| keep(value));
        self.index.clear();
        for place in 0..self.list.len() {
            let hash = pairs::hash(&self.hasher, &self.list[place].0);
            self.insert(hash, place);
        }
    }
}
