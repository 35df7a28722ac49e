//! The shop's database: SQLite on disk, a handful of connections, and one habit that hurts.
//!
//! Readers never wait (write-ahead log), writers wait for one another. The stock audit recounts every
//! product from the history of movements and holds the write lock while it does, so orders that arrive
//! meanwhile queue up behind it: a long tail with a real cause, which the traces show.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use throughline::opentelemetry::trace::SpanKind;
use throughline::{Operation, Telemetry};

/// Products in the catalogue; ids are `1..=PRODUCTS`.
pub(crate) const PRODUCTS: u32 = 200;
/// Stock movements on record when the shop opens: what the audit has to read.
const MOVEMENTS: u32 = 24_000;
/// How many connections the pool opens.
const CONNECTIONS: usize = 8;
/// How long a writer waits for the write lock before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What a customer sees of a product.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Product {
    /// `1..=PRODUCTS`.
    pub(crate) id: u32,
    /// For people.
    pub(crate) name: String,
    /// In cents.
    pub(crate) price: u32,
}

/// What became of an order.
#[derive(Clone, Debug)]
pub(crate) enum Placed {
    /// It was taken, and costs this much, in cents.
    Order { total: u64 },
    /// There is no such product.
    NoSuchProduct,
    /// There is not enough of it.
    SoldOut,
}

throughline::attributes! {
    /// What a piece of database work is counted by: names of OpenTelemetry's semantic conventions.
    pub(crate) struct Work {
        system: System => "db.system.name",
        verb: Verb => "db.operation.name",
    }
    pub(crate) enum System { Sqlite => "sqlite" }
    pub(crate) enum Verb { Select => "SELECT", Update => "UPDATE" }
}

/// Bounds of the semantic conventions for `db.client.operation.duration`, in seconds.
const BOUNDARIES: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
/// A wait for the write lock that is worth a line in the log.
const LONG_WAIT: Duration = Duration::from_millis(50);

/// A fixed pool of connections to one database file.
pub(crate) struct Database {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
    query: Operation<Work>,
    connection: Operation,
    lock: Operation,
}

