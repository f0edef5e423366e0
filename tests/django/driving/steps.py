"""What the shop has to do with vitrine in front of it: each step raises `Broken` where it does not."""

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .processes import Late, Stage, Told, until
from .visitor import Answer, Visitor, unmask

#: A product, and everything that shows it.
PRODUCT = "/catalogue/blue-lamps-1_1/"
SHOWN_ON = (PRODUCT, "/", "/catalogue/", "/category/lamps_1/")
OTHER_PRODUCT = "/catalogue/red-vases-4_52/"
LANGUAGES = {"en": "Blue Lamps 1", "de": "Blau Lampen 1", "bn": "নীল বাতি 1"}
#: As browsers write them, each with the language that it asks for.
ACCEPTED = {
    "en": ("en", "en-GB,en;q=0.9", "fr,en;q=0.5", "*"),
    "de": ("de", "de-AT,de;q=0.9,en;q=0.8", "de-DE, en;q=0.1"),
    "bn": ("bn", "bn-BD,bn;q=0.9,en-US;q=0.3"),
}
#: Edits that are made while things are killed.
EDITS = 60


class Broken(AssertionError):
    """A promise is broken: not the same as a step that could not be gone to its end."""


def expect(is_so: object, words: str, answer: Answer | None = None) -> None:
    """Raises `Broken` with the answer where something is not so."""
    if not is_so:
        raise Broken(words + (f": {answer.status} [{answer.cache_status}] {answer.text[:400]}" if answer else ""))


def becomes(is_so: Callable[[], Told], words: str) -> Told:
    """Waits for what is promised. Raises `Broken` where it does not come."""
    try:
        return until(is_so, words)
    except Late as late:
        raise Broken(str(late)) from late


def warm(stage: Stage, path: str, language: str = "en") -> None:
    """Has a page in the cache."""
    answer = None
    for _ in range(3):
        answer = Visitor(stage.vitrine_port, language).get(path)
        if answer.is_hit:
            return
    expect(False, f"{path} does not come from the cache", answer)


def two_visitors_buy_from_one_page(stage: Stage) -> None:
    """Two fresh visitors are given the same cached page, each with tokens of their own, and both buy."""
    orders = _orders(stage)
    for page in (PRODUCT, "/category/lamps_1/", "/"):
        warm(stage, page)
        visitors = [Visitor(stage.vitrine_port), Visitor(stage.vitrine_port)]
        loaded = [visitor.get(page) for visitor in visitors]
        for visitor, answer in zip(visitors, loaded, strict=True):
            expect(answer.is_hit, f"{page} does not come from the cache", answer)
            # A meta tag, a script, an attribute, and a form for the languages at least.
            expect(len(answer.tokens) >= 4, "the page has too few tokens", answer)
            secret = visitor.cookies.get("csrftoken")
            expect(secret, "no csrftoken was set", answer)
            expect({unmask(own) for own in answer.tokens} == {secret}, "a token is not of the visitor's own secret", answer)
            again = visitor.get(page)
            expect(visitor.cookies["csrftoken"] == secret, "who has a secret was given another", again)
            expect({unmask(own) for own in again.tokens} == {secret}, "a token is not of the secret that is kept", again)
        expect(not set(loaded[0].tokens) & set(loaded[1].tokens), "two visitors were given one token")
        expect(visitors[0].cookies["csrftoken"] != visitors[1].cookies["csrftoken"], "two visitors were given one secret")
        for visitor, answer in zip(visitors, loaded, strict=True):
            _buy(visitor, page, answer.tokens)
        foreign = Visitor(stage.vitrine_port)
        foreign.get(page)
        refused = foreign.post("/basket/add/1/", {"csrfmiddlewaretoken": loaded[0].tokens[0]}, referer=page)
        expect(refused.status == 403, "a token of somebody else's is taken", refused)
    bought = _orders(stage) - orders
    expect(bought == 6, f"6 orders were placed, and the shop knows of {bought}")


