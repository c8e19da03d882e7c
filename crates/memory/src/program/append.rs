//! Appending to a log.

use bytes::Bytes;
use roomkey_core::{Append, Kind, Reply, Result};

use super::act::Done;
use super::args::{self, List};
use super::{Machine, Planned};
use crate::entry::{Data, Structure as _};
use crate::structures::Log;

impl Machine<'_> {
    pub(super) fn append(&mut self, append: &Append, earlier: &[Planned<'_>]) -> Result<Done> {
        let fields: Vec<(Bytes, List<'_>)> = append
            .fields
            .iter()
            .map(|(name, args)| (Bytes::from_static(name.as_bytes()), args::list(args, earlier)))
            .collect();
        let entries = entries(&fields);
        if entries == 0 {
            return Ok(Reply::Skipped.into());
        }
        let (key, now) = (append.key.bytes(), self.now);
        let (ids, _) = self.keyspace.write(key, now, append.life, Data::empty(Kind::Log), |data| {
            let log = Log::of_mut(data)?;
            let ids = (0..entries).map(|at| {
                let at_entry = |list: &List<'_>| list.items[if list.single { 0 } else { at }].clone();
                log.append(now, fields.iter().map(|(name, list)| (name.clone(), at_entry(list))).collect())
            });
            let ids: Vec<_> = ids.collect();
            log.trim(append.keep as usize);
            Ok((ids, true))
        })?;
        self.keyspace.appended(key);
        Ok(Reply::Ids(ids).into())
    }
}

/// One entry per element of the shortest list; with single arguments alone it is one, and with an empty list none.
fn entries(fields: &[(Bytes, List<'_>)]) -> usize {
    if fields.iter().any(|(_, list)| list.items.is_empty()) {
        return 0;
    }
    let lists = fields.iter().filter(|(_, list)| !list.single);
    lists.map(|(_, list)| list.items.len()).min().unwrap_or(1)
}
