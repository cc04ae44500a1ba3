"""Which regions are proposed, and in which order."""

from dataclasses import replace

import numpy as np
import pytest
from tests.engine.embedded.shapes import clover_scene, disc_scene, iou

from rubylith.domain.prompt import Everything
from rubylith.engine.embedded.network import Nano
from rubylith.engine.embedded.picture import Picture, read_picture
from rubylith.engine.embedded.proposals import described, predicted_ious, propose, stability_scores
from rubylith.engine.runtimes import Device


@pytest.fixture(scope="module", params=[True, False], ids=["with nano", "alone"])
def picture(request) -> Picture:
    return read_picture(disc_scene()[0], Nano(Device()) if request.param else None)


def test_regions_are_described_as_by_looking_at_their_pixels(picture):
    tree, leaves = picture.hierarchy, picture.leaves
    features = described(tree, leaves)
    for node in range(0, len(tree.parents) - 1, 11):
        members = np.isin(np.arange(len(leaves.areas)), tree.leaves_of(node))
        ends = members[leaves.pairs]
        crossed, inside = ends[:, 0] != ends[:, 1], ends.all(axis=1)
        rows, columns = np.nonzero(members[leaves.labels])
        box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert features[node] == pytest.approx([
            np.log(members[leaves.labels].mean() + 1e-5) ** 2,
            np.log(len(tree.parents) + 1 - tree.parents[node]) ** 2,
            leaves.edge_sums[crossed].sum() / max(leaves.lengths[crossed].sum(), 1),
            leaves.edge_sums[inside].sum() / (leaves.lengths[inside].sum() + 1),
            len(rows) / box,
            stability_scores(tree, 1.0)[node],
        ])  # fmt: skip


def test_predicted_ious_lie_between_0_and_1_and_the_best_differ(picture):
    predicted = predicted_ious(picture.hierarchy, picture.leaves)
    assert predicted.min() >= 0
    assert predicted.max() < 1
    best = np.sort(predicted)[-10:]
    assert (np.diff(best) > 0).all()


def test_of_regions_that_end_alike_the_one_with_the_stronger_outline_is_better(picture):
    tree, leaves = picture.hierarchy, picture.leaves
    plain = predicted_ious(tree, leaves)
    stronger = predicted_ious(tree, replace(leaves, edge_sums=leaves.edge_sums * 1.5))
    inside = tree.areas < 0.9 * tree.areas[-1]
    assert (stronger[inside] > plain[inside]).mean() > 0.95


@pytest.mark.parametrize("scene", [disc_scene, clover_scene])
def test_what_a_person_would_outline_is_among_the_first(scene):
    pixels, mask = scene()
    picture = read_picture(pixels, Nano(Device()))
    masks = propose(picture, Everything(), lambda _: None)
    assert [one.predicted_iou for one in masks] == sorted((one.predicted_iou for one in masks), reverse=True)
    assert max(iou(one.rle.bitmap(), mask) for one in masks[:20]) > (0.9 if scene is disc_scene else 0.6)