impl Database {
    /// Creates the database in `folder` and fills it.
    pub(crate) fn create(folder: &Path, telemetry: &Telemetry) -> rusqlite::Result<Self> {
        let file = folder.join("shop.sqlite");
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(&file)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            Ok(connection)
        };
        let mut first = open()?;
        first.pragma_update(None, "journal_mode", "WAL")?;
        fill(&mut first)?;
        let mut idle = vec![first];
        while idle.len() < CONNECTIONS {
            idle.push(open()?);
        }
        let wait = |name: &'static str| telemetry.operation(name).boundaries(BOUNDARIES).build();
        Ok(Self {
            idle: Mutex::new(idle),
            returned: Condvar::new(),
            query: telemetry
                .operation("query database")
                .metric_name("db.client.operation")
                .kind(SpanKind::Client)
                .boundaries(BOUNDARIES)
                .attributes::<Work>()
                .build(),
            connection: wait("wait for connection"),
            lock: wait("wait for write lock"),
        })
    }

    /// Connections that are in use and connections that are not.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len();
        (CONNECTIONS - idle, idle)
    }

    /// Looks a product up.
    pub(crate) fn product(&self, id: u32) -> rusqlite::Result<Option<Product>> {
        self.with(Verb::Select, |connection| {
            connection
                .prepare_cached("SELECT id, name, price FROM products WHERE id = ?1")?
                .query_row([id], to_product)
                .optional()
        })
    }

    /// Products whose name holds `text`, cheapest first.
    pub(crate) fn search(&self, text: &str) -> rusqlite::Result<Vec<Product>> {
        self.with(Verb::Select, |connection| {
            connection
                .prepare_cached(
                    "SELECT id, name, price FROM products \
                     WHERE instr(name, ?1) > 0 ORDER BY price LIMIT 20",
                )?
                .query_map([text], to_product)?
                .collect()
        })
    }

    /// Takes an order. Waits for the write lock.
    pub(crate) fn place(&self, product: u32, quantity: u32) -> rusqlite::Result<Placed> {
        self.with(Verb::Update, |connection| {
            let order = self.lock(connection)?;
            let found = order
                .prepare_cached("SELECT price, stock FROM products WHERE id = ?1")?
                .query_row([product], |row| {
                    Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?))
                })
                .optional()?;
            let Some((price, stock)) = found else {
                return Ok(Placed::NoSuchProduct);
            };
            if stock < quantity {
                return Ok(Placed::SoldOut);
            }
            order
                .prepare_cached("UPDATE products SET stock = stock - ?2 WHERE id = ?1")?
                .execute(params![product, quantity])?;
            order
                .prepare_cached("INSERT INTO movements (product, change) VALUES (?1, -?2)")?
                .execute(params![product, quantity])?;
            order.commit()?;
            Ok(Placed::Order {
                total: u64::from(price) * u64::from(quantity),
            })
        })
    }

    /// Recounts the stock of every product, and holds the write lock for as long as that takes.
    ///
    /// Returns how many products were recounted.
    pub(crate) fn audit(&self) -> rusqlite::Result<usize> {
        self.with(Verb::Update, |connection| {
            let audit = self.lock(connection)?;
            // No index on movements.product: each product reads the whole history.
            let recounted = audit.execute(
                "UPDATE products SET stock = \
                 (SELECT sum(change) FROM movements NOT INDEXED WHERE product = products.id)",
                [],
            )?;
            audit.commit()?;
            Ok(recounted)
        })
    }

    /// Begins a transaction that writes. Only one can be open; the others wait here.
    fn lock<'a>(&self, connection: &'a mut Connection) -> rusqlite::Result<Transaction<'a>> {
        self.lock.try_run(|| {
            let asked = Instant::now();
            let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
            let waited = asked.elapsed();
            if waited > LONG_WAIT {
                tracing::warn!(?waited, "another transaction held the write lock");
            }
            begun
        })
    }

    /// Borrows a connection, works with it and gives it back.
    fn with<T>(
        &self,
        verb: Verb,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let system = System::Sqlite;
        self.query.with(Work { system, verb }).try_run(|| {
            let mut connection = self.connection.run(|| self.borrow());
            let result = work(&mut connection);
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            self.returned.notify_one();
            result
        })
    }

    /// A connection that nobody uses; waits while all are in use.
    fn borrow(&self) -> Connection {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(connection) = idle.pop() else {
                idle = self
                    .returned
                    .wait(idle)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            return connection;
        }
    }
}

fn to_product(row: &rusqlite::Row<'_>) -> rusqlite::Result<Product> {
    Ok(Product {
        id: row.get(0)?,
        name: row.get(1)?,
        price: row.get(2)?,
    })
}

fn fill(connection: &mut Connection) -> rusqlite::Result<()> {
    const KINDS: [&str; 8] = [
        "lamp", "chair", "desk", "shelf", "rug", "mirror", "clock", "vase",
    ];
    const WOODS: [&str; 5] = ["oak", "ash", "walnut", "birch", "pine"];
    let filling = connection.transaction()?;
    filling.execute_batch(
        "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price INTEGER, stock INTEGER); \
         CREATE TABLE movements (id INTEGER PRIMARY KEY, product INTEGER, change INTEGER);",
    )?;
    {
        let mut product = filling.prepare("INSERT INTO products VALUES (?1, ?2, ?3, 0)")?;
        for id in 1..=PRODUCTS {
            let (kind, wood) = (
                KINDS[id as usize % KINDS.len()],
                WOODS[id as usize % WOODS.len()],
            );
            product.execute(params![
                id,
                format!("{wood} {kind} no. {id}"),
                900 + id * 37 % 4000
            ])?;
        }
        let mut movement =
            filling.prepare("INSERT INTO movements (product, change) VALUES (?1, 3)")?;
        for n in 0..MOVEMENTS {
            movement.execute([n % PRODUCTS + 1])?;
        }
    }
    filling.execute("UPDATE products SET stock = ?1", [MOVEMENTS / PRODUCTS * 3])?;
    filling.commit()
}
