//! How many of the database's connections are in use, read once per collection.

use std::sync::Arc;

use throughline::opentelemetry::KeyValue;
use throughline::{Collector, Instruments, Observable, Observations};

use crate::database::Database;

const CONNECTIONS: Observable<i64> =
    Observable::<i64>::up_down_counter("db.client.connection.count").unit("{connection}");

/// Reports the pool of this database.
pub(crate) struct Pool(pub(crate) Arc<Database>);

impl Collector for Pool {
    fn describe(&self, instruments: &mut Instruments) {
        instruments.add(&CONNECTIONS);
    }

    fn collect(&self, observations: &mut Observations<'_>) {
        let (used, idle) = self.0.connections(); // one look, so that the two add up
        for (state, connections) in [("used", used), ("idle", idle)] {
            let attributes = [
                KeyValue::new("db.client.connection.pool.name", "shop"),
                KeyValue::new("db.client.connection.state", state),
            ];
            observations.observe(&CONNECTIONS, connections as i64, &attributes);
        }
    }
}
