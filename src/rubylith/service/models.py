"""Models in memory: loaded when first asked for, unloaded when told or when nobody has asked for a while."""

import gc
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rubylith.domain.errors import UnknownName, WeightsMissing
from rubylith.domain.prompt import Everything
from rubylith.engine.catalog import (
    EMBEDDED,
    Entry,
    catalog,
    everything_defaults,
    find_entry,
    is_folder_name,
    known_segmenters,
    no_segmenter,
    way_to,
)
from rubylith.engine.embeddings import EmbeddingCache
from rubylith.engine.engine import Engine
from rubylith.engine.memory import give_back
from rubylith.engine.weights import Store
from rubylith.service.failures import noted
from rubylith.service.pulls import Pull, Pulls


def called(model: str) -> str:
    """What callers know a model by: of a folder its own name, for where it lies is the operator's.

    Where that is another model's name as well, `own-` stands before it.
    """
    if model == EMBEDDED or not is_folder_name(model):
        return model
    name = Path(os.path.abspath(model)).name  # noqa: PTH100  resolve() follows links, and the operator named this one
    if not name:
        return "own"
    printable = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return f"own-{printable}" if printable in {EMBEDDED, *catalog()} else printable


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model of this server.

    pulled: whether its files are here. entry: what the catalogue says of it, None for the embedded one and for folders.
    size: bytes of its files, or about how many there will be. pull: if it is being fetched, or could not be.
    """

    name: str
    loaded: bool
    default: bool
    pulled: bool = True
    entry: Entry | None = None
    size: int = 0
    pull: Pull | None = None


class Models:
    """The engines of this server, by name of their model; safe to share between threads.

    default: as the operator named it, perhaps by its folder; the attribute is what it is `called`.
    store: the models of this machine besides the embedded one. load: opens one by its name or folder.
    keep_alive_seconds: how long a model stays without being asked for; None keeps it.
    """

    def __init__(
        self,
        default: str,
        cache: EmbeddingCache,
        *,
        store: Store | None = None,
        precision: str = "fp32",
        load: Callable[[str], Engine] = Engine,
        keep_alive_seconds: float | None = None,
    ) -> None:
        self.default = called(default)
        self._own = default
        self.pulls = None if store is None else Pulls(store, precision)
        self._store = store
        self._load = load
        self._cache = cache
        self._keep_alive_seconds = keep_alive_seconds
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._loaded: dict[str, Engine] = {}
        self._asked_at: dict[str, float] = {}

    def names(self) -> tuple[str, ...]:
        """Models that can be asked for: the embedded, the default, and those whose files are here now."""
        here = [name for name in self._installed() if name in known_segmenters()]
        return tuple(dict.fromkeys((EMBEDDED, self.default, *here)))

    def check(self, name: str) -> None:
        """UnknownName if there is no such model, WeightsMissing if it is one that this server could fetch."""
        if name in {EMBEDDED, self.default}:
            return
        if self._store is not None and name in known_segmenters():
            if self._store.has(name):
                return
            entry = find_entry(name)
            ways = (f"POST /v1/models/{name}/pull, or ", "") if entry.is_published else ("", " there")
            raise WeightsMissing(
                f"The files of {name!r} are not on this server", f"Get them with {ways[0]}{way_to(entry)}{ways[1]}"
            )
        raise no_segmenter(name, self.names())

    def now_called(self, stored: str) -> str:
        """What a model is called that a stored order names: earlier versions wrote the path of the operator's folder.

        Only for what was stored; a path that a caller names is refused.
        """
        return self.default if stored == self._own else stored

    def get(self, name: str) -> Engine:
        """The engine, loaded now if need be, once for all who ask at the same time.

        UnknownName if there is none, ModelFailed if its files are damaged.
        """
        self.check(name)
        with self._turn(name):
            self._asked_at[name] = time.monotonic()
            engine = self._loaded.get(name)
            if engine is None:
                with noted(name):
                    engine = self._load(self._own if name == self.default else name)
                with self._lock:
                    self._loaded[name] = engine
            return engine

    def everything(self, name: str | None) -> Everything:
        """What everything means to a model, the default where none is named; ModelFailed if its page is damaged.

        A path that a caller names is not looked at: that is the operator's to do.
        """
        if name is None or name == self.default:
            with noted(self.default):
                return everything_defaults(self._own)
        return everything_defaults(name) if name in catalog() else Everything()

    def unload(self, name: str) -> bool:
        """Forget a model and what it has made; False if it was not loaded. Work under way keeps its own hold on it.

        One that is just being loaded is waited for: what it is made of may be gone by then.
        """
        self.check(name)
        with self._turn(name), self._lock:
            was_loaded = self._loaded.pop(name, None) is not None
        self._cache.drop(name)
        gc.collect()
        give_back()
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
        return tuple(self._state(name) for name in self.names())

    def catalogue(self) -> tuple[ModelState, ...]:
        """Every model that is known, also those that are not here, and those that find things instead of cutting."""
        return tuple(self._state(name) for name in dict.fromkeys((*self.names(), *catalog())))

    def state(self, name: str) -> ModelState:
        """One of the catalogue; UnknownName."""
        if name not in {*self.names(), *catalog()}:
            raise UnknownName.among("model", name, (*self.names(), *catalog()))
        return self._state(name)

    def _turn(self, name: str) -> threading.Lock:
        """For one at a time to load or unload the model."""
        with self._lock:
            return self._loading.setdefault(name, threading.Lock())

    def _state(self, name: str) -> ModelState:
        entry, store = catalog().get(name), self._store
        is_here = entry is not None and store is not None and store.has(name)
        size = 0 if entry is None else entry.size()
        if is_here and store is not None:
            size = store.find(name).size
        pull = self.pulls.find(name) if self.pulls is not None else None
        pulled = entry is None or is_here
        return ModelState(name, name in self.loaded(), name == self.default, pulled, entry, size, pull)

    def _installed(self) -> tuple[str, ...]:
        return () if self._store is None else self._store.installed()
