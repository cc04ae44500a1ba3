"""Settings: a value from the environment, a default, or an error that names the variable and the fix."""

import os
from pathlib import Path

import pytest

from rubylith.domain.errors import InvalidSetting
from rubylith.service.intake import Limits
from rubylith.settings import SETTINGS, read_settings, shown, unknown_variables


def test_an_empty_environment_gives_the_defaults():
    settings = read_settings({})
    assert (settings.model, settings.limits, settings.debug) == ("embedded", Limits(), False)
    assert set(settings.origins.values()) == {"default"}


def test_the_environment_wins_and_is_named_as_the_origin():
    settings = read_settings({"RUBYLITH_MAX_PIXELS": " 1_000 ", "RUBYLITH_DEBUG": "1", "RUBYLITH_MAX_BYTES": ""})
    assert (settings.max_pixels, settings.debug, settings.max_bytes) == (1000, True, Limits().max_bytes)
    assert {name for name, origin in settings.origins.items() if origin == "environment"} == {"max_pixels", "debug"}


@pytest.mark.parametrize(
    ("variable", "value", "fix"),
    [
        ("RUBYLITH_MODEL", "nonsense", "one of embedded"),
        ("RUBYLITH_MAX_PIXELS", "0", "a whole number above 0"),
        ("RUBYLITH_MAX_PIXELS", "1e6", "a whole number above 0"),
        ("RUBYLITH_MAX_BYTES", "-5", "a whole number above 0"),
        ("RUBYLITH_MAX_BYTES", "64 MiB", "a whole number above 0"),
        ("RUBYLITH_MAX_BYTES", "_", "a whole number above 0"),
        ("RUBYLITH_MAX_BYTES", "²", "a whole number above 0"),
        ("RUBYLITH_DEBUG", "yes", "0 or 1"),
        ("RUBYLITH_FETCH_ALLOW", "10.0.0.1/8", "networks such as"),
        ("RUBYLITH_PUBLIC_URL", "example.org", "an address such as"),
        ("RUBYLITH_KEEP_ALIVE", "-1", "a number of seconds"),
        ("RUBYLITH_THREADS", "100000", "at most "),
        ("RUBYLITH_THREADS", "-1", "a whole number, 0 or above"),
        ("RUBYLITH_WAITING", "-1", "a whole number, 0 or above"),
    ],
)
def test_a_wrong_value_names_the_variable_and_the_fix(variable, value, fix):
    with pytest.raises(InvalidSetting, match=f"{variable} is .*{fix}.*unset it"):
        read_settings({variable: value})


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no system call tells which cores a process may use")
def test_one_core_is_counted_where_the_process_may_use_one_only():
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usable)})
    try:
        settings = read_settings({})
        assert (settings.concurrency, settings.job_concurrency) == (1, 1)
        with pytest.raises(InvalidSetting, match="at most 4, four times the cores"):
            read_settings({"RUBYLITH_THREADS": "5"})
    finally:
        os.sched_setaffinity(0, usable)


def test_slips_of_the_pen_are_found():
    assert unknown_variables({"RUBYLITH_MODLE": "x", "RUBYLITH_MODEL": "y", "PATH": ""}) == ("RUBYLITH_MODLE",)


def test_every_setting_has_a_sentence_and_a_default_that_is_right():
    for setting in SETTINGS:
        assert setting.sentence.endswith(".")
        setting.read(setting.default)


def test_every_setting_is_documented():
    page = (Path(__file__).parents[1] / "docs" / "command-line.md").read_text()
    rows = [f"| `{setting.variable}` | {setting.default} | {setting.sentence} |" for setting in SETTINGS]
    assert [row for row in rows if row not in page] == []


def test_secrets_are_not_shown():
    environment = {"RUBYLITH_KEYS": "hush", "RUBYLITH_DATABASE_URL": "postgresql://me:hush@host/db"}
    settings = read_settings(environment)
    assert settings.keys == ("hush",)
    assert "hush" not in repr(settings) + "".join(str(shown(settings, setting)) for setting in SETTINGS)


def test_the_hubs_own_variable_counts_where_ours_is_not_set():
    settings = read_settings({"HF_TOKEN": "hf_theirs"})
    assert (settings.store.token, settings.origins["hub_token"]) == ("hf_theirs", "environment")
    assert read_settings({"HF_TOKEN": "hf_theirs", "RUBYLITH_HUB_TOKEN": "hf_ours"}).store.token == "hf_ours"
    assert "hf_theirs" not in repr(settings)


def test_where_models_come_from_is_read_from_the_environment():
    store = read_settings({"RUBYLITH_MIRROR": "/mnt/models", "RUBYLITH_LICENSES": "permissive, custom"}).store
    assert (store.mirror, store.licences, store.offline) == ("/mnt/models", ("permissive", "custom"), False)
    with pytest.raises(InvalidSetting, match="RUBYLITH_MIRROR is 'ftp://x'"):
        read_settings({"RUBYLITH_MIRROR": "ftp://x"})
