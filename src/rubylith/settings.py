"""What the environment says: read once, by the command line, into one frozen value."""

import ipaddress
import os
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from rubylith.domain.errors import InvalidSetting
from rubylith.engine.catalog import EMBEDDED, LICENCE_CLASSES, is_folder_name, known_segmenters
from rubylith.engine.precisions import files_for
from rubylith.engine.runtimes import PRECISIONS, PROVIDERS, Device
from rubylith.engine.sources import HUB
from rubylith.engine.weights import Store
from rubylith.service.intake import DEFAULT_LIMITS, Limits

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PREFIX = "RUBYLITH_"


def _model(text: str) -> str:
    if text != EMBEDDED and not is_folder_name(text) and text not in known_segmenters():
        raise ValueError(f"one of {', '.join((EMBEDDED, *known_segmenters()))}, or a model's folder")
    return text


def _among(names: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return text

    return read


def _licences(text: str) -> tuple[str, ...]:
    classes = _listed(text)
    if not set(classes) <= set(LICENCE_CLASSES):
        raise ValueError(f"some of {', '.join(LICENCE_CLASSES)}, with commas between")
    return classes


def _mirror(text: str) -> str:
    if "://" in text and not text.startswith(("http://", "https://")):
        raise ValueError("an address such as https://models.example.org, a folder or a bundle")
    return text


def _positive(text: str) -> int:
    if not text.replace("_", "").isdecimal() or int(text) < 1:
        raise ValueError("a whole number above 0, such as 120_000_000")
    return int(text)


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("0 or 1")
    return text == "1"


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable. `read` takes its text, or raises a ValueError that says what would be right. `secret`: hidden.

    instead: a variable of somebody else's that counts where ours is not set.
    """

    name: str
    default: str
    sentence: str
    read: Callable[[str], Any] = field(repr=False)
    secret: bool = False
    instead: str = ""

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.upper()


def usable_cores() -> int:
    """How many cores this process may use: fewer than there are under `taskset`, or in a container that has a few."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(text: str) -> int:
    if not text.replace("_", "").isdecimal():
        raise ValueError("a whole number, 0 or above")
    return int(text)


def _threads(text: str) -> int:
    most = 4 * usable_cores()  # far more than that do nothing but wait for each other
    if _count(text) > most:
        raise ValueError(f"at most {most}, four times the cores that this process may use")
    return _count(text)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part) for part in _listed(text))
    except ValueError:
        raise ValueError("networks such as 10.0.0.0/8, separated by commas") from None


def _address(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text):
        raise ValueError("an address such as https://masks.example.org")
    return text.rstrip("/")


def _optional(text: str) -> float | None:
    return _seconds(text) if text else None


def _optional_count(text: str) -> int | None:
    return _positive(text) if text else None


def _node(text: str) -> str:
    return text or platform.node() or "node"


def _cores(text: str) -> int:
    return _positive(text) if text else usable_cores()


def _folder(text: str) -> Path:
    return Path(text).expanduser()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise ValueError("a number of seconds above 0")
    return seconds


