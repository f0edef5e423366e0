//! What a visitor does: one step after the other, as the dice say.

use crate::pages::Customer;
use crate::secrets::Owner;
use crate::shop::PASSWORD;
use crate::tally::{Wrong, add};
use crate::visitor::{Ask, Visitor};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A signed-in customer's own pages.
const OWN: [&str; 3] = ["/account/", "/account/orders", "/account/profile"];
/// Pieces that a walk puts into a basket: below where the shop refuses more.
const PIECES_MAX: usize = 12;
/// Sessions that have ended and are tried again.
const ENDED_MAX: usize = 3;

impl Visitor {
    /// Walks until the play is over.
    pub(crate) async fn walk(mut self) {
        let mut crowd = 0;
        while self.scene.goes_on() {
            if self.scene.crowd() > crowd {
                crowd = self.scene.crowd();
                self.join_crowd().await;
            } else {
                self.step().await;
            }
        }
    }

    async fn step(&mut self) {
        let dice = self.dice.below(100);
        match self.signed_in {
            None => self.step_as_guest(dice).await,
            Some(hand) => self.step_as_customer(hand, dice).await,
        }
    }

    async fn step_as_guest(&mut self, dice: u64) {
        match dice {
            0..40 => {
                let hand = usize::try_from(self.dice.below(2)).unwrap();
                self.sign_in(hand).await;
            }
            40..80 => self.look_around().await,
            80..95 => self.change_basket().await,
            _ => self.read_own().await,
        }
    }

    async fn step_as_customer(&mut self, hand: usize, dice: u64) {
        match dice {
            0..58 => self.read_own().await,
            58..72 => self.look_around().await,
            72..79 => self.open_tabs().await,
            79..85 => self.change_basket().await,
            85..89 => self.rename().await,
            89..92 => self.rename_while_reading().await,
            92..95 => self.sign_out(dice == 94).await,
            95 => self.sign_out_while_reading().await,
            96..98 => self.sign_in(1 - hand).await,
            98 => self.read_with_ended_session().await,
            _ => self.edit().await,
        }
    }

    fn get(&mut self, path: &str) -> Ask {
        self.ask(&Method::GET, path, "")
    }

    /// A page that is kept for each session: a customer's own, or the product that shows everybody's name.
    fn own_page(&mut self) -> String {
        let which = usize::try_from(self.dice.below(OWN.len() as u64 + 1)).unwrap();
        OWN.get(which).map_or_else(|| self.own_product(), ToString::to_string)
    }

    fn own_product(&self) -> String {
        format!("/products/{}", self.scene.products()[0].slug)
    }

    async fn read_own(&mut self) {
        let path = self.own_page();
        let ask = self.get(&path);
        self.send(&[ask]).await;
    }

    async fn read_after_change(&mut self) {
        add(&self.scene.tally.after_change);
        self.read_own().await;
    }

    /// A page that is for everybody, or depends on the visitor in some other way.
    async fn look_around(&mut self) {
        let product = self.dice.pick(self.scene.products()).slug.clone();
        // What a person types or brings along is theirs, too.
        let typed = self.secret("typed");
        let path = match self.dice.below(13) {
            0 => "/".into(),
            1 => "/products".into(),
            2 => format!("/products?page={}&utm_source={typed}", 1 + self.dice.below(5)),
            3 => "/categories/".into(),
            4 => format!("/search?q={typed}"),
            5 => format!("/search?q=lamp&utm_campaign={typed}"),
            6 => "/basket".into(),
            7 => "/checkout/".into(),
            8 => format!("/login?next=/{typed}"),
            9 => format!("/images/{product}.svg"),
            _ => format!("/products/{product}"),
        };
        self.change_harmless_cookies();
        let ask = self.get(&path);
        self.send(&[ask]).await;
    }

    /// Cookies that other programs in the browser set, and a secret among the products that were looked at.
    fn change_harmless_cookies(&mut self) {
        let own = Owner { visitor: self.number, hand: None };
        if !self.cookies.get("recently_viewed").is_some_and(|viewed| viewed.contains("canary")) {
            let seen = own.secret("seen", &mut self.dice);
            self.cookies.insert("recently_viewed", seen);
        }
        match self.dice.below(10) {
            0 => self.cookies.insert("currency", (*self.dice.pick(&["EUR", "USD"])).into()),
            1 => self.cookies.insert("messages", own.secret("message", &mut self.dice)),
            2..5 => self.cookies.remove("messages"),
            _ => None,
        };
    }

