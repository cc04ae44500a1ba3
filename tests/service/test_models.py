"""Models of a server: opened once for all who ask, given back when told, whatever happens at the same time."""

import threading

from rubylith.engine.embeddings import EmbeddingCache
from rubylith.engine.engine import Engine
from rubylith.service.models import Models


class Watched(dict[str, Engine]):
    """What a server has loaded; `then` is done right after anybody has looked a model up."""

    def then(self):
        """Nothing yet."""

    def __contains__(self, name):
        found = super().__contains__(name)
        self.then()
        return found

    def get(self, name, default=None):
        found = super().get(name, default)
        self.then()
        return found


def test_who_asks_for_a_model_gets_it_though_another_unloads_it_at_that_moment():
    models, loaded = Models("embedded", EmbeddingCache(100)), Watched()
    models._loaded = loaded
    engine = models.get("embedded")
    unloading = threading.Thread(target=models.unload, args=("embedded",))

    def unload():
        loaded.then = lambda: None
        unloading.start()
        unloading.join(0.2)

    loaded.then = unload
    assert models.get("embedded") is engine
    unloading.join()
    assert models.loaded() == ()


def test_a_model_that_is_told_to_go_while_it_is_opened_goes_when_it_is_open():
    begun, gate, told = threading.Event(), threading.Event(), []

    def load(name):
        begun.set()
        gate.wait(5)
        return Engine(name)

    models = Models("embedded", EmbeddingCache(100), load=load)
    asking = threading.Thread(target=models.get, args=("embedded",))
    unloading = threading.Thread(target=lambda: told.append(models.unload("embedded")))
    asking.start()
    begun.wait(5)
    unloading.start()
    unloading.join(0.2)  # it waits; were it not to, it would be done by now
    gate.set()
    asking.join()
    unloading.join()
    assert (told, models.loaded()) == ([True], ())
