//! Templates of maps, and of walks over maps and rankings.

use roomkey_core::Kind;

use super::args::{Source, Sum};
use super::{Emitter, Var};
use crate::compile::plan::{Arg, Life, List, Op, Pairs};

impl<'p> Emitter<'p> {
    /// `MapGet`: per field bytes or false.
    pub(super) fn map_get(&mut self, op: &'p Op, fields: List) {
        let (r, list) = (self.name(Var::Reply(op.at)), self.name(Var::List(op.at)));
        self.guarded(op, &[fields], |emitter, local| {
            let source = emitter.source(fields);
            let reply = emitter.kept(op);
            emitter.variadic(reply.as_deref(), local, &format!("'HMGET', {}", op.key), &source, Sum::Joined);
            if emitter.lists(op) {
                // An absent field is empty bytes, so that lists stay in step.
                emitter.begin_list(op);
                emitter.line(format_args!("for i, value in ipairs({r}) do {list}[i] = value or '' end"));
            }
        });
    }

    /// `MapPut`: how many fields are new.
    pub(super) fn map_put(&mut self, op: &'p Op, pairs: Pairs, life: Life) {
        let (key, reply) = (op.key, self.kept(op));
        let (fields, values) = match pairs {
            Pairs::Interleaved(first) => {
                self.before_write(life, op);
                let local = self.local();
                let source = Source::Slice(first);
                self.variadic(reply.as_deref(), local, &format!("'HSET', {key}"), &source, Sum::Total);
                self.after_write(life, op);
                return;
            }
            Pairs::Lists(fields, values) => (fields, values),
        };
        self.guarded(op, &[fields, values], |emitter, local| {
            let (fields, values) = (emitter.source(fields), emitter.source(values));
            emitter.before_write(life, op);
            if let Some(field) = fields.single() {
                let call = format!("'HSET', {key}, {field}");
                let value = Source::One(values.first());
                emitter.variadic(reply.as_deref(), local, &call, &value, Sum::Total);
            } else {
                let pairs = emitter.own("pairs", op);
                let count = match values.single() {
                    Some(_) => fields.len(),
                    None => format!("math.min({}, {})", fields.len(), values.len()),
                };
                emitter.line(format_args!("local {pairs} = {{}}"));
                emitter.begin_loop([&fields, &values]);
                emitter.lua.open(format_args!("for i = 1, {count} do"));
                emitter.line(format_args!(
                    "{pairs}[2 * i - 1], {pairs}[2 * i] = {}, {}",
                    fields.element(),
                    values.element()
                ));
                emitter.lua.close();
                let pairs = Source::Table { name: pairs, short: false };
                emitter.variadic(reply.as_deref(), local, &format!("'HSET', {key}"), &pairs, Sum::Total);
            }
            emitter.after_write(life, op);
        });
    }

    /// `MapMatch`: per field 1 if it begins with its prefix, 0 if not, false if it is absent.
    pub(super) fn map_match(&mut self, op: &'p Op, fields: List, prefixes: Arg) {
        let (key, local) = (op.key, self.local());
        let (r, list) = (self.name(Var::Reply(op.at)), self.name(Var::List(op.at)));
        let lists = self.lists(op);
        if let List::One(field) = fields {
            let value = self.own("field", op);
            self.line(format_args!("local {value} = call('HGET', {key}, {field})"));
            self.line(format_args!(
                "{local}{r} = {{{value} and (string.sub({value}, 1, #{prefixes}) == {prefixes} and 1 or 0)}}"
            ));
            if lists {
                self.line(format_args!("{local}{list} = {{{r}[1] == 1 and {field} or nil}}"));
            }
            return;
        }
        let (fields, prefixes) = (self.source(fields), Source::Slice(prefixes));
        self.variadic(Some(&r), local, &format!("'HMGET', {key}"), &fields, Sum::Joined);
        let (count, sub) = (self.own("count", op), self.own("sub", op));
        if lists {
            self.begin_list(op);
            self.line(format_args!("local {count} = 0"));
            self.begin_loop([&fields]);
        }
        self.begin_loop([&prefixes]);
        self.line(format_args!("local {sub} = string.sub"));
        self.lua.open(format_args!("for i = 1, #{r} do"));
        self.line(format_args!("local value, prefix = {r}[i], {}", prefixes.element()));
        self.lua.open(format_args!("if value and {sub}(value, 1, #prefix) == prefix then"));
        self.line(format_args!("{r}[i] = 1"));
        if lists {
            self.line(format_args!("{count} = {count} + 1"));
            self.line(format_args!("{list}[{count}] = {}", fields.element()));
        }
        self.lua.middle("elseif value then");
        self.line(format_args!("{r}[i] = 0"));
        self.lua.close();
        self.lua.close();
    }

    /// `Walk`: the next cursor, and the page.
    pub(super) fn walk(&mut self, op: &'p Op, kind: Kind, cursor: Arg, count: Arg) {
        let name = if kind == Kind::Map { "HSCAN" } else { "ZSCAN" };
        self.reply(op, format_args!("call('{name}', {}, {cursor}, 'COUNT', {count})", op.key));
        if self.lists(op) {
            let page = format!("{}[2]", self.name(Var::Reply(op.at)));
            self.every_other(op, &page);
        }
    }

    /// Keeps the fields of fields and values, or the members of members and scores, as the list of an op.
    pub(super) fn every_other(&mut self, op: &Op, pairs: &str) {
        let list = self.name(Var::List(op.at));
        self.begin_list(op);
        self.line(format_args!("for i = 1, #{pairs}, 2 do {list}[#{list} + 1] = {pairs}[i] end"));
    }
}
