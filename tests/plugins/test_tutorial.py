"""docs/plugin-tutorial.md, followed to the letter in a fresh environment of built wheels."""

import json
import os
import re
import subprocess

import pytest

NUMBERS = {"Nine": 9}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"(?:Replace|Write|In) `([^`]+)`")


class Reader:
    """Somebody who does what the page says.

    Args:
        environment: With AudioForge and its plugins.
        folder: Where they stand.
    """

    def __init__(self, environment, folder):
        self.environment, self.folder = environment, folder
        self.commands, self.outputs = [], []

    def follow(self, page):
        """Write each file and run each command, in their order."""
        end = 0
        for block in BLOCK.finditer(page):
            language, text = block.groups()
            before, end = page[end : block.start()], block.end()
            if language == "console":
                for line in text.splitlines():
                    self.run(line.removeprefix("$ "))
            elif language == "text":
                assert text in self.outputs[-1] or any(text in o for o in self.outputs), text
            else:
                self.write(FILE.findall(before)[-1], language, text)

    def write(self, name, language, text):
        path = self.folder / name
        if language == "toml":  # one line of the file
            key = text.partition(" = ")[0]
            text = re.sub(rf"^{key} = .*\n", text, path.read_text(), flags=re.MULTILINE)
        path.write_text(text)

    def run(self, command):
        self.commands.append(command)
        if command.startswith("cd "):
            self.folder = self.folder / command.removeprefix("cd ")
            return
        bin_folder = self.environment.python.parent
        kept_out = ("PYTHONPATH", "AUDIOFORGE_PLUGINS", "PYTEST_ADDOPTS")
        variables = {k: v for k, v in os.environ.items() if k not in kept_out}
        variables |= {
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",  # everything is installed, as by the page's first sentence
            "PIP_NO_BUILD_ISOLATION": "false",
            "OMP_NUM_THREADS": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        self.outputs.append(done.stdout)


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs/plugin-tutorial.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reader(page, fresh_environment, tmp_path_factory, root):
    projects = [path.parent for path in sorted(root.glob("plugins/*/pyproject.toml"))]
    reader = Reader(fresh_environment(*projects), tmp_path_factory.mktemp("tutorial"))
    reader.follow(page)
    return reader


@pytest.mark.soak
def test_every_command_works_and_there_are_as_many_as_it_says(reader, page):
    stated = re.search(r"(\w+) commands, then one that publishes", page)[1]
    assert len(reader.commands) == NUMBERS[stated]


@pytest.mark.soak
def test_what_it_trains_learns_as_it_says(reader, page):
    summary = json.loads((reader.folder / "runs/digits/summary.json").read_text())
    assert summary["improved"]
    before, after = re.search(r"falls from ([\d.]+) % to ([\d.]+) %", page).groups()
    assert 100 * summary["base"]["wer"] == pytest.approx(float(before), abs=1)
    assert 100 * summary["cycles"][-1]["wer"] == pytest.approx(float(after), abs=6)
    assert "number_accuracy" in json.dumps(summary), "what the plugin measures is in the summary"


@pytest.mark.soak
def test_the_result_is_the_example_in_the_documentation(reader, root):
    example = root / "docs/examples/audioforge-phone-digits"
    files = [p.relative_to(example) for p in example.rglob("*") if p.is_file()]
    expected = [path for path in files if not re.search(r"cache(__)?/", path.as_posix())]
    assert expected
    for path in expected:
        assert (reader.folder / path).read_bytes() == (example / path).read_bytes(), path
