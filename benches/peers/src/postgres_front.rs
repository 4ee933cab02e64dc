//! PostgreSQL behind the HTTP server: the functions of sale/schema.sql, prepared, each one round trip.
//!
//! A worker has a small pool. On a hot row more connections only wait for its lock inside the database,
//! which costs more than waiting here.

use anyhow::Context as _;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::{Config, NoTls};

use crate::front::{self, FrontArguments, Store, Verdict};
use crate::sale::{AGENT, PER_PERSON_MAX, PRICE_FEN, Sale};

/// Flags of `postgres-front`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PostgresFrontArguments {
    /// Where PostgreSQL is
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "host=127.0.0.1 user=postgres dbname=postgres"
    )]
    postgres: String,
    /// Connections of each worker
    #[arg(long, value_name = "N", default_value_t = 8)]
    pool: usize,
    #[command(flatten)]
    front: FrontArguments,
}

/// Serves until SIGINT or SIGTERM.
pub(crate) fn serve(arguments: &PostgresFrontArguments) -> anyhow::Result<()> {
    let config: Config = arguments.postgres.parse()?;
    let size = arguments.pool;
    front::serve_store(&arguments.front, move || PostgresStore::connect(config.clone(), size))
}

struct PostgresStore {
    pool: Pool,
}

impl PostgresStore {
    async fn connect(config: Config, size: usize) -> anyhow::Result<Self> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, NoTls, recycling);
        let pool = Pool::builder(manager).max_size(size).build()?;
        drop(pool.get().await.context("cannot reach PostgreSQL")?);
        Ok(Self { pool })
    }
}

const SELLABLE: &str = "SELECT sellable($1, $2, $3, $4)";
const SELL: &str = "SELECT sell($1, $2, $3, $4, $5, $6, $7, $8, $9)";

impl Store for PostgresStore {
    async fn verify(&self, sale: &Sale) -> anyhow::Result<Verdict> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(SELLABLE).await?;
        let Sale { slot, document, tickets, .. } = sale;
        let row = client.query_one(&statement, &[slot, document, tickets, &PER_PERSON_MAX]).await?;
        let code: i32 = row.try_get(0)?;
        Ok(if code == 0 { Verdict::Yes { order: None } } else { Verdict::No { code } })
    }

    async fn sell(&self, sale: &Sale) -> anyhow::Result<Verdict> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(SELL).await?;
        let Sale { sender_id, slot, tickets, document, name, mobile } = sale;
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 9] =
            [&AGENT, sender_id, slot, tickets, &PER_PERSON_MAX, &PRICE_FEN, document, name, mobile];
        match client.query_one(&statement, &parameters).await {
            Ok(row) => {
                let order: i64 = row.try_get(0)?;
                Ok(Verdict::Yes { order: Some(order.to_string()) })
            }
            Err(error) => {
                let state = error.code().map(|state| state.code());
                // "PK" and the result code, as sale/schema.sql raises them.
                let code = state.and_then(|state| state.strip_prefix("PK")?.parse().ok());
                code.map(|code| Verdict::No { code }).ok_or_else(|| error.into())
            }
        }
    }
}
