"""Names: unknown ones, ones that two plugins hold, and the restriction by environment."""

import pytest

from audioforge.errors import ConfigError, PluginError
from audioforge.plugins import discover


def loaded(registry):
    return {p.distribution for p in registry.plugins if p.status == "ok"}


def test_an_unknown_name_lists_the_known_and_the_close_ones(with_plugins):
    with_plugins("acme-good")
    with pytest.raises(PluginError, match=r"no verifier is called 'politenes'") as raised:
        discover().find("verifiers", "politenes")
    assert "Did you mean politeness?" in str(raised.value)
    assert "cer" in str(raised.value)
    assert "wer" in str(raised.value)


def test_two_third_parties_with_one_name(with_plugins):
    with_plugins("acme-good", "acme-rival")
    registry = discover()
    with pytest.raises(PluginError, match="choose acme-good/politeness or acme-rival/politeness"):
        registry.find("verifiers", "politeness")
    for distribution in ("acme-good", "acme-rival"):
        found = registry.find("verifiers", f"{distribution}/politeness")
        assert found.distribution == distribution
        plugin = next(p for p in registry.plugins if p.distribution == distribution)
        assert plugin.status == "failed"
        assert f"ask for it as '{distribution}/politeness'" in plugin.errors[0]
    assert registry.find("verifiers", "brevity").distribution == "acme-rival"


def test_a_name_of_audioforge_keeps_its_meaning(with_plugins):
    with_plugins("acme-usurper")
    registry = discover()
    assert registry.find("verifiers", "wer").distribution == "audioforge-verifiers"
    assert registry.find("verifiers", "acme-usurper/wer").distribution == "acme-usurper"
    assert registry.find("verifiers", "harmless").distribution == "acme-usurper"
    status = {p.distribution: p.status for p in registry.plugins}
    assert status["acme-usurper"] == "failed"
    assert status["audioforge-verifiers"] == "ok"


@pytest.mark.parametrize("names", ["acme-good", " Acme_Good , ", "acme.good"])
def test_the_environment_restricts_what_is_loaded(with_plugins, monkeypatch, names):
    with_plugins("acme-good", "acme-missing")
    monkeypatch.setenv("AUDIOFORGE_PLUGINS", names)
    registry = discover()
    assert [p.distribution for p in registry.plugins] == ["acme-good", "audioforge"]
    with pytest.raises(PluginError, match="no other plugin is loaded"):
        registry.find("verifiers", "wer")


def test_an_empty_restriction_keeps_every_plugin_out(with_plugins, monkeypatch):
    with_plugins("acme-good")
    monkeypatch.setenv("AUDIOFORGE_PLUGINS", "")
    registry = discover()
    [engine] = registry.plugins
    assert (engine.distribution, engine.status) == ("audioforge", "ok")
    assert registry.find("selections", "best").full_name == "audioforge/best"
    assert registry.find("executors", "processes").full_name == "audioforge/processes"
    with pytest.raises(PluginError, match="AUDIOFORGE_PLUGINS is ''"):
        registry.find("verifiers", "politeness")


def test_a_misspelt_restriction_is_told(with_plugins, monkeypatch):
    with_plugins("acme-good")
    monkeypatch.setenv("AUDIOFORGE_PLUGINS", "acme-god,audioforge-verifiers")
    registry = discover()
    assert loaded(registry) == {"audioforge", "audioforge-verifiers"}
    missing = next(p for p in registry.plugins if p.status == "failed")
    assert missing.distribution == "acme-god"
    assert "no such plugin is installed. Did you mean acme-good?" in missing.errors[0]


def test_options_come_from_text_and_are_checked(with_plugins):
    with_plugins("acme-good")
    registry = discover()
    verifier = registry.create("verifiers", "politeness", word="please", strict="yes")
    assert (verifier.word, verifier.strict) == ("please", True)
    with pytest.raises(ConfigError) as raised:
        registry.create("verifiers", "politeness", strikt="yes", strict="perhaps")
    problems = "\n".join(raised.value.problems)
    assert "politeness.strikt: no such option. Did you mean strict?" in problems
    assert "politeness.strict: 'perhaps' is not bool: write true or false" in problems
    assert "politeness.word: required" in problems
