"""Where mistakes are made: copies under the target folder, in which a text is replaced by another.

A text that is not there any more fails: the mutant is to be brought along when the code moves.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from .processes import PROJECT

_ROOT = PROJECT.parent.parent
_CONFIG = PROJECT / "proxy.yaml"
_PACKAGE = _ROOT / "deploy" / "django" / "src"
#: What a build of vitrine reads.
_SOURCES = ("src", "bench", "origin-demo", "examples", "Cargo.toml", "Cargo.lock")
#: What a build has made of other crates.
_DEPENDENCIES = ("build", "deps", ".fingerprint")
#: Seconds that a build may take; the first one may have to build other crates.
_BUILD_SECONDS = 900


class Mutant:
    """A mistake: each right text in the file becomes the wrong one."""

    def __init__(self, name: str, file: str, *edits: tuple[str, str]) -> None:
        self.name, self.file, self.edits = name, file, edits

    def applied(self) -> str:
        """The file with the mistake in it."""
        text = (_ROOT / self.file).read_text()
        for right, wrong in self.edits:
            assert text.count(right) == 1, f"{self.name}: this is not in {self.file} once, but {text.count(right)} times:\n{right}"
            text = text.replace(right, wrong)
        return text


@dataclass(frozen=True)
class Built:
    """What a drive is to use."""

    binary: Path
    config: Path = _CONFIG
    #: Where another vitrine_django is than the installed one.
    package: Path | None = None


class Workshop:
    """All builds share one target folder: only vitrine itself is built for each."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary
        self._home = binary.parent.parent / "django" / "mutants"
        self._sources, self._target = self._home / "sources", self._home / "target"

    def right(self) -> Built:
        """Without a mistake."""
        return Built(self._binary)

    def build(self, mutant: Mutant) -> Built:
        """With a mistake, in whatever it was made."""
        text, right, name = mutant.applied(), self.right(), mutant.name.replace(" ", "-").replace("'", "")
        if mutant.file.endswith(".rs"):
            return replace(right, binary=self._compiled(mutant, text, name))
        home = self._home / name
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        if mutant.file.endswith(".yaml"):
            config = home / "proxy.yaml"
            config.write_text(text)
            return replace(right, config=config)
        shutil.copytree(_PACKAGE / "vitrine_django", home / "vitrine_django", ignore=shutil.ignore_patterns("__pycache__"))
        (home / (_ROOT / mutant.file).relative_to(_PACKAGE)).write_text(text)
        return replace(right, package=home)

    def _compiled(self, mutant: Mutant, text: str, name: str) -> Path:
        self._bring()
        file = self._sources / mutant.file
        file.write_text(text)
        command = ["cargo", "build", "--package", "vitrine", "--bin", "vitrine", "--locked", "--offline", "--quiet"]
        environment = {**os.environ, "CARGO_TARGET_DIR": str(self._target)}
        built = subprocess.run(
            command, cwd=self._sources, env=environment, capture_output=True, text=True, timeout=_BUILD_SECONDS
        )
        # The next build must see that it is right again, whatever the time of the file that is copied over it.
        shutil.copyfile(_ROOT / mutant.file, file)
        assert built.returncode == 0, f"{mutant.name} cannot be built:\n{built.stderr}"
        kept = self._home / name
        shutil.copy2(self._target / "debug" / "vitrine", kept)
        return kept

    def _bring(self) -> None:
        """The sources as they are, and at first what was built of other crates."""
        for part in _SOURCES:
            own = _ROOT / part
            for file in (path for path in (own.rglob("*") if own.is_dir() else [own]) if path.is_file()):
                copy = self._sources / file.relative_to(_ROOT)
                # What is alike keeps its time, and is not built again.
                if not (copy.is_file() and copy.read_bytes() == file.read_bytes()):
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, copy)
        if not self._target.exists():
            for part in _DEPENDENCIES:
                shutil.copytree(self._binary.parent / part, self._target / "debug" / part, ignore=_without_programs, symlinks=True)


def _without_programs(folder: str, names: list[str]) -> list[str]:
    """Nobody builds with them, and they are large. Nor with what else was built of vitrine, which is at another place."""
    is_deps = Path(folder).name == "deps"
    return [name for name in names if is_deps and ("." not in name or "vitrine" in name)]
