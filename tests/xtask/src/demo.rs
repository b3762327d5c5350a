//! `cargo xtask demo`
use ::tests::local::Progress;
pub(crate) async fn run(progress: &Progress) -> anyhow::Result<()> {
    let _world = crate::world::World::start("demo", None, progress).await?;
    Ok(())
}
