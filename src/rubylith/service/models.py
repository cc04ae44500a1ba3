"""Models in memory: loaded when first asked for, unloaded when told or when nobody has asked for a while."""

import gc
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from rubylith.domain.errors import UnknownName
from rubylith.engine.catalog import EMBEDDED
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

    others: models besides the embedded and the default one. load: opens one by its name.
    keep_alive_seconds: how long a model stays without being asked for; None keeps it.
    """

    def __init__(
        self,
        default: str,
        cache: EmbeddingCache,
        *,
        others: tuple[str, ...] = (),
        load: Callable[[str], Engine] = Engine,
        keep_alive_seconds: float | None = None,
    ) -> None:
        self.default = default
        self._load = load
        self._cache = cache
        self._keep_alive_seconds = keep_alive_seconds
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {
            name: threading.Lock() for name in dict.fromkeys((EMBEDDED, default, *others))
        }
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
                engine = self._load(name)
                with self._lock:
                    self._loaded[name] = engine
            return self._loaded[name]

    def unload(self, name: str) -> bool:
        """Forget a model and what it has made; False if it was not loaded. Work under way keeps its own hold on it."""
        self.check(name)
        with self._lock:
            was_loaded = self._loaded.pop(name, None) is not None
        self._cache.drop(name)
        gc.collect()
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
