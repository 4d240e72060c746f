//! scratch
#![allow(clippy::unwrap_used)]
use consent::{Consent, Reason};
use consentd_gate::alive::Owner;
use consentd_gate::page::{Contents, PageWriter, PairIndex, Ruling};
use consentd_gate::usage::UsageReader;
use consentd_gate::{Answer, Refusal};
use std::os::unix::net::UnixStream;
use std::time::Instant;
fn main() {
    let pairs = [("ads.personalised", "device.oaid"), ("ads.personalised", "x")];
    let contents = Contents { id: 7, app: "a", user: 1000, generation: 1, pairs: &pairs };
    let mut page = PageWriter::create(&contents).unwrap();
    let (_usage, counted) = UsageReader::create(7, 2).unwrap();
    let (_owner, alive) = Owner::start().unwrap();
    let (_line, theirs) = UnixStream::pair().unwrap();
    let pair = PairIndex::new(0).unwrap();
    let answer = Some(Answer::new(Reason::Consented, Refusal::Nothing));
    page.update(1, |edit| {
        edit.set(pair, Ruling { alone: answer, combined: answer, personal: true });
        edit.set(
            PairIndex::new(1).unwrap(),
            Ruling { alone: answer, combined: answer, personal: true },
        );
    });
    let consent =
        Consent::from_gate(page.reader_fd().unwrap(), counted, alive, theirs.into()).unwrap();
    let ads = consent.purpose("ads.personalised").unwrap();
    let (one, two) = (consent.data("device.oaid").unwrap(), consent.data("x").unwrap());
    let n = 20_000_000u32;
    let run = || {
        let began = Instant::now();
        let mut allowed = 0u32;
        for _ in 0..n {
            allowed += u32::from(
                consent.check(std::hint::black_box(ads), std::hint::black_box(one)).is_allowed(),
            );
        }
        assert_eq!(allowed, n);
        began.elapsed().as_secs_f64() * 1e9 / f64::from(n)
    };
    let run2 = || {
        let began = Instant::now();
        let mut allowed = 0u32;
        for i in 0..n {
            allowed += u32::from(
                consent
                    .check(std::hint::black_box(ads), if i & 1 == 0 { one } else { two })
                    .is_allowed(),
            );
        }
        assert_eq!(allowed, n);
        began.elapsed().as_secs_f64() * 1e9 / f64::from(n)
    };
    for _ in 0..4 {
        println!("one thread {:.2} ns, two pairs {:.2}", run(), run2());
    }
    std::thread::scope(|t| {
        let a = t.spawn(run);
        let b = t.spawn(run);
        println!("two threads {:.2} {:.2}", a.join().unwrap(), b.join().unwrap());
    });
}
