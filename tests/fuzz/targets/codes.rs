//! Codes: element strings, bracketed text, Digital Links, URNs, codes of other schemes; what they could be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_fuzz::text;
use medtrace_gs1::{Scheme, Thing, Wanted, identify, parse};

fuzz_target!(|bytes: &[u8]| {
    let Some(text) = text(bytes) else { return };
    identify(text, Wanted { goods: true, lot: true, serial: true });
    if let Ok(code) = parse(text) {
        code.to_element_string();
        code.to_bracketed();
        code.to_link();
        key(&code.thing);
    }
    if let Ok(thing) = Thing::from_uri(text) {
        key(&thing);
    }
});

/// A thing is the same from each of its spellings.
fn key(thing: &Thing) {
    assert_eq!(Thing::from_uri(&thing.uri()).as_ref(), Ok(thing));
    if let Some(urn) = (6..=12).find_map(|digits| thing.epc_urn(digits)) {
        assert_eq!(Thing::from_uri(&urn).as_ref(), Ok(thing), "{urn}");
    }
    // Of other URIs some look like no code, and some like another: `LOT:1`, `MA.1:2`.
    if thing.scheme() != Scheme::Uri {
        let again = parse(&thing.key_text()).map(|code| code.thing);
        assert_eq!(again.as_ref(), Ok(thing), "{}", thing.key_text());
    }
}
