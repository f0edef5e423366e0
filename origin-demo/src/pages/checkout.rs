//! The last page before nothing is bought.

use axum::response::Response;

use super::basket::Item;
use super::html::Text;
use super::refusal::Refusal;
use super::replies::private;
use super::visit::Visit;

/// `GET /checkout/`
pub(super) async fn show(visit: Visit) -> Result<Response, Refusal> {
    let ids = visit.cookies.basket.clone();
    let items = visit.ask(move |q| Item::of(q, &ids)).await?;
    let whom = match &visit.customer {
        Some(customer) => format!("For <strong>{}</strong>", Text(&customer.name)),
        None => r#"As a guest, or <a href="/login?next=/checkout/">sign in</a>"#.to_owned(),
    };
    let pieces: u32 = items.iter().map(|item| item.pieces).sum();
    let main = format!(
        r#"<section class="narrow"><h1>Checkout</h1>
<p>{whom}</p>
<p>{pieces} pieces, <span class="price">{total}</span> in all.</p>
<p class="quiet">This is where a real shop would ask for your address. This one wishes you a good day.</p>
<p><a href="/basket">Back to the basket</a></p></section>"#,
        total = Item::total(&items)
    );
    Ok(private(visit.page("Checkout", &main)))
}
