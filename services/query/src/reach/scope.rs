//! Which goods are meant.

use std::collections::BTreeMap;

use medtrace_gs1::Class;
use medtrace_registry::notice::SerialRange;

/// Some classes, and of them all, or those of some lots or serial ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Classes of items and of lots.
    pub classes: Vec<Class>,
    pub all: bool,
    pub lots: Vec<String>,
    pub serials: Vec<SerialRange>,
}

impl Scope {
    /// The same goods in scopes that do not overlap: lines about one class become one line.
    pub fn disjoint(scopes: &[Scope]) -> Vec<Scope> {
        let mut of_class: BTreeMap<Class, Scope> = BTreeMap::new();
        for scope in scopes {
            for class in &scope.classes {
                let line = of_class.entry(*class).or_default();
                line.all |= scope.all;
                line.lots.extend(scope.lots.iter().cloned());
                line.serials.extend(scope.serials.iter().cloned());
            }
        }
        let mut disjoint: Vec<Scope> = Vec::new();
        for (class, mut line) in of_class {
            line.lots.sort();
            line.lots.dedup();
            let same =
                |other: &&mut Scope| (other.all, &other.lots, &other.serials) == (line.all, &line.lots, &line.serials);
            match disjoint.iter_mut().find(same) {
                Some(other) => other.classes.push(class),
                None => disjoint.push(Scope { classes: vec![class], ..line }),
            }
        }
        disjoint
    }
}

#[cfg(test)]
mod tests {
    use medtrace_gs1::Scheme;

    use super::*;

    #[test]
    fn lines_about_one_class_become_one() {
        let class = |value| Class::new(Scheme::Item, value);
        let scope = |classes: &[u64], lots: &[&str]| Scope {
            classes: classes.iter().map(|value| class(*value)).collect(),
            lots: lots.iter().map(|lot| (*lot).to_owned()).collect(),
            ..Scope::default()
        };
        let all = Scope { classes: vec![class(3)], all: true, ..Scope::default() };
        let given = [scope(&[1, 2], &["A"]), scope(&[1, 2], &["B", "A"]), all.clone(), scope(&[4], &["A"])];
        assert_eq!(Scope::disjoint(&given), [scope(&[1, 2], &["A", "B"]), all, scope(&[4], &["A"])]);
        assert_eq!(Scope::disjoint(&[scope(&[1], &["A"]), scope(&[1], &["A"])]), [scope(&[1], &["A"])]);
    }
}
