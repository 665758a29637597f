//! The tool: starts the stack of one machine, asks it, proves what it answers, and looks after its keys.
//!
//! In scope: the command line ([`cli`], [`commands`]), the HTTP client of the services ([`client`]), what is printed
//! ([`output`]), the supervisor that runs everything on one machine ([`stack`]), and the signing of notices by whoever
//! holds the authority's and the parties' root keys ([`consortium`]; on several machines: [`draft`]), the demo's scenario ([`scenario`]), and the
//! measurement of this machine ([`bench`]).
//!
//! Out of scope: every decision about events, rights, blocks and answers: those are the services' and the crates'. The
//! tool computes nothing that it could ask for, except what must not be taken on trust, proofs and audits, and what needs
//! no service at all: checking, hashing and converting EPCIS documents.
//!
//! Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 a finding (rejected, tampered, not proven), 78 bad configuration.

pub mod bench;
pub mod cli;
pub mod client;
pub mod commands;
pub mod consortium;
pub mod context;
pub mod draft;
pub mod output;
pub mod scenario;
pub mod stack;
