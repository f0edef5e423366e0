#!/usr/bin/env python3
"""Drives a real Django shop with a real vitrine in front of it, and says what holds.

Run it with `tests/django/test`, which brings what it needs. Exits with 0 where every step holds, else with 1 and what was found.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from driving.browser import two_browsers_buy_from_one_page
from driving.measure import measure
from driving.guide import configurations_of_the_guide_are_good
from driving.processes import Stage
from driving.steps import STEPS

#: Lines of each process's log that are shown where a step fails.
_LOG_LINES = 15


def main() -> int:
    """All steps, in order; the first that fails ends it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vitrine", type=Path, help="the binary")
    binary: Path = parser.parse_args().vitrine.resolve()
    if not binary.is_file():
        parser.error(f"there is no {binary}; build it with: cargo build -p vitrine")
    with tempfile.TemporaryDirectory(prefix="vitrine-django-") as folder:
        stage = Stage(Path(folder), binary)
        try:
            _prepare(stage)
            for step in (configurations_of_the_guide_are_good, *STEPS, two_browsers_buy_from_one_page, measure):
                began = time.monotonic()
                print(f"drive: {step.__name__.replace('_', ' ')}", flush=True)
                step(stage)
                print(f"    holds ({time.monotonic() - began:.1f} s)", flush=True)
        except AssertionError as error:
            print(f"drive: failed: {error}", file=sys.stderr)
            _show_logs(stage)
            return 1
        finally:
            stage.stop_all()
    print("drive: everything holds")
    return 0


def _prepare(stage: Stage) -> None:
    stage.manage("migrate", "--verbosity", "0")
    stage.manage("check", "--fail-level", "WARNING")
    stage.start_shop()
    stage.start_vitrine()
    stage.start_sender()
    stage.manage("seed")


def _show_logs(stage: Stage) -> None:
    for name in ("shop", "sender", "vitrine"):
        log = stage.log_of(name)
        lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:] if log.exists() else []
        print(f"--- {name}", *lines, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
