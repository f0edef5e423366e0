//! What a stored response takes in Redis beside its body.

use crate::confirm::connection;
use crate::measure::Noise;
use crate::redis_server::RedisServer;
use crate::{Problem, SERVER_CORE, Told, samples};
use redis::InfoDict;
use redis::aio::MultiplexedConnection;
use vitrine::store::redis::RedisStore;
use vitrine::store::{Queued, Store};
use vitrine::stored::codec;

const COUNT: u64 = 20_000;
const BODY_BYTES: usize = 4096;

pub(crate) async fn run() -> Told {
    let noise = Noise::begin();
    let server = RedisServer::start(SERVER_CORE).await?;
    let store = samples::store(&server)?;
    let mut connection = connection(&server).await?;
    // Scripts and buffers are there before the count begins.
    fill(&store, COUNT, COUNT + 1_000).await?;
    let before = used(&mut connection).await?;
    fill(&store, 0, COUNT).await?;
    let grown = used(&mut connection).await?.saturating_sub(before) / COUNT;
    let bare_before = used(&mut connection).await?;
    bare(&mut connection).await?;
    let bare = used(&mut connection).await?.saturating_sub(bare_before) / COUNT;
    let (body, meta) = (BODY_BYTES as u64, codec::encode(&*samples::response(1, BODY_BYTES)?).meta.len());
    println!(
        "memory in Redis: {} bytes beside the body for each of {COUNT} stored responses of 4 KiB, {} beside that of a plain \
         string of the body under the same name with a time to live",
        grown - body,
        bare - body
    );
    println!("  of these {meta} are the response's own head: key, fields, tags, entity tag, lifetimes");
    noise.tell();
    Ok(())
}

async fn fill(store: &RedisStore, from: u64, until: u64) -> Told {
    for product in from..until {
        let response = samples::response(product, BODY_BYTES)?;
        while store.put(response.clone()) != Queued::Accepted {
            store.flush().await?;
        }
    }
    store.flush().await?;
    // What a full queue turned away was put again.
    if store.figures().errors > 0 { Err("not all were written".into()) } else { Ok(()) }
}

/// The bodies alone, as anybody would keep them.
async fn bare(connection: &mut MultiplexedConnection) -> Told {
    let body = vec![b'x'; BODY_BYTES];
    for product in 0..COUNT {
        let name = format!("bare:shop.example/products/some-product-with-a-name-{product}");
        redis::cmd("SET").arg(name).arg(&body).arg("EX").arg(604_800).query_async::<()>(connection).await?;
    }
    Ok(())
}

async fn used(connection: &mut MultiplexedConnection) -> Result<u64, Problem> {
    let info: InfoDict = redis::cmd("INFO").arg("memory").query_async(connection).await?;
    Ok(info.get("used_memory").ok_or("INFO without used_memory")?)
}
