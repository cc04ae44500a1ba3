"""What the environment says: read once, by the command line, into one frozen value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rubylith.domain.errors import InvalidSetting
from rubylith.engine.catalog import EMBEDDED, LICENCE_CLASSES, catalog, is_folder_name
from rubylith.engine.runtimes import PRECISIONS, PROVIDERS, Device
from rubylith.service.intake import DEFAULT_LIMITS, Limits

PREFIX = "RUBYLITH_"


def _model(text: str) -> str:
    if text != EMBEDDED and not is_folder_name(text) and text not in catalog():
        raise ValueError(f"one of {', '.join((EMBEDDED, *catalog()))}, or a model's folder")
    return text


def _text(text: str) -> str:
    return text


def _among(names: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return text

    return read


def _licences(text: str) -> tuple[str, ...]:
    classes = tuple(part.strip() for part in text.split(","))
    if not set(classes) <= set(LICENCE_CLASSES):
        raise ValueError(f"some of {', '.join(LICENCE_CLASSES)}, with commas between")
    return classes


def _positive(text: str) -> int:
    if not text.replace("_", "").isdecimal() or int(text) < 1:
        raise ValueError("a whole number above 0, such as 120_000_000")
    return int(text)


def _count(text: str) -> int:
    return 0 if text == "0" else _positive(text)


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("0 or 1")
    return text == "1"


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable. `read` takes its text, or raises a ValueError that says what would be right."""

    name: str
    default: str
    sentence: str
    read: Callable[[str], Any] = field(repr=False)

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.upper()


SETTINGS = (
    Setting("model", EMBEDDED, "The model that cuts when none is named.", _model),
    Setting("models", "~/.cache/rubylith/models", "The folder that models are pulled into and loaded from.", _text),
    Setting("mirror", "none", "Where models come from instead of the hub: a URL, a folder or a bundle.", _text),
    Setting("offline", "0", "1 asks nobody for models.", _switch),
    Setting("licences", "permissive", "Classes of licences whose models may be pulled.", _licences),
    Setting("provider", PROVIDERS[0], "What networks run on.", _among(PROVIDERS)),
    Setting("threads", "0", "Threads of a network; 0 takes one per core.", _count),
    Setting("precision", PRECISIONS[0], "Of a network's encoder; needs files of that precision.", _among(PRECISIONS)),
    Setting("max_bytes", str(DEFAULT_LIMITS.max_bytes), "The largest file that is read, in bytes.", _positive),
    Setting("max_pixels", str(DEFAULT_LIMITS.max_pixels), "The largest picture that is decoded, in pixels.", _positive),
    Setting("debug", "0", "1 shows the traceback of an unexpected failure.", _switch),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `origins`: for each name `environment` or `default`."""

    model: str
    models: str
    mirror: str
    offline: bool
    licences: tuple[str, ...]
    provider: str
    threads: int
    precision: str
    max_bytes: int
    max_pixels: int
    debug: bool
    origins: Mapping[str, str]

    @property
    def models_folder(self) -> Path:
        """Where models lie."""
        return Path(self.models).expanduser()

    @property
    def device(self) -> Device:
        """What networks run on."""
        return Device(self.provider, self.threads or None, self.precision)

    @property
    def limits(self) -> Limits:
        """What intake lets in."""
        return Limits(self.max_bytes, self.max_pixels)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings of this environment; an empty variable counts as unset. InvalidSetting names the variable."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting in SETTINGS:
        text = environment.get(setting.variable, "").strip()
        origins[setting.name] = "environment" if text else "default"
        try:
            values[setting.name] = setting.read(text or setting.default)
        except ValueError as error:
            raise InvalidSetting(
                f"{setting.variable} is {text!r}", f"Set it to {error}, or unset it (default {setting.default})"
            ) from None
    return Settings(**values, origins=origins)


def wants_traceback(environment: Mapping[str, str]) -> bool:
    """`debug` alone: asked when something has broken, which may be the other settings."""
    return environment.get(f"{PREFIX}DEBUG", "").strip() == "1"


def unknown_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Variables that begin like ours but set nothing: slips of the pen."""
    known = {setting.variable for setting in SETTINGS}
    return tuple(sorted(name for name in environment if name.startswith(PREFIX) and name not in known))
