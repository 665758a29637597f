//! Quantities and their units (EPCIS 2.0 §7.3.3.3).

use super::Findings;
use crate::json::Object;
use crate::units::is_unit;

/// Without a unit a count of things, so whole; with one a measure; without a number no unit. Never zero.
pub(super) fn quantity(found: &mut Findings, path: &str, element: &Object) {
    let uom = element.get("uom").and_then(|uom| uom.as_str());
    let amount = element.get("quantity").and_then(|quantity| quantity.as_f64());
    let at = |name: &str| format!("{path}/{name}");
    if amount.is_some_and(|amount| amount <= 0.0) {
        found.fault(|| at("quantity"), "quantity", "the quantity should be above zero");
    }
    match (amount, uom) {
        (Some(amount), None) if amount.fract() != 0.0 => {
            let detail =
                "a quantity without a unit counts things and should be a whole number; a measure needs its uom";
            found.fault(|| at("quantity"), "quantity", detail);
        }
        (None, Some(_)) => found.fault(|| at("uom"), "uom", "a unit should stand beside a quantity only"),
        _ => {}
    }
    unit(found, || at("uom"), uom);
}

/// A common code of UN/CEFACT Rec 20.
pub(super) fn unit(found: &mut Findings, path: impl FnOnce() -> String, uom: Option<&str>) {
    if let Some(uom) = uom.filter(|uom| !is_unit(uom)) {
        let detail = format!("{uom:?} is no common code of UN/CEFACT Rec 20, such as KGM, LTR or CEL");
        found.fault(path, "uom", detail);
    }
}
