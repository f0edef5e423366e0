"""What the guide and the examples say must be taken by the vitrine that they speak of."""

import re
import subprocess

from .processes import PROJECT, Stage
from .steps import expect

_ROOT = PROJECT.parent.parent


def configurations_of_the_guide_are_good(stage: Stage) -> None:
    """`vitrine check` accepts the guide's proxy.yaml and every example."""
    guide = (_ROOT / "docs" / "django.md").read_text()
    blocks = re.findall(r"```yaml\n(origin:.*?)```", guide, re.DOTALL)
    expect(len(blocks) == 1, "the guide has not one proxy.yaml")
    written = stage.folder / "guide.yaml"
    written.write_text(blocks[0])
    for file in (written, *sorted((_ROOT / "deploy" / "examples").glob("*.yaml"))):
        command = [str(stage.vitrine_binary), "check", "--config", str(file)]
        ended = subprocess.run(command, env=stage.environment(), capture_output=True, text=True, timeout=60)
        expect(ended.returncode == 0, f"{file.name} is refused: {ended.stdout}{ended.stderr}")