    /// The same page twice and another one, at once.
    async fn open_tabs(&mut self) {
        let (path, other) = (self.own_page(), self.own_page());
        let asks = [&path, &path, &other].map(|path| self.get(path));
        self.send(&asks).await;
    }

    /// Sends a form; true when the shop has taken it.
    async fn post(&mut self, path: &str, form: &str) -> bool {
        let ask = self.ask(&Method::POST, path, form);
        self.posted(&[ask]).await
    }

    /// The same, with reads beside it that come after it in the list.
    async fn posted(&mut self, asks: &[Ask]) -> bool {
        let [answer, ..] = self.send(asks).await;
        self.last_change = format!("{} at {} ms", asks[0].told(), self.scene.start.elapsed().as_millis());
        let Some(answer) = answer else { return false };
        let is_taken = matches!(answer.status, 302 | 303) && !answer.field("location").starts_with("/login");
        if !is_taken {
            self.tell(Wrong::Stale, &asks[0], &answer, answer.field("location"));
        }
        is_taken
    }

    async fn sign_in(&mut self, hand: usize) {
        let login = self.hands[hand].customer.login.clone();
        let form = format!("username={login}&password={PASSWORD}&next=%2Faccount%2F");
        let ask = self.ask(&Method::POST, "/login", &form);
        let asks = [ask];
        let [answer, ..] = self.send(&asks).await;
        self.last_change = format!("{} at {} ms", asks[0].told(), self.scene.start.elapsed().as_millis());
        let Some(answer) = answer else { return };
        let id = answer.cookies().find(|(name, _)| *name == "sessionid").map(|(_, id)| id.to_string());
        let Some(id) = id.filter(|id| answer.status == 302 && !id.is_empty()) else {
            return self.tell(Wrong::Stale, &asks[0], &answer, "no session");
        };
        let owner = Owner { visitor: self.number, hand: Some(hand) };
        if let Err(other) = self.scene.ids.hand_out(&id, owner) {
            self.tell(Wrong::Replayed, &asks[0], &answer, &format!("{id} of {other:?}"));
        }
        self.cookies.insert("sessionid", id);
        self.signed_in = Some(hand);
        add(&self.scene.tally.logins);
        self.read_after_change().await;
    }

    async fn sign_out(&mut self, by_get: bool) {
        let method = if by_get { Method::GET } else { Method::POST };
        let ask = self.ask(&method, "/logout", "");
        self.leave(&[ask]).await;
    }

    /// A page that is read while the session ends is right either way.
    async fn sign_out_while_reading(&mut self) {
        let mut asks = vec![self.ask(&Method::POST, "/logout", "")];
        for path in [self.own_page(), self.own_page()] {
            let mut ask = self.get(&path);
            ask.right.who.push(None);
            asks.push(ask);
        }
        self.leave(&asks).await;
    }

    /// Ends the session, and sees to it that its pages are gone for whoever still has its cookie.
    async fn leave(&mut self, asks: &[Ask]) {
        let is_over = self.posted(asks).await;
        let id = self.cookies.remove("sessionid");
        self.signed_in = None;
        add(&self.scene.tally.logouts);
        if let Some(id) = id.filter(|_| is_over) {
            if self.ended.len() == ENDED_MAX {
                self.ended.remove(0);
            }
            self.ended.push(id);
            for at in 0..self.scene.proxies().len() {
                self.read_as_ghost(self.ended.len() - 1, Some(at)).await;
            }
        }
        self.read_after_change().await;
    }

    /// Brings the cookie of a session that has ended: nobody is signed in.
    async fn read_as_ghost(&mut self, session: usize, at: Option<usize>) {
        let id = self.ended[session].clone();
        let path = self.own_page();
        let own = (self.signed_in.take(), self.cookies.remove("sessionid"));
        let mut ask = self.get(&path).with_session(&id);
        ask.at = at.unwrap_or(ask.at);
        self.signed_in = own.0;
        self.cookies.extend(own.1.map(|id| ("sessionid", id)));
        add(&self.scene.tally.ghosts);
        self.send(&[ask]).await;
    }

