"""Embeddings of pictures seen lately, within a budget of bytes. Asked before a picture is decoded."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from rubylith.engine import Embedding

Key = tuple[str, int, str]  # model, which opening of it (Engine.opening), digest of the picture


@dataclass(frozen=True, slots=True)
class CacheFigures:
    """What the cache did so far and holds now."""

    hits: int
    misses: int
    held: int
    held_bytes: int


class EmbeddingCache:
    """Least recently used goes first. A picture asked for by several callers at once is looked at once.

    An embedding larger than the whole budget is handed out and not kept.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[Key, Embedding] = OrderedDict()
        self._held_bytes = 0
        self._under_way: dict[Key, Future[Embedding]] = {}
        self._hits = self._misses = 0

    def find(self, key: Key) -> Embedding | None:
        """The embedding, if it is held."""
        with self._lock:
            embedding = self._held.get(key)
            if embedding is not None:
                self._held.move_to_end(key)
                self._hits += 1
            return embedding

    def find_or_make(self, key: Key, make: Callable[[], Embedding]) -> Embedding:
        """The embedding held, or the one that another thread is making, or a new one.

        If making fails, everybody who waited for it gets the error; the next caller tries anew.
        """
        with self._lock:
            embedding = self._held.get(key)
            if embedding is not None:
                self._hits += 1
                self._held.move_to_end(key)
                return embedding
            under_way = self._under_way.get(key)
            awaited = Future[Embedding]() if under_way is None else under_way
            if under_way is None:
                self._misses += 1
                self._under_way[key] = awaited
            else:
                self._hits += 1
        return self._make(key, make, awaited) if under_way is None else awaited.result()

    def drop(self, model: str) -> None:
        """Forget all that a model has made; what it is making goes to those who wait for it and to nobody else."""
        with self._lock:
            for key in [key for key in self._held if key[0] == model]:
                self._held_bytes -= self._held.pop(key).nbytes
            for key in [key for key in self._under_way if key[0] == model]:
                del self._under_way[key]

    def figures(self) -> CacheFigures:
        """What the cache did so far and holds now."""
        with self._lock:
            return CacheFigures(self._hits, self._misses, len(self._held), self._held_bytes)

    def _make(self, key: Key, make: Callable[[], Embedding], own: Future[Embedding]) -> Embedding:
        """own: what others wait on; it is no longer under way where the model was dropped meanwhile."""
        try:
            embedding = make()
        except BaseException as error:
            with self._lock:
                self._ends(key, own)
            own.set_exception(error)
            raise
        with self._lock:
            if self._ends(key, own):
                self._keep(key, embedding)
        own.set_result(embedding)
        return embedding

    def _ends(self, key: Key, own: Future[Embedding]) -> bool:
        is_wanted = self._under_way.get(key) is own
        if is_wanted:
            del self._under_way[key]
        return is_wanted

    def _keep(self, key: Key, embedding: Embedding) -> None:
        if embedding.nbytes > self.budget_bytes:
            return
        self._held[key] = embedding
        self._held_bytes += embedding.nbytes
        while self._held_bytes > self.budget_bytes:
            _, oldest = self._held.popitem(last=False)
            self._held_bytes -= oldest.nbytes
