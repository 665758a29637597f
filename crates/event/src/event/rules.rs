//! What must hold between the members of an event (EPCIS 2.0 §7.4).

use super::reader::{At, Reader};
use super::{Action, Event, Kind};
use crate::json::Object;

const ROOT: At<'static> = At::Root;

pub(super) fn check(reader: &mut Reader, event: &Event, object: &Object) {
    // A list that was refused already is not called missing as well.
    let given = |name: &str| object.get(name).is_some_and(|list| list.as_array().is_none_or(|items| !items.is_empty()));
    let delete = event.action == Some(Action::Delete);
    // What an error declaration withdraws is named by its eventID; it need not say it again.
    let withdraws = event.error.is_some();
    match event.kind {
        Kind::Object => {
            let something = given("epcList") || given("quantityList") || given("sensorElementList");
            require(reader, something || withdraws, "epcList", "an EPC, a quantity or a sensor element");
            if event.action.is_some_and(|action| action != Action::Add) && object.get("ilmd").is_some() {
                reader.fault(At::Name(&ROOT, "ilmd"), "not-allowed", "only ADD may carry ilmd");
            }
        }
        Kind::Aggregation | Kind::Association => {
            let parent = object.get("parentID").is_some();
            let needed = event.kind == Kind::Association || event.action != Some(Action::Observe);
            require(reader, parent || !needed || event.action.is_none(), "parentID", "the parent of the aggregation");
            let children = given("childEPCs") || given("childQuantityList");
            require(reader, children || delete || withdraws, "childEPCs", "a child (only DELETE means all without)");
        }
        Kind::Transaction => {
            require(reader, given("bizTransactionList"), "bizTransactionList", "a business transaction");
            let something = given("epcList") || given("quantityList") || object.get("parentID").is_some();
            require(reader, something || delete || withdraws, "epcList", "an EPC, a quantity or a parent");
        }
        Kind::Transformation => {
            let input = given("inputEPCList") || given("inputQuantityList");
            let output = given("outputEPCList") || given("outputQuantityList");
            // Parts of one transformation are joined by their transformationID.
            let part = object.get("transformationID").is_some();
            require(reader, input || (part && output) || withdraws, "inputEPCList", "an input");
            require(reader, output || (part && input) || withdraws, "outputEPCList", "an output");
        }
    }
    if let Some(parent) = &event.parent
        && let Some(index) = event.children.iter().position(|child| child == parent)
    {
        let list = At::Name(&ROOT, "childEPCs");
        reader.fault(At::Index(&list, index), "self-parent", format!("{parent} cannot be inside itself"));
    }
}

fn require(reader: &mut Reader, holds: bool, name: &str, what: &str) {
    if !holds {
        reader.missing(At::Name(&ROOT, name), what);
    }
}
