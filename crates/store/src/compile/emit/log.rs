//! The template of `Append`.

use super::Emitter;
use super::args::Source;
use crate::compile::plan::{Arg, Life, List, Op};

impl<'p> Emitter<'p> {
    /// `Append`: the id of the entry, or an array of ids where lists make several.
    pub(super) fn append(&mut self, op: &'p Op, fields: &'p [(&'static str, List)], keep: Arg, life: Life) {
        let reply = self.kept(op);
        let lists: Vec<List> = fields.iter().map(|(_, list)| *list).collect();
        self.guarded(op, &lists, |emitter, local| {
            let sources: Vec<Source> = lists.iter().map(|list| emitter.source(*list)).collect();
            let lengths: Vec<String> =
                sources.iter().filter(|source| source.single().is_none()).map(Source::len).collect();
            // The names are letters, digits and '_': a program with any other is not built.
            let entry: Vec<String> = fields
                .iter()
                .zip(&sources)
                .map(|((name, _), source)| format!("'{name}', {}", source.element()))
                .collect();
            let add = format!("call('XADD', {}, 'MAXLEN', '~', {keep}, '*', {})", op.key, entry.join(", "));
            emitter.before_write(life, op);
            match lengths.as_slice() {
                [] => match &reply {
                    Some(r) => emitter.line(format_args!("{local}{r} = {add}")),
                    None => emitter.line(format_args!("{add}")),
                },
                lengths => {
                    let count = match lengths {
                        [only] => only.clone(),
                        several => format!("math.min({})", several.join(", ")),
                    };
                    if let Some(r) = &reply {
                        emitter.line(format_args!("{local}{r} = {{}}"));
                    }
                    emitter.begin_loop(&sources);
                    emitter.lua.open(format_args!("for i = 1, {count} do"));
                    match &reply {
                        Some(r) => emitter.line(format_args!("{r}[i] = {add}")),
                        None => emitter.line(format_args!("{add}")),
                    }
                    emitter.lua.close();
                }
            }
            emitter.after_write(life, op);
        });
    }
}
