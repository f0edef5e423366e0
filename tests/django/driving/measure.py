"""What a cache is worth to this shop: hit rate, pages per second, queries. Measured, printed, and judged in one point only."""

import os
import random
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from shutil import which

from .processes import Stage
from .steps import expect
from .visitor import Visitor

#: Visitors at once.
VISITORS = 8
#: Pages that each of them loads.
PAGES_OF_A_VISITOR = 250


@dataclass
class Walk:
    """What came of a walk."""

    pages: int
    hits: int
    seconds: float
    queries: int

    def line(self, name: str) -> str:
        """For people."""
        per_thousand = 1000 * self.queries / self.pages
        return (
            f"    {name:22} {self.hits / self.pages:8.1%} {self.pages / self.seconds:10.0f} {per_thousand:20.0f}"
        )


def measure(stage: Stage) -> None:
    """The same walk of anonymous visitors past the shop as it was, past a cold vitrine, and past a warm one.

    Shop and vitrine have one core and the visitors another, where there are two: else the load would take from what it measures.
    """
    with _cores_apart(stage) as words:
        _measure(stage, words)


@contextmanager
def _cores_apart(stage: Stage) -> Iterator[str]:
    """Starts everything anew on a core of its own, and gives words for it."""
    usable = os.sched_getaffinity(0) if which("taskset") else set()
    if len(usable) < 2:
        yield "shop, vitrine and the load share their cores: there are not two, or no taskset"
        return
    stage.core, of_load, *_ = sorted(usable)
    for name in ("sender", "vitrine"):
        stage.stop(name)
    stage.start_vitrine()
    stage.start_sender()
    os.sched_setaffinity(0, {of_load})
    try:
        yield f"shop and vitrine on core {stage.core}, the load on core {of_load}"
    finally:
        os.sched_setaffinity(0, usable)
        stage.core = None


def _measure(stage: Stage, cores: str) -> None:
    stage.stop("shop")
    stage.start_shop(with_cache=False)
    without = _walk(stage, stage.shop_port)
    stage.stop("shop")
    stage.start_shop()
    stage.manage("cache_manager", "clear")
    cold = _walk(stage, stage.vitrine_port)
    # Whatever the walk did not come to is asked for, too: a warm cache has all pages.
    stage.manage("cache_manager", "warm", "--languages")
    warm = _walk(stage, stage.vitrine_port)
    print(f"    {cores}")
    print("    anonymous visitors     hit rate    pages/s  queries/1,000 pages")
    for name, walk in (("without vitrine", without), ("vitrine, cold", cold), ("vitrine, warm", warm)):
        print(walk.line(name))
    ratio = stage.admin("/api/v1/status")["hit_ratio"]
    print(f"    vitrine's own count since its start: {ratio:.1%}")
    expect(warm.hits >= 0.95 * warm.pages, f"of {warm.pages} pages of a warm cache only {warm.hits} were hits")
    expect(warm.queries * 10 < without.queries, "a warm cache does not spare the database")


def _walk(stage: Stage, port: int) -> Walk:
    """So many visitors at once, each of whom keeps what cookies they are given; the same pages each time."""
    before = _queries(stage)
    hits = [0] * VISITORS
    failures: list[str] = []

    def visit(number: int) -> None:
        visitor = Visitor(port, language=("en", "de", "bn")[number % 3])
        try:
            for page in _pages(number):
                answer = visitor.get(page)
                hits[number] += answer.is_hit
                if answer.status != 200:
                    failures.append(f"{page}: {answer.status}")
        except Exception as error:
            failures.append(repr(error))
        finally:
            visitor.close()

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(VISITORS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    expect(not failures, f"{len(failures)} pages failed, the first: {failures[:1]}")
    return Walk(VISITORS * PAGES_OF_A_VISITOR, sum(hits), seconds, _queries(stage) - before)


def _pages(number: int) -> Iterable[str]:
    """A visitor's way: the same whenever that visitor comes."""
    ways = random.Random(number)
    kinds = ("blue", "green", "white", "red")
    for _ in range(PAGES_OF_A_VISITOR):
        shelf = ways.randrange(3)
        kind = ways.random()
        if kind < 0.2:
            yield "/"
        elif kind < 0.4:
            yield ("/category/lamps_1/", "/category/rugs_2/", "/category/vases_3/")[shelf]
        else:
            product = ways.randrange(1, 25)
            colour, category = kinds[(product - 1) % 4], ("lamps", "rugs", "vases")[shelf]
            yield f"/catalogue/{colour}-{category}-{product}_{24 * shelf + product}/"


def _queries(stage: Stage) -> int:
    if not stage.query_log.exists():
        return 0
    return sum(int(line.rsplit(" ", 1)[1]) for line in stage.query_log.read_text().splitlines())
