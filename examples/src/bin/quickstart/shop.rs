//! The shop: an HTTP service with three requests, instrumented once where the work is declared.
//!
//! ```text
//! GET  /products/{id}            show product      a read
//! GET  /products?text=oak        search            a read
//! POST /orders/{id}/{quantity}   place order       a write: waits for the database's write lock
//! ```
//!
//! Each request is an operation; the database work inside is another, so a slow request shows where
//! its time went.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use throughline::opentelemetry::trace::SpanKind;
use throughline::{Counter, Operation, Telemetry};

use crate::database::{Database, Placed};

/// The shop and what it is measured by.
pub(crate) struct Shop {
    database: Arc<Database>,
    show: Operation,
    search: Operation,
    place: Operation,
    revenue: Counter<u64>,
    audit: Operation,
}

impl Shop {
    /// Opens the shop over `database`, and declares what it does.
    pub(crate) fn open(database: Arc<Database>, telemetry: &Telemetry) -> Arc<Self> {
        let request = |name: &'static str| {
            telemetry
                .operation(name)
                .kind(SpanKind::Server)
                .error_type(Failure::error_type)
                .build()
        };
        let place = request("place order");
        Arc::new(Self {
            revenue: place.counter::<u64>("shop.revenue").unit("{cent}").build(),
            show: request("show product"),
            search: request("search"),
            audit: telemetry.operation("stock audit").build(),
            place,
            database,
        })
    }

    /// The requests the shop answers.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/products/{id}", get(show_product))
            .route("/products", get(search))
            .route("/orders/{id}/{quantity}", post(place_order))
            .with_state(Arc::clone(self))
    }

    /// Recounts the stock, which holds the database's write lock meanwhile.
    pub(crate) fn audit(&self) {
        let recounted = self.audit.try_run(|| {
            let recounted = self.database.audit()?;
            tracing::info!(products = recounted, "stock recounted");
            Ok::<_, rusqlite::Error>(recounted)
        });
        if let Err(error) = recounted {
            tracing::error!(%error, "the stock was not recounted");
        }
    }

    /// Does database work where blocking is allowed, inside the current operation.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let database = Arc::clone(&self.database);
        let here = throughline::opentelemetry::Context::current();
        let done = tokio::task::spawn_blocking(move || {
            let _inside = here.attach();
            work(&database)
        });
        match done.await {
            Ok(result) => result.map_err(Failure::Database),
            Err(panicked) => Err(Failure::Crashed(panicked.to_string())),
        }
    }
}

async fn show_product(State(shop): State<Arc<Shop>>, Path(id): Path<u32>) -> Response {
    let call = shop.show.span_attribute("product.id", i64::from(id));
    let product = call.try_wrap(async {
        let product = shop.blocking(move |database| database.product(id)).await?;
        product.ok_or(Failure::NoSuchProduct(id))
    });
    answer(StatusCode::OK, product.await)
}

#[derive(Deserialize)]
struct Search {
    text: String,
}

async fn search(State(shop): State<Arc<Shop>>, Query(Search { text }): Query<Search>) -> Response {
    let call = shop.search.span_attribute("search.text", text.clone());
    let found = call.try_wrap(shop.blocking(move |database| database.search(&text)));
    answer(StatusCode::OK, found.await)
}

async fn place_order(
    State(shop): State<Arc<Shop>>,
    Path((id, quantity)): Path<(u32, u32)>,
) -> Response {
    let call = shop.place.span_attribute("product.id", i64::from(id));
    let placed = call.try_wrap(async {
        match shop
            .blocking(move |database| database.place(id, quantity))
            .await?
        {
            Placed::Order { total } => {
                shop.revenue.add(total);
                tracing::info!(product = id, quantity, total, "order placed");
                Ok(total)
            }
            Placed::NoSuchProduct => Err(Failure::NoSuchProduct(id)),
            Placed::SoldOut => Err(Failure::SoldOut(id)),
        }
    });
    answer(StatusCode::CREATED, placed.await)
}

fn answer<T: serde::Serialize>(status: StatusCode, result: Result<T, Failure>) -> Response {
    match result {
        Ok(body) => (status, Json(body)).into_response(),
        Err(failure) => (failure.status(), failure.to_string()).into_response(),
    }
}

/// Why a request was not answered as wished.
#[derive(Debug)]
enum Failure {
    NoSuchProduct(u32),
    SoldOut(u32),
    Database(rusqlite::Error),
    Crashed(String),
}

impl Failure {
    /// A few words that never change: they are an attribute of metrics.
    fn error_type(&self) -> &'static str {
        match self {
            Failure::NoSuchProduct(_) => "no_such_product",
            Failure::SoldOut(_) => "sold_out",
            Failure::Database(_) => "database",
            Failure::Crashed(_) => "crashed",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Failure::NoSuchProduct(_) => StatusCode::NOT_FOUND,
            Failure::SoldOut(_) => StatusCode::CONFLICT,
            Failure::Database(_) | Failure::Crashed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NoSuchProduct(id) => write!(f, "there is no product {id}"),
            Failure::SoldOut(id) => write!(f, "product {id} is sold out"),
            Failure::Database(error) => write!(f, "the database failed: {error}"),
            Failure::Crashed(reason) => write!(f, "the request crashed: {reason}"),
        }
    }
}
