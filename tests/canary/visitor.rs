//! A visitor: a browser with its cookies, the two people who use it in turns, and what its pages have to show.

use crate::browser::{Answer, Tab};
use crate::pages::{self, Customer, Right};
use crate::parts::dice::Dice;
use crate::scene::Scene;
use crate::secrets::{Owner, foreign};
use crate::tally::{Violation, Wrong, add};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Pages of which a browser remembers what it saw.
const REMEMBERED_MAX: usize = 20;
/// Characters of what was wrong that are told.
const TOLD_CHARS: usize = 300;

/// One visitor.
pub(crate) struct Visitor {
    pub(super) scene: Arc<Scene>,
    pub(super) number: usize,
    pub(super) dice: Dice,
    tabs: [Tab; 3],
    pub(super) cookies: BTreeMap<&'static str, String>,
    pub(super) hands: [Hand; 2],
    /// The hand that is signed in; its session is among the cookies.
    pub(super) signed_in: Option<usize>,
    /// Sessions of this browser that were ended.
    pub(super) ended: Vec<String>,
    /// By path.
    remembered: HashMap<String, Arc<Seen>>,
    /// What this visitor wrote last on the product that they alone edit.
    pub(super) edition: Option<String>,
    /// The last request that changed something, and when its answer came.
    pub(super) last_change: String,
    pub(super) count: u32,
}

/// Somebody at this browser.
#[derive(Clone, Debug)]
pub(crate) struct Hand {
    pub(crate) customer: Customer,
    /// Names that were sent, without an answer: the shop may know them or not, and learn of them late.
    pub(super) lost: Vec<String>,
}

/// A page that the browser has.
#[derive(Debug)]
struct Seen {
    etag: HeaderValue,
    body: String,
}

/// A request, and what its answer has to be like.
#[derive(Debug)]
pub(crate) struct Ask {
    request: Request<Full<Bytes>>,
    path: String,
    /// The proxy it is for.
    pub(super) at: usize,
    pub(super) right: Right,
    reader: Owner,
    has_session: bool,
    /// What the browser shows if it still holds.
    remembers: Option<Arc<Seen>>,
}

impl Visitor {
    /// A visitor who has not been there yet.
    pub(crate) fn new(scene: &Arc<Scene>, number: usize, hands: [Hand; 2]) -> Visitor {
        let mut dice = Dice::new(scene.length.seed * 1_000_003 + number as u64);
        let tabs = [(); 3].map(|()| Tab::new(scene.proxies().len()));
        let own = Owner { visitor: number, hand: None };
        // In no list: the shop is never told, but for what is passed on as it is.
        let cookies = BTreeMap::from([("tracker", own.secret("tracker", &mut dice))]);
        Visitor {
            scene: scene.clone(),
            number,
            dice,
            tabs,
            cookies,
            hands,
            signed_in: None,
            ended: Vec::new(),
            remembered: HashMap::new(),
            edition: None,
            last_change: String::new(),
            count: 0,
        }
    }

    /// The hands of a visitor, whom the shop has to be told of.
    pub(crate) fn hands(number: usize, dice: &mut Dice) -> [Hand; 2] {
        [0, 1].map(|hand| {
            let own = Owner { visitor: number, hand: Some(hand) };
            let customer = Customer { login: own.secret("login", dice), name: own.secret("name", dice) };
            Hand { customer, lost: Vec::new() }
        })
    }

    /// Pieces in the basket.
    pub(super) fn pieces(&self) -> usize {
        self.cookies.get("basket").map_or(0, |basket| basket.split('.').count())
    }

    pub(super) fn owner(&self) -> Owner {
        Owner { visitor: self.number, hand: self.signed_in }
    }

    pub(super) fn secret(&mut self, what: &str) -> String {
        self.count += 1;
        let what = format!("{what}{}", self.count);
        self.owner().secret(&what, &mut self.dice)
    }

    /// Who a page may show to be signed in, as things are.
    pub(super) fn who(&self) -> Vec<Option<Customer>> {
        let Some(hand) = self.signed_in else { return vec![None] };
        let Hand { customer, lost } = &self.hands[hand];
        let renamed = |name: &String| Some(Customer { name: name.clone(), ..customer.clone() });
        [Some(customer.clone())].into_iter().chain(lost.iter().map(renamed)).collect()
    }

