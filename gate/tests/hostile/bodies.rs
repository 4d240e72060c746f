//! What is done with bytes that come from an enemy, whether a fuzzer or a property makes them.

use std::os::fd::OwnedFd;

use consentd_gate::page::{Contents, KeptPage, Page, PageWriter, PairIndex};
use consentd_gate::usage::{Totals, UsageReader};
use consentd_gate::{Slot, Standing, Word};
use rustix::fs::{MemfdFlags, SealFlags};

/// The page that valid bytes are taken from, and whose usage is drained.
pub fn valid_page() -> PageWriter {
    let pairs = [("ads", "device.oaid"), ("maps", "location.precise"), ("maps", "network.wifi")];
    let contents = Contents { id: 5, app: "org.example", user: 1, generation: 1, pairs: &pairs };
    PageWriter::create(&contents).unwrap()
}

/// The bytes of a memory.
pub fn bytes_of(fd: impl std::os::fd::AsFd) -> Vec<u8> {
    let len = usize::try_from(rustix::fs::fstat(&fd).unwrap().st_size).unwrap();
    let mut bytes = vec![0; len];
    assert_eq!(rustix::io::pread(fd, &mut bytes, 0).unwrap(), len);
    bytes
}

/// Valid bytes, with these laid over them as differences: so a fuzzer starts from what is valid.
pub fn over(mut valid: Vec<u8>, differences: &[u8]) -> Vec<u8> {
    for (byte, difference) in valid.iter_mut().zip(differences) {
        *byte ^= difference;
    }
    valid
}

/// Memory of these bytes, sealed as if the daemon had made it.
fn sealed(bytes: &[u8], seals: SealFlags) -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = rustix::fs::memfd_create("hostile", flags).unwrap();
    let mut at = 0;
    while at < bytes.len() {
        at += rustix::io::pwrite(&fd, &bytes[at..], at as u64).unwrap();
    }
    let fixed = SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&fd, fixed | seals).unwrap();
    fd
}

/// Opens a page of these bytes, looks everything up and reads everything. Whether it was taken for one.
pub fn page(bytes: &[u8]) -> bool {
    let fd = sealed(bytes, SealFlags::FUTURE_WRITE);
    let kept = KeptPage::open(&fd);
    let Ok(page) = Page::open(fd, None) else {
        assert!(kept.is_err());
        return false;
    };
    let kept = kept.unwrap();
    let directory = page.directory();
    assert!(directory.pairs().eq(kept.directory().pairs()));
    let mut pairs = Vec::new();
    for (at, (purpose, data)) in directory.pairs().enumerate() {
        let (purpose, data) = (directory.purpose(purpose).unwrap(), directory.data(data).unwrap());
        let pair = directory.pair(purpose, data).unwrap();
        assert_eq!(pair.number(), at);
        pairs.push(pair);
    }
    // The first is no pair of the page, and so is void.
    pairs.extend(PairIndex::new(pairs.len()));
    let mut words = vec![Word::CALL; pairs.len()];
    let whole = page.snapshot(&pairs, &mut words).is_ok();
    for (pair, word) in pairs.iter().zip(words) {
        // Nobody writes meanwhile.
        assert!(!whole || page.word(*pair) == word);
        let word = page.word(*pair);
        for standing in [word.alone(), word.combined(), word.standing()] {
            match standing {
                Standing::Answer(answer, _) => {
                    assert_eq!(answer.decision(), answer.reason().decision());
                    assert!(directory.names(*pair).is_some());
                }
                Standing::Call | Standing::Void => {}
            }
        }
        for slot in Slot::ALL {
            let _whatever_it_stands_for = kept.meaning(*pair, slot);
        }
    }
    let _whatever_they_are = (page.epoch(), page.generation(), page.state(), page.user());
    true
}

/// Drains usage that its app overwrote with these bytes, as live memory and as kept memory. Whether
/// what was drained could be true.
pub fn usage(bytes: &[u8]) -> bool {
    let (reader, app) = UsageReader::create(5, 3).unwrap();
    let drain = |before: &Totals| {
        let mut totals = Totals::default();
        reader.totals(&mut totals).unwrap();
        let counts = totals.since(before);
        (totals, counts)
    };
    let (half, whole) = (&bytes[..bytes.len() / 2], bytes);
    let len = bytes_of(&app).len();
    let _what_fits = rustix::io::pwrite(&app, &half[..half.len().min(len)], 0);
    let (first, one) = drain(&Totals::new(3));
    let _what_fits = rustix::io::pwrite(&app, &whole[..whole.len().min(len)], 0);
    let (second, two) = drain(&first);
    for (counts, totals) in [(&one, &first), (&two, &second)] {
        for count in counts.iter().flatten() {
            assert!(count.times > 0 && count.times <= 1 << 40);
            assert!(count.pair.number() < totals.pairs());
        }
    }
    let page = KeptPage::open(&valid_page().reader_fd().unwrap()).unwrap();
    if let Ok(kept) = UsageReader::keep(sealed(bytes, SealFlags::empty()), &page) {
        let mut totals = Totals::default();
        kept.totals(&mut totals).unwrap();
        assert_eq!(totals.pairs(), 3);
    }
    one.is_ok() && two.is_ok()
}
