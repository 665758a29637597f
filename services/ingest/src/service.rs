//! The three services: one library, told apart by a constant. What a party may say stands in the registry, under its own
//! signature; a service only says whom it serves.

use medtrace_registry::notice::Role;

/// What one of the three is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Name of the process; by default also of its party, whose key signs the receipts.
    pub name: &'static str,
    /// Parties with any of these roles are served.
    pub roles: &'static [Role],
    /// Default public address; the admin port is 100 higher.
    pub listen: &'static str,
    pub admin: &'static str,
}

/// Factories.
pub const MANUFACTURER: Service = Service {
    name: "manufacturer",
    roles: &[Role::Manufacturer, Role::Regulator],
    listen: "127.0.0.1:7081",
    admin: "127.0.0.1:7181",
};

/// Whoever moves, stores and sells.
pub const DISTRIBUTOR: Service = Service {
    name: "distributor",
    roles: &[Role::Distributor, Role::Carrier, Role::Logistics, Role::Regulator],
    listen: "127.0.0.1:7082",
    admin: "127.0.0.1:7182",
};

/// Whoever receives and uses.
pub const HOSPITAL: Service = Service {
    name: "hospital",
    roles: &[Role::Hospital, Role::Regulator],
    listen: "127.0.0.1:7083",
    admin: "127.0.0.1:7183",
};

/// All of them, in the order in which a party with several roles should try.
pub const SERVICES: [Service; 3] = [MANUFACTURER, DISTRIBUTOR, HOSPITAL];

impl Service {
    pub fn serves(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.roles.contains(role))
    }

    /// The service for a party with these roles, if any is.
    pub fn of(roles: &[Role]) -> Option<Service> {
        SERVICES.into_iter().find(|service| service.serves(roles))
    }
}
