"""Addresses at which there is no cluster; none is started."""

import socket

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge.errors import UsageError

pytest.importorskip("ray", reason="needs audioforge-ray")

from audioforge_ray.address import found_at, refusal


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_what_listens_at_loopback_alone_is_reached_there(listener):
    assert found_at(listener) == listener


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "127.0.0.1:99999"])
def test_where_nothing_answers_is_told_at_once_with_the_mend(address):
    with pytest.raises(UsageError, match=rf"ray\.address: {address}: nothing answers .*ray start"):
        found_at(address)


def test_auto_without_a_ray_on_this_machine_names_no_option_of_ray(monkeypatch):
    def none_found(*_: object) -> str:
        raise ConnectionError("Could not find any running Ray instance. Set `--address` flag.")

    monkeypatch.setattr("ray._private.services.canonicalize_bootstrap_address", none_found)
    with pytest.raises(UsageError, match=r"no Ray runs on this machine\. A cluster is") as told:
        found_at("auto")
    assert "--address flag" not in str(told.value)


def test_auto_takes_the_address_of_the_environment(listener, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", listener)
    assert found_at("auto") == listener
    monkeypatch.setenv("RAY_ADDRESS", "local")
    with pytest.raises(UsageError, match="RAY_ADDRESS is local"):
        found_at("auto")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("InvalidAuthToken: the token is missing"), "RAY_AUTH_TOKEN"),
        (RuntimeError("Version mismatch: the cluster was started with"), "same Python and Ray"),
        (ConnectionError("Failed to connect"), "not as a Ray cluster"),
    ],
)
def test_why_a_cluster_lets_nobody_in(error, said):
    outer = ConnectionError("Failed to connect to Ray cluster")
    outer.__cause__ = error
    text = refusal("10.0.0.5:6379", outer)
    assert text.startswith("executor: ray.address: 10.0.0.5:6379: ")
    assert said in text


def test_doctor_tells_of_an_address_that_does_not_answer_without_a_traceback():
    result = CliRunner().invoke(cli, ["doctor", "--executor", "ray:address=127.0.0.1:1"])
    assert result.exit_code == 1
    assert "nothing answers" in result.output
    assert "Traceback" not in result.output
