//! The README's example: may this app have the precise position?

use consent::Consent;

fn main() -> Result<(), consent::Error> {
    let consent = Consent::open()?;
    let purpose = consent.purpose("location.services")?;
    let precise = consent.data("location.precise")?;
    let decision = consent.check(purpose, precise);
    if decision.is_allowed() {
        println!("the position, to the metre");
    }
    println!("{decision}");
    Ok(())
}
