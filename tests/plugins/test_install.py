"""`audioforge plugins install` and `uninstall`, by the real pip, in a fresh environment."""

import pytest
from fresh_environment import OF_PLUGINS

from .published import PLUGINS, write_project

WARNING = (
    "A plugin is code, and runs with your rights: while pip installs it, and whenever AudioForge "
    "loads it. Install only what you trust.\n"
)


@pytest.fixture
def environment(fresh_environment):
    return fresh_environment(leave_out=OF_PLUGINS)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """`project(name)` is the folder of a third party's source."""
    folder = tmp_path_factory.mktemp("projects")
    return lambda name: write_project(folder, name)


@pytest.fixture(scope="module")
def published(project, wheel):
    """`published(name)` is the wheel of a third party's plugin."""
    projects = {name: project(name) for name in PLUGINS}
    return lambda name: str(wheel(projects[name]))


def test_install_and_uninstall_show_what_changed(environment, published):
    result = environment.run("audioforge", "plugins", "install", published("acme-politeness"))
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith(WARNING), "said before anything is installed"
    assert "Successfully installed acme-politeness-2.0" in result.stderr
    assert result.stdout == (
        "distribution     before  now  provides\n"
        "acme-politeness  -       2.0  verifiers: politeness\n"
    )
    assert "politeness" in environment.run("audioforge", "plugins", "list").stdout
    result = environment.run("audioforge", "plugins", "install", published("acme-politeness"))
    assert (result.returncode, result.stdout) == (0, "nothing changed\n")
    arguments = ("--force-reinstall", "--no-deps", published("acme-politeness"))
    result = environment.run("audioforge", "plugins", "install", *arguments)
    assert "acme-politeness  2.0     2.0  verifiers: politeness" in result.stdout
    result = environment.run("audioforge", "plugins", "uninstall", "Acme_Politeness")
    assert result.returncode == 0, result.stderr
    assert result.stdout == (
        "distribution     before  now  provides\nacme-politeness  2.0     -    -\n"
    )
    assert "politeness" not in environment.run("audioforge", "plugins", "list").stdout


@pytest.mark.soak
def test_an_editable_install_of_a_project(environment, project, tmp_path):
    source = write_project(tmp_path, "acme-politeness")
    result = environment.run("audioforge", "plugins", "install", "--editable", str(source))
    assert result.returncode == 0, result.stderr
    assert "acme-politeness  -       2.0  verifiers: politeness" in result.stdout
    plugin = source / "acme_politeness/plugin.py"
    plugin.write_text(plugin.read_text().replace('"politeness"', '"courtesy"'))
    assert "courtesy" in environment.run("audioforge", "plugins", "list").stdout


def test_a_plugin_that_does_not_load_is_told_at_once(environment, published):
    result = environment.run("audioforge", "plugins", "install", published("acme-broken"))
    assert result.returncode == 1
    assert "acme-broken   -       2.0  -" in result.stdout
    assert result.stderr.endswith(
        "Error: acme-broken is installed, and failed: acme_broken.plugin: ModuleNotFoundError: No "
        "module named 'a_library_that_nobody_installed'\n"
    )


def test_what_is_no_plugin_is_said_to_be_none(environment, tmp_path, wheel):
    source = write_project(tmp_path, "acme-politeness")
    file = source / "pyproject.toml"
    file.write_text(file.read_text().replace("entry-points.audioforge", "entry-points.other"))
    result = environment.run("audioforge", "plugins", "install", str(wheel(source)))
    assert result.returncode == 0
    assert "no AudioForge plugin is among what was installed (acme-politeness)" in result.stderr


@pytest.mark.soak
def test_under_a_restriction_it_is_installed_and_not_loaded(environment, published):
    arguments = ("plugins", "install", published("acme-politeness"))
    result = environment.run("audioforge", *arguments, AUDIOFORGE_PLUGINS="")
    assert result.returncode == 0, result.stderr
    assert result.stderr.endswith("AUDIOFORGE_PLUGINS is '': what was installed is not loaded.\n")


@pytest.mark.soak
@pytest.mark.parametrize(
    ("marker", "note"),
    [
        ("uv-receipt.toml", "`uv tool install audioforge --with PLUGIN`"),
        ("pipx_metadata.json", "`pipx inject audioforge PLUGIN`"),
    ],
)
def test_in_the_environment_of_a_tool_it_says_what_the_tool_forgets(
    environment, published, marker, note
):
    (environment.python.parent.parent / marker).write_text("")
    arguments = ("plugins", "install", published("acme-politeness"))
    result = environment.run("audioforge", *arguments)
    assert "acme-politeness  -       2.0  verifiers: politeness" in result.stdout
    assert note in result.stderr


@pytest.mark.soak
def test_what_cannot_be_installed_changes_nothing(environment, tmp_path):
    result = environment.run("audioforge", "plugins", "install", "acme-that-is-nowhere")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.endswith(
        "Error: pip install failed, as it says above; nothing else was done\n"
    )
    result = environment.run("audioforge", "plugins", "install")
    assert result.returncode == 2
    assert "name at least one package" in result.stderr


def test_only_plugins_are_uninstalled(environment, published):
    environment.run("audioforge", "plugins", "install", published("acme-politeness"))
    result = environment.run("audioforge", "plugins", "uninstall", "acme-politeness", "AudioForge")
    assert result.returncode == 2
    assert "'AudioForge' is AudioForge itself; remove it with pip if you mean that" in result.stderr
    for name in ("click", "acme-politenes"):
        result = environment.run("audioforge", "plugins", "uninstall", "acme-politeness", name)
        assert result.returncode == 2
        assert f"no installed plugin is called '{name}'" in result.stderr
    assert "Did you mean acme-politeness?" in result.stderr
    assert "acme-politeness" in environment.run("audioforge", "plugins", "list").stdout


@pytest.mark.soak
def test_without_pip_it_says_what_to_do(environment, published):
    for entry in environment.site.glob("pip*"):
        entry.unlink()
    arguments = ("plugins", "install", published("acme-politeness"))
    result = environment.run("audioforge", *arguments)
    assert result.returncode == 2
    assert "pip is not installed in" in result.stderr
    assert "-m ensurepip" in result.stderr


@pytest.mark.soak
def test_a_library_that_is_replaced_is_told(environment, tmp_path, wheel):
    for version in ("1.0", "1.1"):
        source = write_project(tmp_path / version, "acme-politeness")
        file = source / "pyproject.toml"
        text = file.read_text().replace("entry-points.audioforge", "entry-points.other")
        file.write_text(text.replace('version = "2.0"', f'version = "{version}"'))
        result = environment.run("audioforge", "plugins", "install", str(wheel(source)))
        assert result.returncode == 0, result.stderr
    assert "Warning: pip replaced libraries that were there: acme-politeness 1.0 → 1.1\n" in (
        result.stderr
    )