SETTINGS = (
    Setting("model", EMBEDDED, "The model that cuts when none is named.", _model),
    Setting("models", "~/.cache/rubylith/models", "The folder that models are pulled into and loaded from.", _folder),
    Setting("mirror", "", "Where models come from instead of the hub: a URL, a folder or a bundle.", _mirror),
    Setting("offline", "0", "1 asks nobody for models.", _switch),
    Setting(
        "licenses", "permissive", "Classes of licences whose models may be pulled, with commas between.", _licences
    ),
    Setting("hub", HUB, "The hub that models come from, or a proxy with its paths.", _address),
    Setting(
        "hub_token",
        "",
        "For models that want a log-in there. HF_TOKEN does it too.",
        str,
        secret=True,
        instead="HF_TOKEN",
    ),
    Setting("provider", PROVIDERS[0], "What networks run on.", _among(PROVIDERS)),
    Setting("threads", "0", "Threads of a network, and at most of filters; 0 takes one per core.", _threads),
    Setting(
        "precision",
        PRECISIONS[0],
        "Of a network's encoder; bf16 is for openvino, fp16 and int8 need their files.",
        _among(PRECISIONS),
    ),
    Setting("max_bytes", str(DEFAULT_LIMITS.max_bytes), "The largest file that is read, in bytes.", _positive),
    Setting("max_pixels", str(DEFAULT_LIMITS.max_pixels), "The largest picture that is decoded, in pixels.", _positive),
    Setting("home", "~/.rubylith", "The folder in which the server keeps its data.", _folder),
    Setting("keys", "", "API keys, separated by commas; besides those of `rubylith keys`.", _listed, secret=True),
    Setting("public_url", "", "The address under which others reach the server, for links.", _address),
    Setting("database_url", "", "SQLite in the home folder, or postgresql://….", str, secret=True),
    Setting("storage_url", "", "The folder `objects` in the home folder, or s3://BUCKET/PREFIX, file:///FOLDER.", str),
    Setting("fetch_allow", "", "Networks that pictures and webhooks may be on besides public ones.", _networks),
    Setting("fetch_seconds", "20", "How long fetching a picture may take.", _seconds),
    Setting("node", "", "The name of this node; each node of a database has its own. Empty: the machine's.", _node),
    Setting("concurrency", "", "Pictures worked on at once for callers who wait. Empty: one a core.", _cores),
    Setting("waiting", "64", "Requests that may wait beyond those; the next is answered 503.", _count),
    Setting("per_key", "64", "Requests of one key at once, running or waiting.", _positive),
    Setting("request_seconds", "120", "The longest that a request may take; jobs may take longer.", _seconds),
    Setting("grace_seconds", "20", "How long what runs may take to end when the server is told to stop.", _seconds),
    Setting("job_concurrency", "", "Jobs worked on at once. Empty: one a core.", _cores),
    Setting("job_waiting", "10000", "Jobs that may wait; the next is answered 503.", _positive),
    Setting("job_per_key", "2000", "Jobs of one key that may wait.", _positive),
    Setting(
        "job_seconds",
        "",
        "How long jobs and their results are kept. Empty: a week, or as long as a vendor does.",
        _optional,
    ),
    Setting("upload_seconds", "86400", "How long uploads are kept.", _seconds),
    Setting("max_body", "67108864", "The largest body of a request, in bytes.", _positive),
    Setting("cache_bytes", "1073741824", "Memory for pictures looked at lately.", _count),
    Setting("keep_alive", "", "Seconds after which a model nobody asks for is unloaded; empty keeps it.", _optional),
    Setting(
        "rate", "", "Requests a minute for each key without limits of its own; empty is no limit.", _optional_count
    ),
    Setting("cors_origins", "", "Origins whose pages may call the server, or *.", _listed),
    Setting(
        "otlp_url", "", "Where traces go by OTLP, such as http://localhost:4318/v1/traces. Empty: nowhere.", _address
    ),
    Setting("debug", "0", "1 shows the traceback of an unexpected failure.", _switch),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `origins`: for each name `environment` or `default`."""

    model: str
    models: Path
    mirror: str
    offline: bool
    licenses: tuple[str, ...]
    hub: str
    hub_token: str = field(repr=False)
    provider: str
    threads: int
    precision: str
    max_bytes: int
    max_pixels: int
    home: Path
    keys: tuple[str, ...] = field(repr=False)
    public_url: str
    database_url: str = field(repr=False)
    storage_url: str
    fetch_allow: tuple[Network, ...]
    fetch_seconds: float
    node: str
    concurrency: int
    waiting: int
    per_key: int
    request_seconds: float
    grace_seconds: float
    job_concurrency: int
    job_waiting: int
    job_per_key: int
    job_seconds: float | None
    upload_seconds: float
    max_body: int
    cache_bytes: int
    keep_alive: float | None
    rate: int | None
    cors_origins: tuple[str, ...]
    otlp_url: str
    debug: bool
    origins: Mapping[str, str]

    @property
    def device(self) -> Device:
        """What networks run on."""
        return Device(self.provider, self.threads or None, self.precision)

    @property
    def files(self) -> str:
        """The precision of the files that such a device opens, and that are pulled for it."""
        return files_for(self.device)

    @property
    def store(self) -> Store:
        """The models on this machine, and where more come from."""
        return Store(
            self.models, self.mirror or None, self.offline, self.licenses, hub=self.hub, token=self.hub_token or None
        )

    @property
    def limits(self) -> Limits:
        """What intake lets in."""
        return Limits(self.max_bytes, self.max_pixels)


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this environment; an empty variable counts as unset. InvalidSetting names the variable."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting in SETTINGS:
        text = environment.get(setting.variable, "").strip() or environment.get(setting.instead, "").strip()
        origins[setting.name] = "environment" if text else "default"
        try:
            values[setting.name] = setting.read(text or setting.default)
        except ValueError as error:
            raise InvalidSetting(
                f"{setting.variable} is {text!r}", f"Set it to {error}, or unset it (default {setting.default})"
            ) from None
    return Settings(**values, origins=origins)


def shown(settings: Settings, setting: Setting) -> str | int | float | None:
    """A value as a person, or JSON, may see it; what is secret is not shown."""
    value: object = getattr(settings, setting.name)
    if setting.secret and value:
        return "(set, not shown)"
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in cast("tuple[object, ...]", value))
    if isinstance(value, bool):
        return int(value)
    return value if value is None or isinstance(value, int | float | str) else str(value)


def wants_traceback(environment: Mapping[str, str] = os.environ) -> bool:
    """`debug` alone: asked when something has broken, which may be the other settings."""
    return environment.get(f"{PREFIX}DEBUG", "").strip() == "1"


def unknown_variables(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Variables that begin like ours but set nothing: slips of the pen."""
    known = {setting.variable for setting in SETTINGS}
    return tuple(sorted(name for name in environment if name.startswith(PREFIX) and name not in known))
