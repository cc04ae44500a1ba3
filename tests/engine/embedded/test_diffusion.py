"""Walks over superpixels."""

import numpy as np
import pytest
from tests.engine.embedded.shapes import disc_scene

from rubylith.engine.embedded.diffusion import Diffusion, ShortWalks
from rubylith.engine.embedded.hierarchy import Leaves
from rubylith.engine.embedded.picture import COLOUR_PULL, read_picture

LEAVES = read_picture(disc_scene()[0]).leaves
COUNT = len(LEAVES.areas)


@pytest.mark.parametrize("seeds", [[0], [3, 40, 17]])
def test_short_walks_end_near_where_an_inverted_matrix_says(seeds):
    prior = np.random.default_rng(0).random(COUNT)
    held = np.linspace(1, 0, len(seeds))
    short, exact = (
        kind.over(LEAVES, COLOUR_PULL).spread(prior, np.array(seeds), held) for kind in (ShortWalks, Diffusion)
    )
    assert short[seeds] == pytest.approx(held, abs=1e-6)
    assert np.abs(short - exact).max() < 0.05


def test_several_walks_at_once_are_those_that_each_would_be():
    priors = np.random.default_rng(1).random((3, COUNT))
    walks, seeds, held = ShortWalks.over(LEAVES, COLOUR_PULL), np.array([5]), np.ones(1)
    together = walks.spread(priors, seeds, held)
    assert together == pytest.approx(np.stack([walks.spread(prior, seeds, held) for prior in priors]), abs=1e-6)


def test_a_picture_of_one_superpixel_keeps_its_prior():
    nothing = np.zeros(0)
    alone = Leaves(
        labels=np.zeros((4, 4), np.int32), areas=np.array([16.0]), histograms=np.ones((1, 4)),
        pairs=np.zeros((0, 2), np.intp), edge_sums=nothing, lengths=nothing,
        boxes=np.array([[0.0, 0, 4, 4]]), border=np.array([12.0]),
    )  # fmt: skip
    spread = ShortWalks.over(alone, COLOUR_PULL).spread(np.array([0.3]), np.array([], np.intp), nothing)
    assert spread == pytest.approx([0.3], abs=0.01)
