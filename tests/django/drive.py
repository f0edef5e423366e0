#!/usr/bin/env python3
"""Drives a real Django shop with a real vitrine in front of it, and says what holds.

Run it with `tests/django/test`, which brings what it needs; names of steps may follow. Exits with 0 where every step holds, with 1
where one says that a promise is broken, and with 2 where that could not be found out: something did not start, or has crashed.
"""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from driving.browser import two_browsers_buy_from_one_page
from driving.measure import measure
from driving.guide import configurations_of_the_guide_are_good
from driving.processes import PROJECT, Stage
from driving.steps import STEPS, Broken

#: Everything that can be asked for, in the order in which it is done.
ALL_STEPS = {
    step.__name__.replace("_", " "): step
    for step in (configurations_of_the_guide_are_good, *STEPS, two_browsers_buy_from_one_page, measure)
}
#: Lines of each process's log that are shown where a step fails.
_LOG_LINES = 15


def main() -> int:
    """All steps, or those that are named, in order; the first that fails ends it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vitrine", type=Path, help="the binary")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"only these: {'; '.join(ALL_STEPS)}")
    parser.add_argument("--config", type=Path, default=PROJECT / "proxy.yaml", help="another proxy.yaml than the shop's own")
    parser.add_argument("--package", type=Path, help="a folder with another vitrine_django than the installed one")
    asked = parser.parse_args()
    binary: Path = asked.vitrine.resolve()
    if not binary.is_file():
        parser.error(f"there is no {binary}; build it with: cargo build -p vitrine")
    unknown = [name for name in asked.steps if name not in ALL_STEPS]
    if unknown:
        parser.error(f"there is no step {unknown[0]!r}; there are: {'; '.join(ALL_STEPS)}")
    with tempfile.TemporaryDirectory(prefix="vitrine-django-") as folder:
        stage = Stage(Path(folder), binary, asked.config.resolve(), asked.package and asked.package.resolve())
        try:
            return _drive(stage, asked.steps or list(ALL_STEPS))
        finally:
            stage.stop_all()


def _drive(stage: Stage, names: list[str]) -> int:
    name = "start"
    try:
        _prepare(stage)
        for name in (own for own in ALL_STEPS if own in names):
            began = time.monotonic()
            print(f"drive: {name}", flush=True)
            ALL_STEPS[name](stage)
            print(f"    holds ({time.monotonic() - began:.1f} s)", flush=True)
    except Broken as broken:
        print(f"drive: broken: {name}: {broken}", file=sys.stderr)
        _show_logs(stage)
        return 1
    except Exception:
        traceback.print_exc()
        print(f"drive: failed: {name}", file=sys.stderr)
        _show_logs(stage)
        return 2
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