def _buy(visitor: Visitor, page: str, tokens: list[str]) -> None:
    """By each of the page's tokens, as a form sends it and as a script does."""
    for number, token in enumerate(tokens[:5]):
        if number % 2:
            added = visitor.post("/basket/add/1/", {}, referer=page, **{"X-CSRFToken": token})
        else:
            added = visitor.post("/basket/add/1/", {"csrfmiddlewaretoken": token}, referer=page)
        expect(added.status == 302, "a form of a cached page is refused", added)
    basket = visitor.get("/basket/")
    expect(f"{min(len(tokens), 5)} × Blue Lamps 1" in basket.text, "the basket does not hold it", basket)
    placed = visitor.post("/checkout/", {"csrfmiddlewaretoken": basket.tokens[0]}, referer="/basket/")
    expect(placed.status == 302, "the order is refused", placed)
    thanks = visitor.follow(placed)
    expect("Thank you for your order" in thanks.messages, "nobody thanks for the order", thanks)


def _orders(stage: Stage) -> int:
    script = "from shop.models import Order; print('orders', Order.objects.count())"
    found = re.search(r"orders (\d+)", stage.manage("shell", "-c", script))
    assert found
    return int(found[1])


def languages_stay_apart(stage: Stage) -> None:
    """A page that is cached for one language never reaches another."""
    stage.manage("cache_manager", "clear")
    for is_warm in (False, True):
        for language, spellings in ACCEPTED.items():
            for number, spelling in enumerate(spellings):
                for page in SHOWN_ON:
                    answer = Visitor(stage.vitrine_port, spelling).get(page)
                    _expect_language(answer, language)
                    expect(answer.is_hit or not (is_warm or number), f"{spelling!r} is one more copy of {page}", answer)
    for chosen in LANGUAGES:
        visitor = Visitor(stage.vitrine_port, "en")
        tokens = visitor.get(PRODUCT).tokens
        answer = visitor.post("/i18n/setlang/", {"language": chosen, "csrfmiddlewaretoken": tokens[0]}, referer=PRODUCT)
        expect(answer.status == 302, "a language cannot be chosen", answer)
        for _ in ("cold", "warm"):
            _expect_language(visitor.get(PRODUCT), chosen)
        expect(visitor.get(PRODUCT).is_hit, "a page in a chosen language is not cached")
        _expect_language(Visitor(stage.vitrine_port, "en").get(PRODUCT), "en")


def _expect_language(answer: Answer, language: str) -> None:
    expect(answer.language == language, f"a page for {language} is in {answer.language}", answer)
    for own, name in LANGUAGES.items():
        expect((name in answer.text) == (own == language), f"a page for {language} has a name in {own}", answer)


def a_message_shows_once(stage: Stage) -> None:
    """What is said after a form is seen once, by its visitor, on a cached page and on one that is not; with a basket and without."""
    for action, words, count in (
        ("/basket/add/1/", "In your basket: Blue Lamps 1", 1),
        ("/watch/1/", "You will hear of Blue Lamps 1", 0),
    ):
        for is_cold in (False, True):
            warm(stage, PRODUCT)
            sender = Visitor(stage.vitrine_port)
            tokens = sender.get(PRODUCT).tokens
            sent = sender.post(action, {"csrfmiddlewaretoken": tokens[0]}, referer=PRODUCT)
            if is_cold:
                stage.manage("cache_manager", "purge", "--tag", "product:1")
            seen = sender.follow(sent)
            expect(seen.messages == [words], "the message is not shown", seen)
            expect(f'id="basket">{count}<' in seen.text, "the basket's count is not the visitor's", seen)
            for _ in range(2):
                other = Visitor(stage.vitrine_port).get(PRODUCT)
                expect(not other.messages, "somebody else sees the message", other)
                expect('id="basket">0<' in other.text, "somebody else sees the basket", other)
            again = sender.get(PRODUCT)
            expect(not again.messages, "the message is shown twice", again)
            expect(f'id="basket">{count}<' in again.text, "the visitor's own basket is lost", again)


