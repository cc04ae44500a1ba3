"""Crops, duplicates between them, and the options that every family shares."""

import itertools
from dataclasses import replace

import numpy as np
from tests.fakes import FakeSegmenter, disc

from rubylith.domain.geometry import Box, Size
from rubylith.domain.image import Image
from rubylith.domain.prompt import Everything, Overlap
from rubylith.engine import OutOfTime, everything
from rubylith.engine.windows import anything

SIZE = Size(200, 300)
IMAGE = Image(np.zeros((SIZE.height, SIZE.width, 3), np.uint8), "digest")


def run(segmenter=None, progress=lambda share: None, **options):
    segmenter = segmenter or FakeSegmenter()
    embedding = segmenter.embed(IMAGE)
    return everything.segment(segmenter, IMAGE, embedding, Everything(**options), progress=progress)


def test_windows_cover_the_picture_and_stay_inside():
    for layers, ratio in ((0, 0.3), (1, 0.0), (2, 512 / 1500), (3, 0.9)):
        windows = everything.crop_windows(SIZE, layers, ratio)
        assert windows[0].box == Box.of(SIZE)
        for layer in range(1, layers + 1):
            seen = np.zeros((SIZE.height, SIZE.width), bool)
            for crop in (w for w in windows if w.layer == layer):
                assert crop.box.clipped(SIZE) == crop.box
                seen[crop.y0 : crop.y1, crop.x0 : crop.x1] = True
            assert seen.all()


def test_a_picture_smaller_than_the_windows_wanted_still_works():
    windows = everything.crop_windows(Size(1, 3), 4, 0.5)
    assert all(w.x1 > w.x0 and w.y1 > w.y0 for w in windows)


def test_whole_picture_only_embeds_once():
    segmenter = FakeSegmenter()
    result = run(segmenter)
    assert segmenter.embedded == ["digest"]
    assert len(result.masks) == 5 * 7


class OneDisc(FakeSegmenter):
    """Sees the same disc at (150, 100) from every window that holds it."""

    def propose(self, embedding, everything, progress, are_whole=anything):
        if embedding.digest == "digest":
            return (disc(embedding.size, 150, 100),)
        top, left = (int(part.split(":")[0]) for part in embedding.digest.split("[")[1].rstrip("]").split(","))
        return (disc(embedding.size, 150 - left, 100 - top),)


def test_what_several_crops_see_is_reported_once_in_the_pictures_own_pixels():
    result = run(OneDisc(), crop_n_layers=1)
    assert [mask.rle for mask in result.masks] == [disc(SIZE, 150, 100).rle]
    assert (result.masks[0].points[0].x, result.masks[0].points[0].y) == (150, 100)


def test_masks_cut_off_by_a_crop_are_left_out():
    class AtTheEdge(FakeSegmenter):
        def propose(self, embedding, everything, progress, are_whole=anything):
            if embedding.digest == "digest":
                return ()
            found = disc(embedding.size, embedding.size.width - 6, embedding.size.height / 2)
            return tuple(itertools.compress([found], are_whole(ends_of(found))))

    right_edge_only = run(AtTheEdge(), crop_n_layers=1).masks
    assert {mask.box.x1 for mask in right_edge_only} == {SIZE.width}


def ends_of(mask):
    """(1, 4): the first and the last pixel."""
    return np.array([[mask.box.x0, mask.box.y0, mask.box.x1 - 1, mask.box.y1 - 1]])


def test_a_mask_counts_as_cut_off_by_its_last_pixel_as_in_the_reference():
    crop = everything.Crop(1, 40, 30, 190, 130)
    last = [everything._are_whole(crop, SIZE, np.array([[30.0, 30.0, x, 60.0]]))[0] for x in (129, 130, 149)]
    assert last == [True, False, False]  # is_box_near_crop_edge: within 20 of 190 in the picture
    corner = everything.Crop(1, 0, 0, 150, 100)
    assert everything._are_whole(corner, SIZE, np.array([[0.0, 0.0, 100.0, 60.0]])).all()  # the picture ends there too


