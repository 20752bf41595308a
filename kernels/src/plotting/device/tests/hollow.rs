//! What an encoder does with a device that gives room and never does anything.

use super::*;

/// Words on hollow devices, now and at most.
#[derive(Debug, Default)]
struct Books {
    now: AtomicUsize,
    most: AtomicUsize,
    submissions: AtomicUsize,
    opened: AtomicUsize,
}

/// A device that keeps books and refuses every submission.
#[derive(Debug)]
struct Hollow(Arc<Books>);

/// Room on a hollow device.
#[derive(Debug)]
struct Room {
    word_count: usize,
    books: Arc<Books>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.books.now.fetch_sub(self.word_count, Ordering::Relaxed);
    }
}

impl ComputeDevice for Hollow {
    type Words = Room;
    type Pending = ();

    fn name(&self) -> String {
        "hollow".to_owned()
    }

    fn words_max(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&self, _label: &'static str, word_count: u64) -> Result<Room, GpuError> {
        let word_count = usize::try_from(word_count).unwrap();
        let now = self.0.now.fetch_add(word_count, Ordering::Relaxed) + word_count;
        self.0.most.fetch_max(now, Ordering::Relaxed);
        Ok(Room { word_count, books: Arc::clone(&self.0) })
    }

    fn write(&self, _target: &Room, _first: u64, _words: &[u32]) -> Result<(), GpuError> {
        Ok(())
    }

    fn submit(
        &self,
        _steps: &[Step<'_, Room>],
        _downloads: &[Download<'_, Room>],
    ) -> Result<(), GpuError> {
        self.0.submissions.fetch_add(1, Ordering::Relaxed);
        Err(GpuError::NoAdapter)
    }

    fn wait(&self, _pending: ()) -> Result<Vec<Vec<u32>>, GpuError> {
        Ok(Vec::new())
    }
}

fn hollow() -> (DeviceEncoder<Hollow>, Arc<Books>) {
    let books = Arc::new(Books::default());
    let shared = Arc::clone(&books);
    let open = move || {
        shared.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Hollow(Arc::clone(&shared)))
    };
    (DeviceEncoder::new(open).unwrap(), books)
}

#[test]
fn the_room_of_one_variant_goes_before_that_of_the_other_is_made() {
    let (encoder, books) = hollow();
    let first = books.most.load(Ordering::Relaxed);
    let mut engine = encoder.engine.lock().unwrap();
    encoder.ready(&mut engine, Variant::V2).unwrap();
    assert!(books.now.load(Ordering::Relaxed) < first, "variant 2 needs less");
    encoder.ready(&mut engine, Variant::V1).unwrap();
    assert_eq!(books.most.load(Ordering::Relaxed), first);
    assert_eq!(books.opened.load(Ordering::Relaxed), 1, "the device stays open");
}

#[test]
fn a_device_that_fails_twice_at_a_record_is_opened_anew_for_the_next() {
    let (encoder, books) = hollow();
    check(&encoder, Variant::V1, 1);
    assert_eq!(books.submissions.load(Ordering::Relaxed), 2);
    assert_eq!(books.opened.load(Ordering::Relaxed), 2);
}

#[test]
fn a_record_without_scalars_is_refused_and_holds_up_no_other() {
    let (encoder, books) = hollow();
    let mut records = Records::new(2);
    records.bytes[0][..32].fill(255);
    let before = records.bytes[0].clone();
    let (done, end) = records.encode(&encoder, Variant::V1, &|| true);
    assert!(matches!(end, Err(EncodeError::Erasure(_))), "{end:?}");
    assert_eq!(done, 1);
    assert!(records.bytes[0] == before, "the record is as it was");
    assert_eq!(books.submissions.load(Ordering::Relaxed), 2, "only the other went to the device");
}
