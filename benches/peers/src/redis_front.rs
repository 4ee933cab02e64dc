//! Redis behind the HTTP server: sale/sell.lua and sale/verify.lua, each one round trip.
//!
//! A worker has one multiplexed connection, which sends what its requests ask for without waiting for
//! the answers between: Redis then decides many sales, and syncs them, at once.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Script};

use crate::front::{self, FrontArguments, Store, Verdict};
use crate::sale::{PER_PERSON_MAX, Sale, voucher_code};

/// The script that sells.
pub(crate) const SELL: &str = include_str!("../sale/sell.lua");
/// Requests that wait to be sent on a connection.
const IN_FLIGHT_MAX: usize = 1024;
const VERIFY: &str = include_str!("../sale/verify.lua");

/// Flags of `redis-front`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RedisFrontArguments {
    /// Where Redis is
    #[arg(long, value_name = "URL", default_value = "redis://127.0.0.1:6379")]
    redis: String,
    #[command(flatten)]
    front: FrontArguments,
}

/// Serves until SIGINT or SIGTERM.
pub(crate) fn serve(arguments: &RedisFrontArguments) -> anyhow::Result<()> {
    let client = Client::open(arguments.redis.as_str())?;
    front::serve_store(&arguments.front, move || RedisStore::connect(client.clone()))
}

struct RedisStore {
    connection: MultiplexedConnection,
    sell: Script,
    verify: Script,
}

impl RedisStore {
    async fn connect(client: Client) -> anyhow::Result<Self> {
        // Piaoku gives its engine as long; a sale that takes longer is an unknown outcome here too.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(Duration::from_secs(5)))
            .set_pipeline_buffer_size(IN_FLIGHT_MAX);
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Self { connection, sell: Script::new(SELL), verify: Script::new(VERIFY) })
    }
}

impl Store for RedisStore {
    async fn verify(&self, sale: &Sale) -> anyhow::Result<Verdict> {
        let mut invocation = self.verify.key(stock_key(&sale.slot));
        invocation.key(taken_key(sale)).arg(sale.tickets).arg(PER_PERSON_MAX);
        let code: i32 = invocation.invoke_async(&mut self.connection.clone()).await?;
        Ok(if code == 0 { Verdict::Yes { order: None } } else { Verdict::No { code } })
    }

    async fn sell(&self, sale: &Sale) -> anyhow::Result<Verdict> {
        let mut invocation = self.sell.key(format!("order:{}", sale.sender_id));
        invocation
            .key(stock_key(&sale.slot))
            .key(taken_key(sale))
            .arg(sale.tickets)
            .arg(PER_PERSON_MAX)
            .arg(voucher_code())
            .arg(&sale.document)
            .arg(&sale.name)
            .arg(&sale.mobile);
        let (code, order): (i32, String) =
            invocation.invoke_async(&mut self.connection.clone()).await?;
        Ok(if code == 0 { Verdict::Yes { order: Some(order) } } else { Verdict::No { code } })
    }
}

/// Where a slot's stock is.
pub(crate) fn stock_key(slot: &str) -> String {
    format!("stock:{slot}")
}

fn taken_key(sale: &Sale) -> String {
    format!("taken:{}:{}", sale.slot, sale.document)
}