    async fn read_with_ended_session(&mut self) {
        if !self.ended.is_empty() {
            let which = usize::try_from(self.dice.below(self.ended.len() as u64)).unwrap();
            self.read_as_ghost(which, None).await;
        }
    }

    /// Another name, which from now on all pages show.
    pub(super) async fn rename(&mut self) {
        self.rename_beside(|_| Vec::new()).await;
    }

    /// While it changes, either name is right.
    async fn rename_while_reading(&mut self) {
        self.rename_beside(|own| {
            let path = own.own_page();
            vec![own.get(&path), own.get(&path)]
        })
        .await;
    }

    async fn rename_beside(&mut self, beside: impl FnOnce(&mut Visitor) -> Vec<Ask>) {
        let Some(hand) = self.signed_in else { return };
        let name = self.secret("name");
        let mut asks = vec![self.ask(&Method::POST, "/account/profile", &format!("name={name}"))];
        let renamed = Customer { name: name.clone(), ..self.hands[hand].customer.clone() };
        for mut ask in beside(self) {
            ask.right.who.push(Some(renamed.clone()));
            asks.push(ask);
        }
        if self.posted(&asks).await {
            self.hands[hand].customer = renamed;
            add(&self.scene.tally.changes);
        } else {
            self.hands[hand].lost.push(name);
        }
        self.read_after_change().await;
    }

    async fn change_basket(&mut self) {
        let product = self.dice.pick(self.scene.products()).slug.clone();
        if self.pieces() < PIECES_MAX && self.dice.below(5) > 1 {
            let before = self.pieces();
            if self.post(&format!("/basket/add/{product}"), "").await {
                add(&self.scene.tally.changes);
                assert_eq!(self.pieces(), before + 1, "the shop counts otherwise");
            }
        } else {
            // The cookie may have come to its end: nobody is told.
            self.cookies.remove("basket");
            if self.dice.below(2) == 0 {
                self.post(&format!("/basket/remove/{product}"), "").await;
            }
        }
        self.read_after_change().await;
        let ask = self.get("/basket");
        self.send(&[ask]).await;
    }

    /// A visitor with a number among the products' edits the one that has it, and nobody else does. The shop's webhook may be late
    /// while a proxy restarts; so it is purged as well, and holds once that is confirmed.
    async fn edit(&mut self) {
        let Some(product) = self.scene.products().get(self.number).cloned() else { return };
        self.count += 1;
        let edition = format!("Edition {}-{}.", self.number, self.count);
        let [name, description] = [&product.name, &edition].map(|text| utf8_percent_encode(text, NON_ALPHANUMERIC));
        let form = format!("name={name}&price={}.50&description={description}", 1 + self.dice.below(900));
        let (page, edit) = (format!("/products/{}", product.slug), format!("/edit/product/{}", product.slug));
        self.edition = None;
        if self.post(&edit, &form).await && self.purge(&page).await {
            self.edition = Some(edition);
        }
        add(&self.scene.tally.edits);
        let ask = self.get(&page);
        self.send(&[ask]).await;
    }

    /// Purges a page; true when all proxies have let go of it.
    async fn purge(&mut self, path: &str) -> bool {
        let purge = Method::from_bytes(b"PURGE").expect("it is a method");
        let ask = self.ask(&purge, path, "");
        let [answer, ..] = self.send(&[ask]).await;
        answer.is_some_and(|answer| answer.status == 200 && answer.body.contains("\"confirmed\":true"))
    }

    /// Lets go of all that is kept for the own session, and then asks for the page that everybody asks for, all at the same
    /// moment.
    async fn join_crowd(&mut self) {
        self.rename().await;
        let group = self.scene.gate.pass().await;
        let product = self.own_product();
        let path = [OWN[0], OWN[1], &product, "/products"][group % 4];
        let asks = [path, path].map(|path| self.get(path));
        self.send(&asks).await;
    }
}
