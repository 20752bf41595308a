//! Stable counting sort of columns by a small key.

/// Where every entry goes; kept to be filled again.
#[derive(Debug, Default)]
pub(in super::super) struct Sorting {
    /// Where the entries of each key start, and where the last ends.
    pub(in super::super) starts: Vec<u32>,
    /// First the key of every entry, then where it goes.
    places: Vec<u32>,
}

impl Sorting {
    /// Forgets all entries.
    pub(in super::super) fn clear(&mut self) {
        self.places.clear();
    }

    /// Adds an entry for every value, with the key that belongs to it.
    #[inline(always)]
    pub(in super::super) fn add(&mut self, values: &[u32], key: impl Fn(u32) -> u32) {
        let first = self.places.len();
        self.places.resize(first + values.len(), 0);
        for (place, value) in self.places[first..].iter_mut().zip(values) {
            *place = key(*value);
        }
    }

    /// Finds the places of all entries, whose keys are below `key_count`.
    #[inline(always)]
    pub(in super::super) fn plan(&mut self, key_count: usize) {
        self.starts.clear();
        self.starts.resize(key_count + 1, 0);
        for key in &self.places {
            self.starts[*key as usize] += 1;
        }
        let mut start = 0;
        for count in &mut self.starts {
            (*count, start) = (start, start + *count);
        }
        for place in &mut self.places {
            let next = &mut self.starts[*place as usize];
            *place = *next;
            *next += 1;
        }
        // Every start is now its end, which is the start of the next key.
        self.starts.rotate_right(1);
        self.starts[0] = 0;
    }

    /// How many entries there are.
    pub(in super::super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Puts the values of the entries from `first` on into their places.
    #[inline(always)]
    pub(in super::super) fn scatter(&self, first: usize, values: &[u32], target: &mut [u32]) {
        for (value, place) in values.iter().zip(&self.places[first..]) {
            target[*place as usize] = *value;
        }
    }
}