def test_points_per_side_shrinks_with_the_layer():
    asked = []

    class Counting(FakeSegmenter):
        def propose(self, embedding, everything, progress, are_whole=anything):
            asked.append(everything.points_per_side)
            return ()

    run(Counting(), crop_n_layers=2, points_per_side=32, crop_n_points_downscale_factor=2)
    assert asked == [32] + [16] * 4 + [8] * 16


def test_best_masks_come_first_and_no_more_than_asked():
    class Ranked(FakeSegmenter):
        def propose(self, embedding, everything, progress, are_whole=anything):
            masks = super().propose(embedding, everything, progress, are_whole)
            return tuple(replace(mask, predicted_iou=index / 100) for index, mask in enumerate(masks))

    result = run(Ranked(), max_masks=3)
    assert [mask.predicted_iou for mask in result.masks] == [0.34, 0.33, 0.32]


def test_overlap_none_gives_a_disjoint_result():
    class Nested(FakeSegmenter):
        def propose(self, embedding, everything, progress, are_whole=anything):
            return tuple(disc(embedding.size, 100, 100, radius) for radius in (40, 20, 10))

    result = run(Nested(), overlap=Overlap.NONE)
    assert result.disjoint
    assert np.max(sum(mask.rle.bitmap().astype(int) for mask in result.masks)) == 1
    assert not run(Nested()).disjoint


def test_progress_rises_to_one():
    shares = []
    run(progress=shares.append, crop_n_layers=1)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_tiles_cover_the_picture_and_overlap_and_none_is_larger_than_asked():
    for side in (256, 300, 1000):
        size = Size(700, 1900)
        windows = everything.tiles(size, side, 0.25, layer=1)
        seen = np.zeros((size.height, size.width), int)
        for tile in windows:
            assert tile.box.clipped(size) == tile.box
            assert max(tile.box.width, tile.box.height) <= side
            seen[tile.y0 : tile.y1, tile.x0 : tile.x1] += 1
        assert seen.min() == 1
        first = sorted({tile.x0 for tile in windows})
        assert all(right - left <= 0.75 * side + 1 for left, right in itertools.pairwise(first))


def test_a_picture_that_fits_a_tile_has_none():
    assert everything.tiles(Size(200, 300), 300, 0.3, layer=1) == ()
    segmenter = FakeSegmenter()
    run(segmenter, tile_side=300)
    assert len(segmenter.embedded) == 1


def test_tiles_see_what_the_whole_does_not():
    class Blind(OneDisc):
        def propose(self, embedding, everything, progress, are_whole=anything):
            return () if embedding.digest == "digest" else super().propose(embedding, everything, progress, are_whole)

    masks = run(Blind(), tile_side=256).masks
    assert [mask.rle for mask in masks] == [disc(SIZE, 150, 100).rle]


def test_when_time_is_up_no_further_part_is_looked_at():
    segmenter = FakeSegmenter()
    result = run(segmenter, crop_n_layers=2, max_seconds=0)
    assert segmenter.embedded == ["digest"]
    assert len(result.masks) == 5 * 7
    assert result.truncated
    unhurried = run(segmenter := FakeSegmenter(), crop_n_layers=1, max_seconds=60)
    assert len(segmenter.embedded) == 5
    assert not unhurried.truncated


def test_of_a_search_that_time_cut_short_what_it_had_found_is_given_and_called_truncated():
    class Slow(OneDisc):
        def propose(self, embedding, everything, progress, are_whole=anything):
            raise OutOfTime(super().propose(embedding, everything, progress, are_whole))

    whole, cut_short = run(OneDisc()), run(Slow(), max_seconds=1)
    assert (whole.truncated, cut_short.truncated) == (False, True)
    assert cut_short.masks == whole.masks
