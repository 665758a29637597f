//! Product notices: by the owner, its GTIN under the owner's prefix. A product passes to another party when both sign.
//!
//! Codes: `foreign-prefix`, `code-taken`, `recalled`.

use medtrace_gs1::Class;

use super::Judge;
use crate::notice::{Product, ProductCode};
use crate::{Effect, Refusal, Subject};

impl Judge<'_> {
    pub(super) fn product(&self, product: &Product) -> Result<Effect, Refusal> {
        let before = self.now.product(&product.product).map(|recorded| &recorded.value);
        self.revision(before.map(|before| before.revision), product.revision)?;
        let owner = self.known("/owner", &product.owner)?;
        self.signed_by("/owner", &product.owner)?;
        if let Some(before) = before {
            self.signed_by("/product", &before.owner)?;
        }
        let had = before.map(classes_of).unwrap_or_default();
        // A GTIN it had already stays good, so that a product can pass to another party.
        let new_gtin = product.gtin.filter(|gtin| before.and_then(|before| before.gtin) != Some(*gtin));
        if let Some(gtin) = new_gtin
            && !owner.prefixes.iter().any(|prefix| prefix.covers(&gtin.product()))
        {
            let detail = format!("{gtin} is not under a GS1 company prefix of {}", product.owner);
            return Err(Refusal::at("/gtin", "foreign-prefix", detail));
        }
        let classes = classes_of(product);
        if let Some(before) = before.filter(|_| had.iter().any(|class| !classes.contains(class)))
            && let Some(recall) = self.now.recall_naming(before)
        {
            let detail =
                format!("recall {recall} is in force and reaches packs by the product's codes: none is dropped");
            return Err(Refusal::whole("recalled", detail));
        }
        // A hash stands for one code only: neither another of these codes nor an earlier one may share it.
        let codes = || product.codes.iter().chain(before.into_iter().flat_map(|before| &before.codes));
        let alias = |code: &&ProductCode| codes().any(|other| other.class() == code.class() && other.code != code.code);
        if let Some(code) = product.codes.iter().find(alias) {
            let detail = format!("the class of {} is that of another code of the product", code.code);
            return Err(Refusal::at("/codes", "code-taken", detail));
        }
        for class in classes.iter().filter(|class| !had.contains(class)) {
            if let Some(other) = self.now.product_by_class(*class) {
                let detail = format!("the code belongs to product {} of {}", other.value.product, other.owner);
                return Err(Refusal::whole("code-taken", detail));
            }
        }
        Ok(Effect { by: product.owner.clone(), subject: Subject::Product(product.product.clone(), classes) })
    }
}

/// The classes of all its codes, as [`medtrace_gs1::Thing::product`] gives them.
pub(crate) fn classes_of(product: &Product) -> Vec<Class> {
    let gtin = product.gtin.and_then(|gtin| gtin.product().product());
    gtin.into_iter().chain(product.codes.iter().filter_map(|code| code.class())).collect()
}
