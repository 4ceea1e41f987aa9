//! A short list of transactions without an allocation: the checker copies and hashes millions of them.

use std::fmt;

/// Up to seven transactions in order.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct List {
    length: u8,
    items: [u8; 7],
}

impl List {
    pub fn push(&mut self, item: u8) {
        self.items[usize::from(self.length)] = item;
        self.length += 1;
    }

    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        self.items[..usize::from(self.length)].iter().copied()
    }

    pub fn contains(&self, item: u8) -> bool {
        self.iter().any(|i| i == item)
    }

    pub fn count(&self, item: u8) -> usize {
        self.iter().filter(|i| *i == item).count()
    }

    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub fn starts_with(&self, other: &List) -> bool {
        other.len() <= self.len() && self.items[..other.len()] == other.items[..other.len()]
    }

    /// What is left of it; the rest of the array is zero again, so that equal lists have equal hashes.
    pub fn keep(&mut self, wanted: impl Fn(u8) -> bool) {
        *self = self.iter().filter(|i| wanted(*i)).collect();
    }

    /// Inserts in front of the first item for which `behind` holds.
    pub fn insert_before(&mut self, item: u8, behind: impl Fn(u8) -> bool) {
        let at = self.iter().position(&behind).unwrap_or(self.len());
        let (front, back): (List, List) = (self.iter().take(at).collect(), self.iter().skip(at).collect());
        *self = front.iter().chain([item]).chain(back.iter()).collect();
    }
}

impl FromIterator<u8> for List {
    fn from_iter<I: IntoIterator<Item = u8>>(items: I) -> List {
        let mut list = List::default();
        items.into_iter().for_each(|i| list.push(i));
        list
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
