"""Models in memory: loaded when first asked for, unloaded when told or when nobody has asked for a while."""

import ctypes
import gc
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from rubylith.domain.errors import UnknownName
from rubylith.engine import models
from rubylith.engine.embeddings import EmbeddingCache
from rubylith.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model of this server."""

    name: str
    loaded: bool
    default: bool


class Models:
    """The engines of this server, by name of their model; safe to share between threads.

    keep_alive_seconds: how long a model stays without being asked for; None keeps it.
    """

    def __init__(self, default: str, cache: EmbeddingCache, *, keep_alive_seconds: float | None = None) -> None:
        self.default = default
        self._cache = cache
        self._keep_alive_seconds = keep_alive_seconds
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {name: threading.Lock() for name in models.NAMES}
        self._loaded: dict[str, Engine] = {}
        self._asked_at: dict[str, float] = {}

    def check(self, name: str) -> None:
        """UnknownName if there is no such model."""
        if name not in self._loading:
            raise UnknownName.among("model", name, tuple(self._loading))

    def get(self, name: str) -> Engine:
        """The engine, loaded now if need be, once for all who ask at the same time; UnknownName if there is none."""
        self.check(name)
        with self._loading[name]:
            self._asked_at[name] = time.monotonic()
            if name not in self._loaded:
                engine = Engine(name)
                with self._lock:
                    self._loaded[name] = engine
            return self._loaded[name]

    def unload(self, name: str) -> bool:
        """Forget a model and what it has made; False if it was not loaded. Work under way keeps its own hold on it."""
        self.check(name)
        with self._lock:
            was_loaded = self._loaded.pop(name, None) is not None
        self._cache.drop(name)
        _give_back()
        return was_loaded

    def unload_idle(self) -> tuple[str, ...]:
        """Unload what nobody has asked for in keep_alive_seconds; the names."""
        if self._keep_alive_seconds is None:
            return ()
        latest = time.monotonic() - self._keep_alive_seconds
        idle = tuple(name for name in self.loaded() if self._asked_at.get(name, 0) < latest)
        return tuple(name for name in idle if self.unload(name))

    def loaded(self) -> tuple[str, ...]:
        """Names of the models in memory."""
        with self._lock:
            return tuple(self._loaded)

    def states(self) -> tuple[ModelState, ...]:
        """Every model that can be asked for."""
        loaded = self.loaded()
        return tuple(ModelState(name, name in loaded, name == self.default) for name in self._loading)


def _give_back() -> None:
    """Hand memory that is free to the system: glibc keeps arrays of a few megabytes for itself."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
