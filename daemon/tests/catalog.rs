//! The shipped catalogue and declarations.
use std::path::Path;

#[test]
fn shipped() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalog");
    let catalog = consentd::catalog::load::load(&dir).unwrap_or_else(|e| panic!("{e}"));
    println!("{:#?}", catalog.warnings);
    println!("{} data {} purposes", catalog.data.len(), catalog.purposes.len());
    let apps = consentd::apps::load(&[dir.join("apps.d")], &catalog).unwrap();
    println!("{:#?}", apps.rejected());
    for (_, app) in apps.iter() {
        println!("{} {:?} {}", app.id, app.identities, app.pairs.len());
    }
}
