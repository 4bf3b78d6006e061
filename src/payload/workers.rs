//! Work spread over threads, with the same result for any number of them.

use std::{
    collections::BTreeMap,
    io::Read,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use super::Error;
use crate::codec::{Packer, Packing, Sum};

/// The packers of one thread, kept from piece to piece.
#[derive(Default)]
pub struct Packers(BTreeMap<Packing, Packer>);

impl Packers {
    /// The one for a packing.
    pub fn of(&mut self, packing: Packing) -> &mut Packer {
        self.0.entry(packing).or_insert_with(|| Packer::new(packing))
    }

    /// Packs a little content in memory.
    pub fn in_memory(
        &mut self,
        packing: Packing,
        plain: &mut dyn Read,
        len: u64,
    ) -> Result<(Vec<u8>, Sum), Error> {
        let mut packed = Vec::new();
        match self.of(packing).pack(plain, len, &mut packed) {
            Ok(content) => Ok((packed, content)),
            Err(error) => Err(Error::from_packer(error, packing)),
        }
    }
}

/// Does `work` for every item on up to `threads` threads, in about the order of the items, and
/// gives the results in that order. After an error no item is begun; the first error by order of
/// those that happened is given.
pub fn spread<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&mut Packers, &T) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        let mut packers = Packers::default();
        while !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(&mut packers, item);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            scope.spawn(run);
        }
        run();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..100).collect();
        let doubled = spread(&items, 4, |_, item| Ok(item * 2)).unwrap();
        assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_stops_the_work() {
        let path = std::path::PathBuf::from("x");
        let result = spread(&[1, 2, 3], 1, |_, item| match item {
            2 => Err(Error::Damaged { path: path.clone() }),
            3 => panic!("never begun"),
            _ => Ok(()),
        });
        assert!(matches!(result, Err(Error::Damaged { .. })));
    }
}