def an_edit_is_everywhere_at_the_next_load(stage: Stage) -> None:
    """What is changed in Django's admin is on every page that shows it, in every language, and no other page is lost."""
    editor = signed_in(stage, "editor")
    for number, price in enumerate((7777, 8888, 9999)):
        for language in LANGUAGES:
            for page in (*SHOWN_ON, OTHER_PRODUCT):
                warm(stage, page, language)
        _edit_price(editor, price)
        for language in LANGUAGES:
            for page in SHOWN_ON:
                answer = Visitor(stage.vitrine_port, language).get(page)
                shown = f"{price // 100}.{price % 100:02}"
                expect(shown in answer.text, f"edit {number}: {page} in {language} has not the price {shown}", answer)
            expect(Visitor(stage.vitrine_port, language).get(OTHER_PRODUCT).is_hit, "an edit purges what it does not touch")
    for method in ("in an update", "in raw SQL"):
        for page in SHOWN_ON:
            warm(stage, page)
        stage.manage("shell", "-c", _WITHOUT_SIGNALS[method])
        for page in SHOWN_ON:
            answer = Visitor(stage.vitrine_port).get(page)
            expect(_PRICES[method] in answer.text, f"{page} does not show what was changed {method}", answer)


_PRICES = {"in an update": "66.66", "in raw SQL": "55.55"}
_WITHOUT_SIGNALS = {
    "in an update": (
        "from shop.models import Product; from vitrine_django import changing\n"
        "with changing(Product.objects.filter(pk=1)) as rows: rows.update(price_cents=6666)"
    ),
    "in raw SQL": (
        "from django.db import connection, transaction; from vitrine_django import invalidate\n"
        "with transaction.atomic():\n"
        "    connection.cursor().execute('UPDATE shop_product SET price_cents = 5555 WHERE id = 1')\n"
        "    invalidate(tags=['product:1', 'category:1'])"
    ),
}


#: What shows the product and writes nothing: these pages can be loaded while a transaction is open.
_READ_ONLY = SHOWN_ON[1:]


def a_page_from_before_a_commit_does_not_outlive_it(stage: Stage) -> None:
    """Visitors load the pages between a change and its commit: what they were shown is gone once it is committed."""
    for page in _READ_ONLY:
        warm(stage, page)
    script = (
        "from django.db import transaction; from driving.visitor import Visitor; from shop.models import Product\n"
        "with transaction.atomic():\n"
        "    product = Product.objects.get(pk=1); product.price_cents = 4444; product.save()\n"
        f"    shown = [Visitor({stage.vitrine_port}).get(page).text.count('44.44') for page in {_READ_ONLY} for _ in 'ab']\n"
        "print('shown before', sum(shown))"
    )
    expect("shown before 0" in stage.manage("shell", "-c", script), "a page shows what is not committed")
    for page in _READ_ONLY:
        answer = Visitor(stage.vitrine_port).get(page)
        expect("44.44" in answer.text, f"{page} is as it was before the commit", answer)


def signed_in(stage: Stage, name: str, port: int | None = None) -> Visitor:
    """Somebody who has signed in."""
    visitor = Visitor(port or stage.vitrine_port)
    token = visitor.get("/accounts/login/").tokens[0]
    form = {"username": name, "password": "secret", "csrfmiddlewaretoken": token}
    answer = visitor.post("/accounts/login/", form, referer="/accounts/login/")
    expect(answer.status == 302 and "sessionid" in visitor.cookies, "cannot sign in", answer)
    return visitor


def _edit_price(editor: Visitor, price_cents: int) -> None:
    """In Django's admin."""
    path = "/admin/shop/product/1/change/"
    form = {
        "name_en": LANGUAGES["en"],
        "name_de": LANGUAGES["de"],
        "name_bn": LANGUAGES["bn"],
        "price_cents": str(price_cents),
        "stock": "100",
        "views": "0",
        "categories": "1",
        "csrfmiddlewaretoken": editor.get(path).tokens[0],
    }
    answer = editor.post(path, form, referer=path)
    expect(answer.status == 302, "the admin refuses the edit", answer)


def a_logout_elsewhere_ends_a_sessions_pages(stage: Stage) -> None:
    """Who is signed out past vitrine finds nothing of theirs in it; a new password ends it too."""
    for end in (_sign_out_past_vitrine, _change_password):
        ann = signed_in(stage, "ann")
        for _ in range(2):
            page = ann.get("/accounts/profile/")
        expect(page.is_hit and 'id="visitor">ann<' in page.text, "a session's own page is not cached", page)
        end(stage, ann)
        page = ann.get("/accounts/profile/")
        expect(page.status == 302, "what was kept for a session outlives it", page)


