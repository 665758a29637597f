//! One leader: whoever is assigned the one partition of a lease topic by its consumer group.

use std::time::Duration;

use crate::{Cluster, LogError};

/// A place in the queue for leadership.
pub struct Lease {}

impl Lease {
    /// Joins the group. `instance` names this process across restarts: started again after a kill it takes its place
    /// back at once, others wait for the session to lapse.
    pub fn join(cluster: &Cluster, topic: &str, instance: &str) -> Result<Lease, LogError> {
        let _ = (cluster, topic, instance);
        unimplemented!()
    }

    /// Resolves when this process leads.
    pub async fn acquired(&mut self) {
        unimplemented!()
    }

    /// Resolves when leadership is lost. (It may have been lost up to a session timeout ago, so writers are fenced by
    /// their transactional id as well.)
    pub async fn lost(&mut self) {
        let _ = Duration::ZERO;
        unimplemented!()
    }

    pub fn is_leader(&self) -> bool {
        unimplemented!()
    }
}
