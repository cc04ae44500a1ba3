"""The cache of embeddings: within its budget, once per picture, whoever asks at the same time."""

import threading

import pytest

from rubylith.domain.geometry import Size
from rubylith.engine import Embedding
from rubylith.engine.embeddings import EmbeddingCache


def embedding(name, nbytes=10):
    return Embedding("fake", Size(1, 1), name, None, nbytes)


def forbidden():
    raise AssertionError("was not to be made again")


def test_a_second_look_costs_nothing():
    cache = EmbeddingCache(100)
    first = cache.find_or_make(("fake", 1, "a"), lambda: embedding("a"))
    assert cache.find_or_make(("fake", 1, "a"), forbidden) is first
    assert cache.find(("fake", 1, "a")) is first
    assert cache.find(("other", 1, "a")) is None


def test_least_recently_used_goes_first_and_the_budget_holds():
    cache = EmbeddingCache(30)
    for name in "abc":
        cache.find_or_make(("fake", 1, name), lambda name=name: embedding(name))
    cache.find(("fake", 1, "a"))
    cache.find_or_make(("fake", 1, "d"), lambda: embedding("d"))
    assert [name for name in "abcd" if cache.find(("fake", 1, name))] == ["a", "c", "d"]
    assert cache.figures().held_bytes == 30


def test_what_is_larger_than_the_budget_is_handed_out_and_not_kept():
    cache = EmbeddingCache(30)
    assert cache.find_or_make(("fake", 1, "a"), lambda: embedding("a", 31)).digest == "a"
    assert cache.figures().held == 0


def test_callers_at_the_same_time_share_one_look():
    cache, made, gate = EmbeddingCache(100), [], threading.Event()

    def slowly():
        made.append(1)
        gate.wait(5)
        return embedding("a")

    results = []
    threads = [
        threading.Thread(target=lambda: results.append(cache.find_or_make(("fake", 1, "a"), slowly))) for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len({id(result) for result in results}) == 1


def test_a_failure_reaches_who_waits_and_is_not_remembered():
    cache = EmbeddingCache(100)

    def broken():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.find_or_make(("fake", 1, "a"), broken)
    assert cache.find_or_make(("fake", 1, "a"), lambda: embedding("a")).digest == "a"


def test_a_model_that_goes_takes_its_embeddings_along():
    cache = EmbeddingCache(100)
    cache.find_or_make(("fake", 1, "a"), lambda: embedding("a"))
    cache.find_or_make(("other", 1, "a"), lambda: embedding("a"))
    cache.drop("fake")
    assert cache.find(("fake", 1, "a")) is None
    assert cache.figures().held_bytes == 10


def test_a_look_that_was_under_way_when_its_model_went_is_handed_out_and_not_kept():
    cache = EmbeddingCache(100)

    def unloaded_meanwhile():
        cache.drop("fake")
        return embedding("old")

    assert cache.find_or_make(("fake", 1, "a"), unloaded_meanwhile).digest == "old"
    assert cache.figures().held == 0
    assert cache.find_or_make(("fake", 1, "a"), lambda: embedding("new")).digest == "new"


def test_who_comes_after_a_model_went_does_not_wait_for_what_it_was_looking_at():
    cache, begun, gate = EmbeddingCache(100), threading.Event(), threading.Event()
    outcomes = []

    def slowly():
        begun.set()
        gate.wait(5)
        raise ValueError("old")

    def look():
        with pytest.raises(ValueError, match="old"):
            cache.find_or_make(("fake", 1, "a"), slowly)
        outcomes.append("failed")

    looking = threading.Thread(target=look)
    looking.start()
    begun.wait(5)
    cache.drop("fake")
    threading.Timer(1, gate.set).start()
    assert cache.find_or_make(("fake", 1, "a"), lambda: embedding("new")).digest == "new"
    gate.set()
    looking.join()
    assert outcomes == ["failed"]
    assert cache.find_or_make(("fake", 1, "a"), forbidden).digest == "new"
