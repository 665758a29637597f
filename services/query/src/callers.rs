//! Who calls, and whether it still may: a token names a party, which the authority has admitted and not suspended.
//!
//! Reading needs no token, WebSockets included: nobody owns what everybody may read. Named queries and webhooks are a
//! party's own; a webhook goes on only as long as the token with which it was made or resumed is valid and the party admitted.

use axum::http::HeaderMap;
use medtrace_ledger::{Hash, PartyId};
use medtrace_registry::Role;
use medtrace_service::tokens::Tokens;
use medtrace_service::{Kind, Problem};

use crate::view::View;

/// A party that calls, by one of its tokens.
pub struct Caller {
    pub party: String,
    /// SHA-256 of the token.
    pub token: Hash,
}

/// The tokens of parties, and the log's word on parties.
pub struct Callers {
    tokens: Tokens,
    view: View,
}

impl Callers {
    pub fn new(tokens: Tokens, view: View) -> Callers {
        Callers { tokens, view }
    }

    /// Whose token this is, whatever the log says of the party.
    ///
    /// # Errors
    /// 401 without a known token.
    pub fn known(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        self.tokens.bearer(headers).map(|(hash, caller)| Caller { party: caller.party, token: Hash(hash) })
    }

    /// The party that calls, if it is admitted.
    ///
    /// # Errors
    /// 401 without a known token, 403 for a party that the log does not know or that is suspended.
    pub fn admitted(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let caller = self.known(headers)?;
        match self.roles(&caller.party)?.is_empty() {
            false => Ok(caller),
            true => Err(refused("suspended", suspended(&caller.party))),
        }
    }

    /// A party's roles; none while it is suspended.
    ///
    /// # Errors
    /// 403 for a party that the log does not know.
    pub fn roles(&self, party: &str) -> Result<Vec<Role>, Problem> {
        let snapshot = self.view.now();
        let registry = snapshot.registry()?;
        let known = party.parse::<PartyId>().ok().and_then(|id| registry.at(snapshot.known()).party(&id));
        known.map(|known| known.roles.to_vec()).ok_or_else(|| {
            let detail = format!("there is no party {party}; the authority admits it by a party notice");
            refused("unknown-party", detail)
        })
    }

    /// Why what a party began by a token may not go on; `None` if it may. Without a token the party alone is asked for.
    ///
    /// # Errors
    /// 503 while the log's word is not known.
    pub fn ended(&self, party: &str, token: Option<&Hash>) -> Result<Option<String>, Problem> {
        let token_ended = |token: &Hash| self.tokens.of_hash(&token.0).is_none_or(|owner| owner.party != party);
        if token.is_some_and(token_ended) {
            return Ok(Some("the token by which it was made or resumed is not valid any more".to_owned()));
        }
        if !self.view.now().caught_up {
            return Err(Kind::Unavailable.because("it is not known which parties are admitted"));
        }
        match self.roles(party) {
            Ok(roles) => Ok(roles.is_empty().then(|| suspended(party))),
            Err(problem) if problem.status == 403 => Ok(Some(format!("there is no party {party}"))),
            Err(problem) => Err(problem),
        }
    }
}

fn suspended(party: &str) -> String {
    format!("{party} is suspended: the authority has taken all its roles away")
}

fn refused(code: &str, detail: String) -> Problem {
    Kind::Forbidden.because(detail.clone()).at("", code, detail)
}