def _sign_out_past_vitrine(stage: Stage, ann: Visitor) -> None:
    direct = Visitor(stage.shop_port, cookies=dict(ann.cookies))
    token = direct.get("/accounts/profile/").tokens[0]
    answer = direct.post("/accounts/logout/", {"csrfmiddlewaretoken": token}, referer="/accounts/profile/")
    expect(answer.status == 302, "cannot sign out", answer)


def _change_password(stage: Stage, ann: Visitor) -> None:
    script = (
        "from django.contrib.auth.models import User\n"
        "ann = User.objects.get(username='ann'); ann.set_password('secret'); ann.save()"
    )
    stage.manage("shell", "-c", script)


def nothing_is_lost_when_sender_and_vitrine_are_killed(stage: Stage) -> None:
    """Edits go on while both are killed again and again: in the end every page shows the last of them.

    Commits wait for nothing here: everything is the sender's.
    """
    stage.stop("shop")
    stage.start_shop(commit_wait_seconds=0)
    editor = signed_in(stage, "editor", stage.shop_port)
    with _readers(stage) as hits:
        for number in range(1, EDITS + 1):
            _edit_price(editor, 100_000 + number)
            if number % 20 == 5:
                stage.kill("sender")
                stage.start_sender()
            if number % 20 == 15:
                stage.kill("vitrine")
                stage.start_vitrine()
        stage.kill("sender")
        stage.kill("vitrine")
        _edit_price(editor, 123_456)
        stage.start_vitrine()
        stage.start_sender()
        becomes(lambda: _waiting(stage) == 0, "everything is delivered")
    expect(len(hits) > EDITS, f"of a page that is edited {EDITS} times the cache gave {len(hits)} copies: nothing was kept to be lost")
    delivered, twice = _deliveries(stage)
    expect(delivered >= EDITS + 1, f"of {EDITS + 1} edits {delivered} were delivered")
    print(f"    {delivered} events delivered, {twice} of them in more than one attempt")
    for language in LANGUAGES:
        for page in SHOWN_ON:
            answer = Visitor(stage.vitrine_port, language).get(page)
            expect("1234.56" in answer.text, f"{page} in {language} lost the last edit", answer)
    stage.stop("shop")
    stage.start_shop()


@contextmanager
def _readers(stage: Stage) -> Iterator[list[str]]:
    """Visitors who load the pages all the time, so that they are in the cache whenever an edit comes. Gives the pages that were."""
    stop, hits = threading.Event(), list[str]()

    def read() -> None:
        while not stop.is_set():
            for page in SHOWN_ON:
                visitor = Visitor(stage.vitrine_port)
                try:
                    if visitor.get(page).is_hit:
                        hits.append(page)
                except (OSError, http.client.HTTPException):
                    # It was killed: that is what this step is about.
                    stop.wait(0.02)
                finally:
                    visitor.close()

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield hits
    finally:
        stop.set()
        thread.join()


def _waiting(stage: Stage) -> int:
    script = "from vitrine_django.models import Event; print('waiting', Event.objects.filter(delivered_at=None).count())"
    found = re.search(r"waiting (\d+)", stage.manage("shell", "-c", script))
    assert found
    return int(found[1])


def _deliveries(stage: Stage) -> tuple[int, int]:
    script = (
        "from vitrine_django.models import Event\n"
        "own = [e for e in Event.objects.exclude(delivered_at=None) if 'product:1' in e.data.get('tags', [])]\n"
        "print('delivered', len(own), sum(e.attempts > 1 for e in own))"
    )
    found = re.search(r"delivered (\d+) (\d+)", stage.manage("shell", "-c", script))
    assert found
    return int(found[1]), int(found[2])


STEPS: tuple[Callable[[Stage], None], ...] = (
    two_visitors_buy_from_one_page,
    languages_stay_apart,
    a_message_shows_once,
    an_edit_is_everywhere_at_the_next_load,
    a_page_from_before_a_commit_does_not_outlive_it,
    a_logout_elsewhere_ends_a_sessions_pages,
    nothing_is_lost_when_sender_and_vitrine_are_killed,
)
