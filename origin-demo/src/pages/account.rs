//! A signed-in customer's own pages.
//!
//! They say nothing about caching, as many shops' don't: whoever keeps them has to know by the
//! session that they are one person's.

use axum::response::Response;
use serde::Deserialize;

use super::forms::{Input, line};
use super::html::{Text, each};
use super::refusal::Refusal;
use super::replies::see;
use super::visit::Visit;
use crate::database::{Customer, Order, Product};

const NAME_CHARS_MAX: usize = 60;

#[derive(Deserialize)]
pub(super) struct ProfileForm {
    #[serde(default)]
    name: String,
}

/// `GET /account/`
pub(super) async fn overview(visit: Visit) -> Result<Response, Refusal> {
    let customer = visit.signed_in("/account/")?.clone();
    let asked = customer.clone();
    let orders = visit.ask(move |q| asked.orders(q)).await?;
    let main = format!(
        r#"<h1>Hello, {name}</h1>{made}
<ul class="links"><li><a href="/account/orders">Your orders</a> <span class="quiet">{count} so far</span></li>
<li><a href="/account/profile">Your profile</a></li><li><a href="/basket">Your basket</a></li></ul>
<form method="post" action="/logout"><button class="plain">Sign out</button></form>"#,
        name = Text(&customer.name),
        made = made_for(&customer),
        count = orders.len(),
    );
    Ok(visit.page("Your account", &main))
}

/// `GET /account/orders`
pub(super) async fn orders(visit: Visit) -> Result<Response, Refusal> {
    let customer = visit.signed_in("/account/orders")?.clone();
    let asked = customer.clone();
    let orders = visit
        .ask(move |q| {
            let with_product = |order: Order| Ok((Product::by_id(q, order.product)?, order));
            asked.orders(q)?.into_iter().map(with_product).collect::<rusqlite::Result<Vec<_>>>()
        })
        .await?;
    let main = format!(
        r#"<h1>Your orders</h1>{}
<div class="scroll"><table><thead><tr><th scope="col">Order</th><th scope="col">Placed</th><th scope="col">Product</th><th scope="col" class="number">Paid</th></tr></thead>
<tbody>{}</tbody></table></div>
<p><a href="/account/">Back to your account</a></p>"#,
        made_for(&customer),
        each(&orders, row)
    );
    Ok(visit.page("Your orders", &main))
}

fn row((product, order): &(Option<Product>, Order)) -> String {
    let product = product.as_ref().map_or_else(String::new, |product| {
        format!(r#"<a href="/products/{}">{}</a>"#, product.slug, Text(&product.name))
    });
    format!(
        r#"<tr><td>#{}</td><td>{}</td><td>{product}</td><td class="number">{}</td></tr>"#,
        order.number,
        Text(&order.placed),
        order.price
    )
}

/// `GET /account/profile`
pub(super) async fn profile(visit: Visit) -> Result<Response, Refusal> {
    let customer = visit.signed_in("/account/profile")?;
    let main = format!(
        r#"<section class="narrow"><h1>Your profile</h1>{}
<form method="post" action="/account/profile" class="stack">
<label>The name to show <input name="name" value="{}" maxlength="{NAME_CHARS_MAX}" autocomplete="name" required></label>
<button>Save</button></form>
<p><a href="/account/">Back to your account</a></p></section>"#,
        made_for(customer),
        Text(&customer.name)
    );
    Ok(visit.page("Your profile", &main))
}

/// `POST /account/profile`
pub(super) async fn rename(visit: Visit, Input(form): Input<ProfileForm>) -> Result<Response, Refusal> {
    let customer = visit.signed_in("/account/profile")?.clone();
    let name = line("name", &form.name, NAME_CHARS_MAX)?;
    visit.ask(move |q| customer.rename(q, &name)).await?;
    Ok(see("/account/profile"))
}

/// So that a page in the wrong hands is seen to be one.
fn made_for(customer: &Customer) -> String {
    format!(
        r#"<p class="quiet">This page was made for <strong>{}</strong> ({}).</p>"#,
        Text(&customer.login),
        Text(&customer.name)
    )
}
