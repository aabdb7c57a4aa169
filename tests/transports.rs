//! Images between layouts, archives and a real Docker engine, judged by skopeo, umoci and Docker themselves.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]
#![expect(clippy::print_stdout, reason = "a check that cannot run says so")]
#![expect(unreachable_pub, reason = "parts of one test binary")]
#![expect(clippy::disallowed_methods, reason = "only the environment says whether CI wants every check")]

#[path = "transports/engine.rs"]
mod engine;
#[path = "transports/hostile.rs"]
mod hostile;
#[path = "transports/judges.rs"]
mod judges;
#[path = "transports/pretender.rs"]
mod pretender;
#[path = "transports/rig.rs"]
mod rig;
#[path = "transports/round_trip.rs"]
mod round_trip;
#[path = "transports/selection.rs"]
mod selection;