    /// A request as the browser makes it now.
    pub(super) fn ask(&mut self, method: &Method, path: &str, form: &str) -> Ask {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "shop.example")
            .header(header::USER_AGENT, self.secret("browser"))
            .header(header::REFERER, format!("http://shop.example/?from={}", self.secret("referer")))
            .header(header::COOKIE, cookies.join("; "));
        if *method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let may_validate = *method == Method::GET && self.dice.below(3) == 0;
        let remembers = self.remembered.get(path).filter(|_| may_validate).cloned();
        if let Some(seen) = &remembers {
            request = request.header(header::IF_NONE_MATCH, &seen.etag);
        }
        let product = self.scene.products().get(self.number).map(|own| format!("/products/{}", own.slug));
        let text = self.edition.clone().filter(|_| product.is_some_and(|product| product == path));
        Ask {
            request: request.body(Full::from(form.to_string())).expect("our own words"),
            path: path.into(),
            at: usize::try_from(self.dice.below(self.scene.proxies().len() as u64)).unwrap(),
            right: Right { who: self.who(), pieces: self.pieces(), text },
            reader: self.owner(),
            has_session: self.cookies.contains_key("sessionid"),
            remembers,
        }
    }

    /// Sends up to three requests at once, each in a tab of its own, and looks at what comes back.
    pub(super) async fn send(&mut self, asks: &[Ask]) -> [Option<Answer>; 3] {
        assert!(asks.len() <= self.tabs.len());
        let ([one, two, three], scene) = (&mut self.tabs, &self.scene);
        let answers =
            tokio::join!(put(scene, one, asks.first()), put(scene, two, asks.get(1)), put(scene, three, asks.get(2)));
        let answers: [Option<Answer>; 3] = answers.into();
        for (ask, answer) in asks.iter().zip(&answers) {
            if let Some(answer) = answer {
                self.look(ask, answer);
            }
        }
        answers
    }

    fn look(&mut self, ask: &Ask, answer: &Answer) {
        let scene = self.scene.clone();
        scene.tally.count_kind(answer.field("x-cache"));
        for (secret, owner) in foreign(&answer.text(), ask.reader, &scene.ids) {
            scene.tally.foreign_bytes.fetch_add(secret.len() as u64, Ordering::Relaxed);
            self.tell(Wrong::Foreign, ask, answer, &format!("{secret} of {owner:?}"));
        }
        self.look_at_cookies(ask, answer);
        if ask.request.method() == Method::GET && !ask.path.starts_with("/logout") {
            self.look_at_page(ask, answer);
        }
    }

    fn look_at_cookies(&mut self, ask: &Ask, answer: &Answer) {
        let is_for_all = !ask.has_session && answer.field("x-cache") == "COLLAPSED";
        if answer.cookies().next().is_some() && (answer.is_hit() || is_for_all) {
            self.tell(Wrong::Replayed, ask, answer, answer.field("set-cookie"));
        }
        for (name, value) in answer.cookies() {
            let name = match name {
                "basket" => "basket",
                "recently_viewed" => "recently_viewed",
                "sessionid" if value.is_empty() || ask.path == "/login" => continue,
                _ => {
                    self.tell(Wrong::Replayed, ask, answer, answer.field("set-cookie"));
                    continue;
                }
            };
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name, value.into());
            }
        }
    }

    fn look_at_page(&mut self, ask: &Ask, answer: &Answer) {
        let tally = &self.scene.tally;
        if ask.has_session && matches!(answer.status, 200 | 304) {
            tally.signed_in.count(answer.is_hit());
        }
        if ask.has_session && pages::is_own(&ask.path) {
            tally.own.count(answer.is_hit());
        }
        let judged = match (answer.status, &ask.remembers) {
            (304, Some(seen)) => pages::judge(&ask.path, 200, &seen.body, &ask.right),
            (status, _) => pages::judge(&ask.path, status, &answer.body, &ask.right),
        };
        if let Err(seen) = judged {
            self.tell(Wrong::Stale, ask, answer, &seen);
        }
        let may_be_kept_by_others =
            !answer.field("cache-control").contains("private") || answer.field("vary").is_empty();
        if ask.has_session && answer.is_hit() && may_be_kept_by_others {
            self.tell(Wrong::Open, ask, answer, answer.field("cache-control"));
        }
        if let Some(etag) = answer.fields.get(header::ETAG).filter(|_| answer.status == 200) {
            if self.remembered.len() >= REMEMBERED_MAX {
                self.remembered.clear();
            }
            let seen = Seen { etag: etag.clone(), body: answer.body.clone() };
            self.remembered.insert(ask.path.clone(), Arc::new(seen));
        }
    }

    /// Tells what must not be.
    pub(super) fn tell(&self, wrong: Wrong, ask: &Ask, answer: &Answer, seen: &str) {
        self.scene.tally.tell(Violation {
            wrong,
            visitor: self.number,
            at_ms: self.scene.start.elapsed().as_millis(),
            after_requests: crate::tally::get(&self.scene.tally.requests),
            request: ask.told(),
            last_change: self.last_change.clone(),
            cache_status: format!("{} {}", answer.status, answer.field("cache-status")),
            seen: seen.chars().take(TOLD_CHARS).collect(),
            right: format!("{:?}", ask.right),
        });
    }
}

impl Ask {
    /// Bears another session than the browser's, or its last.
    pub(super) fn with_session(mut self, id: &str) -> Ask {
        let own = self.request.headers().get(header::COOKIE).and_then(|own| own.to_str().ok()).unwrap_or_default();
        let cookies = HeaderValue::try_from(format!("{own}; sessionid={id}")).expect("the shop's own digits");
        self.request.headers_mut().insert(header::COOKIE, cookies);
        self
    }

    /// For people.
    pub(super) fn told(&self) -> String {
        let cookies = self.request.headers().get(header::COOKIE).and_then(|own| own.to_str().ok()).unwrap_or_default();
        format!("{} {} for proxy {}, {cookies}", self.request.method(), self.path, self.at)
    }
}

/// Puts a request to its proxy, or to another if that one is away; none where no answer comes.
async fn put(scene: &Scene, tab: &mut Tab, ask: Option<&Ask>) -> Option<Answer> {
    let ask = ask?;
    let proxy = scene.reachable(ask.at).await;
    let outs = proxy.outs();
    scene.count_request();
    let answer = tab.ask(proxy, &ask.request).await;
    if answer.as_ref().is_some_and(|answer| answer.status < 500) {
        return answer;
    }
    if outs % 2 == 0 && outs == proxy.outs() {
        let told = answer.map(|answer| format!("{} {}", answer.status, answer.field("cache-status")));
        scene.tally.fail(format!("proxy {}, {} {}: {told:?}", proxy.number, ask.request.method(), ask.path));
    } else if ask.request.method() == Method::POST {
        add(&scene.tally.lost);
    }
    None
}
