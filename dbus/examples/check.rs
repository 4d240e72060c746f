//! The README's check from Rust.

use consentd_dbus::Gate1Proxy;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gate = Gate1Proxy::new(&zbus::Connection::system().await?).await?;
    let (answers, _) =
        gate.check("location.services", &["location.precise"], Default::default()).await?;
    println!("{} because {}", answers[0].1, answers[0].2);
    Ok(())
}
