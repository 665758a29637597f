//! The goods: packs, cases, pallets and their codes.

use medtrace_gs1::check_digit;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Script;

/// GS1 company prefix of the factory.
pub const COMPANY: &str = "6901234";
/// The stent's GTIN.
pub const GTIN: &str = "06901234000016";
pub const EXPIRY: &str = "2031-12-31";
const EXPIRY_AI: &str = "311231";
pub const PACKS_PER_CASE: u32 = 10;
pub const CASES_PER_PALLET: u32 = 20;
/// SSCC extension digit and reference of the first pallet; cases count from 0.
const FIRST_PALLET: u64 = 500_000_000;

/// One production lot: packs `first .. first + count` of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    pub name: &'static str,
    pub first: u32,
    pub count: u32,
}

/// What the factory makes.
#[derive(Debug, Clone)]
pub struct Goods {
    script: Script,
    /// Goes to the hospital.
    pub used: Lot,
    /// Recalled on the road.
    pub recalled: Lot,
    /// Stays at the agent's.
    pub kept: Lot,
}

impl Goods {
    /// Whole pallets, so that no case is parted: six, three and one tenth of the packs.
    pub fn new(script: Script) -> Goods {
        let pallet = PACKS_PER_CASE * CASES_PER_PALLET;
        let pallets = script.items.div_ceil(pallet).max(3);
        let recalled = (pallets * 3 / 10).max(1);
        let kept = (pallets / 10).max(1);
        let used = pallets - recalled - kept;
        let lot = |name, from: u32, count: u32| Lot { name, first: from * pallet, count: count * pallet };
        Goods {
            script,
            used: lot("HX2609A", 0, used),
            recalled: lot("HX2609B", used, recalled),
            kept: lot("HX2609C", used + recalled, kept),
        }
    }

    pub fn lots(&self) -> [&Lot; 3] {
        [&self.used, &self.recalled, &self.kept]
    }

    /// Ten characters that nobody guesses from another pack's: 3 of the seed's hash, 7 of the number.
    pub fn serial(&self, pack: u32) -> String {
        let hash = self.digest(&format!("pack {pack}"));
        format!("{:02X}{:1X}{pack:07}", hash[0], hash[1] & 15)
    }

    /// What is printed on a pack, as people type it.
    pub fn label(&self, pack: u32, lot: &str) -> String {
        format!("(01){GTIN}(17){EXPIRY_AI}(10){lot}(21){}", self.serial(pack))
    }

    /// A pack's code without lot and expiry.
    pub fn pack(&self, pack: u32) -> String {
        format!("(01){GTIN}(21){}", self.serial(pack))
    }

    pub fn case(&self, pack: u32) -> String {
        sscc(u64::from(pack / PACKS_PER_CASE))
    }

    pub fn pallet(&self, pack: u32) -> String {
        sscc(FIRST_PALLET + u64::from(pack / (PACKS_PER_CASE * CASES_PER_PALLET)))
    }

    /// The id of a request, and so of its event: the same for the same seed and name.
    pub fn id(&self, name: &str) -> Uuid {
        let digest = self.digest(&format!("{} {name}", self.script.items));
        Uuid::new_v8(std::array::from_fn(|i| digest[i]))
    }

    pub fn digest(&self, name: &str) -> [u8; 32] {
        Sha256::digest(format!("medtrace demo {} {name}", self.script.seed)).into()
    }
}

impl Lot {
    /// First packs of every `per` packs.
    pub fn every(&self, per: u32) -> impl Iterator<Item = u32> + use<> {
        (self.first..self.first + self.count).step_by(per as usize)
    }
}

fn sscc(reference: u64) -> String {
    let digits = format!("1{COMPANY}{reference:09}");
    let check = check_digit(&digits).map_or_else(String::new, |digit| digit.to_string());
    format!("(00){digits}{check}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_readable_and_no_two_are_alike() {
        let goods = Script { items: 1_000, seed: 1 }.goods();
        let made: u32 = goods.lots().iter().map(|lot| lot.count).sum();
        assert_eq!(made, 1_000);
        let mut keys = std::collections::BTreeSet::new();
        for pack in 0..made {
            let code = medtrace_gs1::parse(&goods.label(pack, "HX2609A")).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(code.lot.as_deref(), Some("HX2609A"));
            assert!(keys.insert(code.thing));
        }
        for code in [goods.case(0), goods.case(999), goods.pallet(0), goods.pallet(999)] {
            assert!(keys.insert(medtrace_gs1::parse(&code).unwrap_or_else(|e| panic!("{code}: {e}")).thing));
        }
    }

    #[test]
    fn another_seed_makes_other_codes_and_ids() {
        let (one, two) = (Script { items: 1_000, seed: 1 }.goods(), Script { items: 1_000, seed: 2 }.goods());
        assert_ne!(one.serial(7), two.serial(7));
        assert_ne!(one.id("x"), two.id("x"));
        assert_eq!(one.id("x"), Script { items: 1_000, seed: 1 }.goods().id("x"));
    }
}
