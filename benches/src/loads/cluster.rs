//! A cluster of three masters on the same two cores, against the cluster client of `redis`.
//!
//! Both sides follow the slots themselves and have one connection to each master that they share between tasks.

use std::sync::Arc;

use super::clients::{Place, fill};
use super::vault::{Load, Turns, of_redis};
use super::{Setting, batch, peers};
use crate::Result;
use crate::comparison::Comparison;
use crate::meter::Meter;
use crate::server::Cluster;

const TASKS: [usize; 3] = [1, 64, 1_024];
const SIZE: usize = 256;

pub(crate) fn comparisons(setting: &Setting) -> Result<Vec<Comparison>> {
    let cluster = Arc::new(Cluster::start(&setting.keeper)?);
    let masters = cluster.addresses();
    let setting = &Setting { meter: Meter::new(masters.iter().copied())?, ..setting.clone() };
    let ours = peers::vault(setting, peers::store_on_cluster(setting, &masters)?)?;
    let raw = peers::cluster(setting, &masters)?;
    let places = Place::all(SIZE)?;
    setting.runtime.block_on(async {
        fill(ours.clone(), &places).await?;
        fill(raw.clone(), &places).await
    })?;

    let mut comparisons = Vec::new();
    for load in [Load::Get, Load::Set] {
        for tasks in TASKS {
            let turns = Turns { setting: setting.clone(), load, tasks, places: places.clone() };
            comparisons.push(
                Comparison::new(
                    format!("cluster/{load} {SIZE} B"),
                    tasks,
                    turns.of(peers::OURS, ours.clone()),
                )
                .peer(turns.of(peers::CLUSTER, raw.clone()), of_redis(tasks))
                .control(tasks == 64),
            );
        }
    }
    comparisons.extend(batch::gets("cluster", setting, &ours, &raw)?);
    // The servers live as long as somebody may still talk to them.
    Ok(comparisons.into_iter().map(|comparison| comparison.keep(cluster.clone())).collect())
}
