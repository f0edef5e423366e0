#!/usr/bin/env python3
"""Drives the Django shop with a mistake in it, and says whether the step that is meant for it has caught it.

Run it with `tests/django/mutants`. Exits with 0 where every mistake is caught: its step, and no other, says in the words expected
that a promise is broken. A crash or a start that fails has caught nothing, and without a mistake all of these steps must hold.
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from driving.workshop import Built, Mutant, Workshop

_FOLDER = Path(__file__).resolve().parent
#: Seconds that one drive may take.
_DRIVE_SECONDS = 300
#: Lines of a drive that went otherwise than expected.
_SHOWN_LINES = 25


@dataclass(frozen=True)
class Case:
    """A mistake, the step that has to catch it, and how what that step says begins or goes on."""

    mutant: Mutant
    step: str
    words: str


_FORMS = "two visitors buy from one page"
_LANGUAGES = "languages stay apart"
_SPLICE = "src/csrf/splice.rs"
_FILLING = "src/proxy/filling.rs"
_CONFIG = "tests/django/proxy.yaml"

CASES = (
    Case(
        Mutant(
            "the event is sent before the commit",
            "deploy/django/src/vitrine_django/outbox.py",
            (
                "        for chunk in _pending(using).add(tags, urls):\n            _write(using, chunk, settings.event)\n",
                "        pending = _pending(using)\n        for chunk in pending.add(tags, urls):\n"
                "            _write(using, chunk, settings.event)\n        pending()\n",
            ),
        ),
        "a page from before a commit does not outlive it",
        "is as it was before the commit",
    ),
    Case(
        Mutant(
            "one secret for all visitors",
            _SPLICE,
            (
                "None => Secret::random().map(set_new)",
                'None => Secret::of_cookie(&"a".repeat(32)).ok_or(io::ErrorKind::Other).map(set_new)',
            ),
        ),
        _FORMS,
        "two visitors were given one secret",
    ),
    Case(
        Mutant(
            "a token without its cookie",
            _SPLICE,
            ("        self.set_cookie.as_ref()\n", "        self.set_cookie.as_ref().filter(|line| line.is_empty())\n"),
        ),
        _FORMS,
        "no csrftoken was set",
    ),
    Case(
        Mutant(
            "the fill's cookie is replayed",
            _FILLING,
            (
                "    if errand.whose() == Whose::Everybodys && !errand.keeps_cookies() {\n"
                "        fields.remove(header::SET_COOKIE);\n    }\n",
                "    if errand.whose() == Whose::Everybodys && !errand.keeps_cookies() {\n"
                "        let of_forms = |line: &&http::HeaderValue| line.as_bytes().starts_with(b\"csrftoken=\");\n"
                "        let own = fields.get_all(header::SET_COOKIE).iter().find(of_forms).cloned();\n"
                "        fields.remove(header::SET_COOKIE);\n"
                "        own.map(|own| fields.insert(header::SET_COOKIE, own));\n    }\n",
            ),
            (
                "    if !errand.keeps_cookies() && fields.contains_key(header::SET_COOKIE) {\n",
                "    if fields.contains_key(header::ALLOW) {\n",
            ),
        ),
        _FORMS,
        "who has a secret was given another",
    ),
    Case(
        Mutant(
            "no token is spliced",
            "src/proxy/splicing.rs",
            ("    StoredBody::with_tokens(page, found.starts())\n", "    StoredBody::with_tokens(page, &found.starts()[..0])\n"),
        ),
        _FORMS,
        "a token is not of the visitor's own secret",
    ),
    Case(
        Mutant("the language asked for is not in the key", _CONFIG, ("languages: [en, de, bn]\n", "")),
        _LANGUAGES,
        "is one more copy of",
    ),
    Case(
        Mutant(
            "the language chosen is not in the key",
            _CONFIG,
            ("  key: [django_language]\n  drop: [recently_viewed]\n", "  drop: [recently_viewed, django_language]\n"),
        ),
        _LANGUAGES,
        "a page for de is in en",
    ),
    Case(
        Mutant(
            "a message makes no page its visitor's own",
            _CONFIG,
            (
                "  personal: [messages, basket]\n  key: [django_language]\n  drop: [recently_viewed]\n",
                "  personal: [basket]\n  key: [django_language]\n  drop: [recently_viewed, messages]\n",
            ),
        ),
        "a message shows once",
        "the message is not shown",
    ),
)


def main() -> int:
    """All mutants, or those that are named."""
    names = [case.mutant.name for case in CASES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vitrine", type=Path, help="the binary without a mistake")
    parser.add_argument("mutants", nargs="*", metavar="MUTANT", help=f"only these: {'; '.join(names)}")
    asked = parser.parse_args()
    unknown = [name for name in asked.mutants if name not in names]
    if unknown:
        parser.error(f"there is no mutant {unknown[0]!r}; there are: {'; '.join(names)}")
    cases = [case for case in CASES if case.mutant.name in (asked.mutants or names)]
    began = time.monotonic()
    workshop = Workshop(asked.vitrine.resolve())
    # One is built while another is driven.
    with ThreadPoolExecutor(max_workers=1) as builder:
        built = [builder.submit(workshop.build, case.mutant) for case in cases]
        steps = sorted({case.step for case in cases})
        uncaught = _judged("no mistake", lambda: _hold(workshop.right(), steps))
        for case, future in zip(cases, built, strict=True):
            uncaught += _judged(case.mutant.name, lambda case=case, future=future: _caught(case, future))
    print(f"mutants: {uncaught} of {len(cases) + 1} not as expected ({time.monotonic() - began:.0f} s)")
    return 1 if uncaught else 0


def _judged(name: str, judge: Callable[[], str]) -> int:
    """Says what became of one; 1 where it is not as expected."""
    print(f"mutants: {name}", flush=True)
    began = time.monotonic()
    try:
        print(f"    {judge()} ({time.monotonic() - began:.1f} s)", flush=True)
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        print(f"    NOT AS EXPECTED: {error}", flush=True)
        return 1
    return 0


def _hold(built: Built, steps: list[str]) -> str:
    ended = _drive(built, steps)
    assert ended.returncode == 0, f"the steps do not hold without a mistake\n{_end_of(ended)}"
    return "all steps hold"


def _caught(case: Case, future: Future[Built]) -> str:
    ended = _drive(future.result(), [case.step])
    begins = f"drive: broken: {case.step}: "
    told = [line for line in ended.stderr.splitlines() if line.startswith(begins) and case.words in line]
    assert ended.returncode != 0, "nothing was noticed"
    assert ended.returncode == 1 and told, f"it was not caught by {case.step!r} with {case.words!r}\n{_end_of(ended)}"
    return f"caught by {case.step!r}: {told[0].removeprefix(begins)[:80]}"


def _drive(built: Built, steps: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(_FOLDER / "drive.py"), "--config", str(built.config)]
    if built.package is not None:
        command += ["--package", str(built.package)]
    command += [str(built.binary), *steps]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as drive:
        try:
            stdout, stderr = drive.communicate(timeout=_DRIVE_SECONDS)
        except BaseException:
            # Interrupted, it still stops what it has started.
            drive.send_signal(signal.SIGINT)
            raise
    return subprocess.CompletedProcess(command, drive.returncode, stdout, stderr)


def _end_of(ended: subprocess.CompletedProcess[str]) -> str:
    return "\n".join(f"    | {line}" for line in (ended.stdout + ended.stderr).splitlines()[-_SHOWN_LINES:])


if __name__ == "__main__":
    sys.exit(main())
