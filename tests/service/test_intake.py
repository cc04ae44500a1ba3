"""Intake: whatever people send is an upright picture in sRGB, or one clear error."""

import contextlib
import hashlib
import io
import os
import random
import resource
import struct
import subprocess
import sys
import textwrap
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, features
from PIL.PngImagePlugin import PngInfo
from tests.pictures import encoded, png_that_claims, scene

from rubylith.domain.errors import InvalidImage, NotAccessible, NotFound, RubylithError, TooLarge
from rubylith.domain.geometry import Size
from rubylith.domain.image import Inline, Local
from rubylith.service.intake import READERS, Header, Limits, from_array, from_pil, inspect, open_image

GREY_16 = np.linspace(0, 65535, 48 * 64).astype(np.uint16).reshape(48, 64)
GREY_8 = np.rint(GREY_16 / 257).astype(np.uint8)


def opened(data: bytes, limits: Limits | None = None) -> np.ndarray:
    return open_image(Inline(data, "sent.jpg"), limits or Limits()).pixels


def assert_close(pixels: np.ndarray, expected: np.ndarray, tolerance: float = 1) -> None:
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= tolerance


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, :, None], 3, axis=2)


# what is read


@pytest.mark.parametrize("kind", [name for name in READERS if name not in {"JPEG", "GIF"}])
def test_every_kind_gives_its_pixels_whatever_its_name(kind):
    options = (
        {"lossless": True} if kind == "WebP" else {"quality": 100, "subsampling": "4:4:4"} if kind == "AVIF" else {}
    )
    image = open_image(Inline(encoded(scene(), kind, **options), "holiday.txt"))
    assert_close(image.pixels, scene(), tolerance=8 if kind == "AVIF" else 0)
    assert image.size == Size(48, 64)


def test_a_file_is_read_and_its_digest_is_that_of_its_bytes(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(scene()))
    image = open_image(Local(path))
    assert np.array_equal(image.pixels, scene())
    assert image.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not image.pixels.flags.writeable


@pytest.mark.parametrize("kind", ["JPEG", "WebP", "PNG", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations_come_out_upright(kind, orientation):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # the camera was turned, so the stored picture is
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = Image.fromarray(scene())
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossy = kind in {"JPEG", "WebP", "AVIF"}
    pixels = opened(encoded(stored, kind, exif=exif, **({"quality": 95} if lossy else {})))
    assert pixels.shape == scene().shape
    assert np.abs(pixels.astype(int) - scene()).mean() < (6 if lossy else 0.01)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_upright(value):
    exif = Image.Exif()
    exif[0x0112] = value
    assert np.array_equal(opened(encoded(scene(), exif=exif)), scene())


@pytest.mark.filterwarnings("ignore")
def test_a_broken_exif_block_does_not_spoil_the_picture():
    assert np.array_equal(opened(encoded(scene(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xffrubbish")), scene())


def png_of_mode(mode: str) -> np.ndarray:
    return opened(encoded(Image.frombytes(mode, (64, 48), GREY_16.astype("<u2").tobytes())))


def test_16_bit_grey_is_scaled_and_not_clipped():
    assert np.array_equal(png_of_mode("I;16"), grey(GREY_8))
    forty_thousand = encoded(Image.fromarray(np.full((2, 2), 40000, np.uint16)))
    assert (opened(forty_thousand) == 156).all()


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_16_bit_tiff_of_either_byte_order_is_scaled(mode):
    order = ">u2" if mode == "I;16B" else "<u2"
    image = Image.frombytes(mode, (64, 48), GREY_16.astype(order).tobytes())
    assert np.array_equal(opened(encoded(image, "TIFF")), grey(GREY_8))


@pytest.mark.parametrize(
    "values",
    [
        GREY_16.astype(np.int32) * 1000 - 7,
        GREY_16.astype(np.float32) * 3 - 5000,
        (GREY_16 / 65535).astype(np.float32),
    ],
    ids=["int32", "float32", "float32 from 0 to 1"],
)
def test_32_bit_tiff_is_stretched_to_its_range(values):
    assert_close(opened(encoded(Image.fromarray(values), "TIFF")), grey(GREY_8))


def test_a_float_tiff_within_0_to_1_is_not_stretched():
    assert (opened(encoded(Image.fromarray(np.full((3, 3), 0.25, np.float32)), "TIFF")) == 64).all()


def test_floats_that_are_no_numbers_are_black():
    values = np.array([[np.nan, 0.0, 1.0, np.inf]], np.float32)
    assert opened(encoded(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == [0, 0, 255, 0]


def test_a_flat_32_bit_tiff_has_no_range_to_stretch():
    assert opened(encoded(Image.fromarray(np.full((3, 3), 7, np.int32)), "TIFF")).max() == 0


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_has_the_colours_that_it_prints(kind):
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert_close(opened(encoded(inks, kind)), np.full((16, 16, 3), [255, 0, 0]), tolerance=3)
    paper = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    assert_close(opened(encoded(paper, kind)), np.full((16, 16, 3), 255), tolerance=3)


def test_lab_tiff_is_converted():
    lab = Image.frombytes("LAB", (1, 1), bytes([255, 0, 0]))  # L* 100, a* and b* 0
    assert_close(opened(encoded(lab, "TIFF")), np.full((1, 1, 3), 255), tolerance=1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_transparency_is_laid_on_white(mode):
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = [0, 128, 255]
    image, options = Image.fromarray(pixels), {}
    expected = [255, 127, 0]
    if mode == "P":
        image = Image.frombytes("P", (3, 1), bytes([0, 1, 2]))
        image.putpalette([0] * 9)
        options["transparency"] = bytes([0, 128, 255])
    elif mode == "RGB":
        image, options["transparency"] = Image.frombytes("RGB", (3, 1), bytes([9, 9, 9, 0, 0, 0, 0, 0, 0])), (9, 9, 9)
        expected = [255, 0, 0]
    else:
        image = image.convert(mode)
    assert opened(encoded(image, **options))[0].tolist() == [[value] * 3 for value in expected]


def test_transparent_16_bit_grey_is_laid_on_white():
    data = encoded(Image.fromarray(np.array([[0, 257 * 100]], np.uint16)))
    transparent = b"\x00\x00\x00\x02tRNS\x00\x00"
    chunk = transparent + zlib.crc32(transparent[4:]).to_bytes(4)
    cut = data.index(b"IDAT") - 4
    assert opened(data[:cut] + chunk + data[cut:])[0, :, 0].tolist() == [255, 100]


def test_one_bit_and_two_colour_pictures_are_black_and_white():
    checks = np.indices((8, 8)).sum(axis=0) % 2 == 1
    expected = grey(checks.astype(np.uint8) * 255)
    image = Image.fromarray(checks)
    for kind in ("PNG", "TIFF", "BMP", "GIF"):
        assert np.array_equal(opened(encoded(image, kind)), expected)


@pytest.mark.parametrize("kind", ["GIF", "WebP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WebP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert np.array_equal(opened(data), np.full((10, 20, 3), [255, 0, 0]))


def test_of_several_views_in_one_jpeg_the_first_is_taken():
    views = [Image.new("RGB", (32, 16), colour) for colour in ("red", "blue")]
    data = encoded(views[0], "MPO", save_all=True, append_images=views[1:])
    assert_close(opened(data), np.full((16, 32, 3), [255, 0, 0]), tolerance=3)


def swapped_profile() -> bytes:
    """A display profile that gives red for green and green for red."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    count = int.from_bytes(profile[128:132])
    tags = {profile[132 + 12 * i : 136 + 12 * i]: 132 + 12 * i for i in range(count)}
    changed = bytearray(profile)
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    changed[red + 4 : red + 12], changed[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(changed)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_colour_profile_is_converted_to_srgb(mode):
    image = Image.new("RGB", (8, 8), (255, 0, 0)).convert(mode)
    expected = np.full((8, 8, 3), [0, 255, 0])
    assert_close(opened(encoded(image, icc_profile=swapped_profile())), expected, tolerance=6)


def test_an_srgb_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(opened(encoded(scene(), icc_profile=profile)), scene())


@pytest.mark.parametrize("profile", [b"rubbish", b"", bytes(200), swapped_profile()[:300]])
def test_a_broken_profile_is_as_good_as_none(profile):
    assert np.array_equal(opened(encoded(scene(), icc_profile=profile)), scene())


def test_a_profile_for_other_channels_is_as_good_as_none():
    assert np.array_equal(opened(encoded(Image.fromarray(GREY_8), icc_profile=swapped_profile())), grey(GREY_8))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 20_000), (20_000, 3)])
def test_extreme_shapes_are_read(height, width):
    assert np.array_equal(opened(encoded(scene(height, width))), scene(height, width))


def test_a_pipe_is_read(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with subprocess.Popen(
        [sys.executable, "-c", f"open({str(path)!r}, 'wb').write(open(0, 'rb').read())"], stdin=-1
    ) as writer:
        writer.stdin.write(encoded(scene()))
        writer.stdin.close()
        assert np.array_equal(open_image(Local(path)).pixels, scene())


# what is refused


def refused(data: bytes, kind: type[RubylithError], match: str, limits: Limits | None = None) -> None:
    with pytest.raises(kind, match=match) as caught:
        opened(data, limits)
    assert "sent.jpg" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_an_empty_file_is_named_as_such():
    refused(b"", InvalidImage, "empty")


def test_text_under_the_name_of_a_picture_is_refused():
    refused(b"Dear diary, today I renamed a letter.", InvalidImage, "not a picture.*Convert it to one of PNG, JPEG")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"8BPS\x00\x01", "PSD"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (encoded(scene(), "JPEG2000"), "JPEG 2000"),
    ],
)
def test_kinds_that_are_not_read_are_named(data, name):
    refused(data, InvalidImage, f"is {name}, which is not read")


def test_kinds_that_only_pillow_knows_are_refused():
    refused(encoded(scene(), "TGA"), InvalidImage, "not a picture that can be read")


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
@pytest.mark.filterwarnings("ignore")
def test_a_truncated_file_is_refused(kind, share):
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    data = encoded(noise, kind)
    refused(data[: int(len(data) * share)], InvalidImage, "truncated|not a picture")


def test_fifty_thousand_squared_is_refused_from_the_header():
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    refused(
        png_that_claims(50_000, 50_000), TooLarge, r"50000 x 50000 = 2,500,000,000 pixels; the limit is 120,000,000"
    )
    assert time.perf_counter() - start < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_our_limit_holds_and_not_pillows(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert opened(encoded(scene())).shape == (48, 64, 3)
    refused(encoded(scene()), TooLarge, "64 x 48 = 3,072 pixels; the limit is 3,071", Limits(max_pixels=3071))
    assert opened(encoded(scene()), Limits(max_pixels=3072)).shape == (48, 64, 3)


def test_too_many_bytes_are_refused(tmp_path):
    data = encoded(scene())
    assert opened(data, Limits(max_bytes=len(data))).size
    refused(data, TooLarge, f"more than {len(data) - 1:,} bytes", Limits(max_bytes=len(data) - 1))


def test_an_endless_file_is_read_only_up_to_the_limit():
    with pytest.raises(TooLarge, match="/dev/zero has more than 1,000 bytes"):
        open_image(Local(Path("/dev/zero")), Limits(max_bytes=1000))


@pytest.mark.parametrize("name", ["missing.jpg", "missing/photo.jpg", "null\0byte.jpg"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(NotFound, match=r"There is no file .*\.jpg"):
        open_image(Local(tmp_path / name))


def test_a_folder_and_a_path_through_a_file_are_refused(tmp_path):
    with pytest.raises(NotAccessible, match="is a folder"):
        open_image(Local(tmp_path))
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(NotFound):
        open_image(Local(tmp_path / "file" / "photo.jpg"))
    with pytest.raises(NotAccessible, match="cannot be read: File name too long"):
        open_image(Local(tmp_path / ("x" * 5000)))


def test_a_file_without_permission_is_refused(tmp_path):
    """Permission bits do not hold for root, so root reads as somebody else."""
    path = tmp_path / "private.png"
    path.write_bytes(encoded(scene()))
    path.chmod(0)
    code = f"""
        import os, pathlib
        from rubylith.domain.image import Local
        from rubylith.service.intake import open_image
        for parent in pathlib.Path({str(path)!r}).parents:
            if os.geteuid() == 0 and parent.is_relative_to({str(tmp_path.parent.parent)!r}):
                parent.chmod(0o755)
        os.geteuid() == 0 and os.seteuid(65534)
        try:
            open_image(Local(pathlib.Path({str(path)!r})))
        except Exception as error:
            print(type(error).__name__, error)
    """
    told = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("NotAccessible")
    assert "private.png may not be read" in told.stdout


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"\x89PNG\r\n\x1a\n"])
)
@pytest.mark.filterwarnings("ignore")
def test_any_bytes_are_a_picture_or_one_clear_error(tail, head):
    with contextlib.suppress(RubylithError):
        opened(head + tail)


SAMPLES = [encoded(scene(20, 30), kind) for kind in READERS] + [
    encoded(Image.fromarray(GREY_16), "TIFF"),
    encoded(scene(20, 30), "TIFF", compression="tiff_lzw"),
    encoded(scene(20, 30), icc_profile=swapped_profile()),
]


@settings(max_examples=150)
@given(st.sampled_from(SAMPLES), st.randoms(use_true_random=False), st.integers(1, 8))
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_is_a_picture_or_one_clear_error(data, chance: random.Random, count):
    damaged = bytearray(data)
    for _ in range(count):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    try:
        image = open_image(Inline(bytes(damaged)), Limits(max_pixels=1_000_000))
    except RubylithError:
        return
    assert image.pixels.dtype == np.uint8
    assert image.pixels.ndim == 3


def test_twelve_megapixels_need_little_more_than_their_pixels():
    code = """
        import io, resource, numpy as np
        from PIL import Image
        from rubylith.domain.image import Inline
        from rubylith.service.intake import open_image
        exif = Image.Exif(); exif[0x0112] = 6
        file = io.BytesIO()
        Image.linear_gradient("L").resize((4000, 3000)).convert("RGB").save(file, "JPEG", exif=exif)
        open("/proc/self/clear_refs", "w").write("5")  # the peak so far is forgotten
        peak = lambda: next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))
        before = peak()
        assert open_image(Inline(file.getvalue())).pixels.shape == (4000, 3000, 3)
        print((peak() - before) // 1024)
    """
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("needs Linux to measure the peak")
    told = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 200  # MiB; the pixels are 34


# arrays and Pillow images


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (scene(), scene()),
        (GREY_8, grey(GREY_8)),
        (GREY_8[..., None], grey(GREY_8)),
        (GREY_16, grey(GREY_8)),
        (np.stack([GREY_16] * 3, axis=-1), grey(GREY_8)),
        (scene().astype(np.float32) / 255, scene()),
        (scene() / 255, scene()),
        (GREY_8 > 100, grey((GREY_8 > 100).astype(np.uint8) * 255)),
        (np.dstack([scene(), np.full((48, 64), 255, np.uint8)]), scene()),
        (np.dstack([scene(), np.zeros((48, 64), np.uint8)]), np.full((48, 64, 3), 255)),
        (scene()[::-1, ::2], scene()[::-1, ::2]),
    ],
    ids=[
        "rgb",
        "grey",
        "grey with an axis",
        "uint16",
        "uint16 rgb",
        "float32",
        "float64",
        "bool",
        "opaque",
        "transparent",
        "strided",
    ],
)
def test_arrays_of_sensible_kinds_are_taken(array, expected):
    assert np.array_equal(from_array(array).pixels, expected)


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.zeros((3, 48, 64), np.uint8), r"3 x 48 x 64 .*transpose\(1, 2, 0\)"),
        (np.zeros((2, 48, 64, 3), np.uint8), "one picture at a time"),
        (np.zeros((0, 64, 3), np.uint8), "0 x 64 x 3"),
        (np.zeros((0, 64, 1), np.uint8), "0 x 64 x 1"),
        (np.zeros((48,), np.uint8), "shape 48 is no picture"),
        (np.zeros((48, 64, 2), np.uint8), "48 x 64 x 2"),
        (np.zeros((48, 64), np.int64), "int64"),
        (np.array([["a"]]), "<U1"),
        (scene().astype(float), "0 to 255; floats must lie between 0 and 1.*Divide"),
        (np.array([[np.nan]]), "nan"),
    ],
)
def test_other_arrays_are_refused_with_the_fix(array, match):
    with pytest.raises(InvalidImage, match=match):
        from_array(array)


def test_an_array_is_copied_and_stays_writable():
    array = scene()
    image = from_array(array)
    array[:] = 0
    assert np.array_equal(image.pixels, scene())
    assert not image.pixels.flags.writeable


def test_the_digest_of_an_array_is_that_of_its_pixels_and_shape():
    assert from_array(scene()).digest == from_array(scene() / 255).digest
    assert from_array(scene()).digest != from_array(scene()[::-1]).digest
    assert from_array(np.zeros((2, 3), bool)).digest != from_array(np.zeros((3, 2), bool)).digest


def test_a_pillow_image_is_taken_as_it_stands():
    exif = Image.Exif()
    exif[0x0112] = 6
    lazy = Image.open(io.BytesIO(encoded(scene(), exif=exif)))
    assert np.array_equal(from_pil(lazy).pixels, scene())
    assert from_pil(ImageOps.exif_transpose(lazy)).size == Size(64, 48)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F", "RGBa"])
def test_pillow_images_of_every_mode_are_taken(mode):
    source = Image.fromarray(scene())
    image = Image.fromarray(GREY_8.astype(np.float32)) if mode == "F" else None
    steps = {"RGBa": ["RGBA"], "PA": ["P"], "I": ["L"], "LA": ["L"], "HSV": []}
    for step in [*steps.get(mode, []), mode]:
        image = image or source
        image = image if image.mode == step else image.convert(step)
    assert from_pil(image).pixels.shape == (48, 64, 3)


def test_a_broken_pillow_image_is_refused():
    lazy = Image.open(io.BytesIO(encoded(scene(), "BMP")[:2000]))
    with pytest.raises(InvalidImage, match="Pillow image cannot be read"):
        from_pil(lazy)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_header_tells_kind_and_upright_size_as_the_pixels_do(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(scene(48, 64), kind, exif=exif)
    height, width = opened(data).shape[:2]
    turn = 1 if kind == "TIFF" else orientation
    assert inspect(data) == Header(kind, Size(height, width), turn)
    assert inspect(data).stored == (Size(height, width) if kind == "TIFF" else Size(48, 64))


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def chunk_behind_the_pixels(png: bytes, kind: bytes, data: bytes) -> bytes:
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    end = png.rindex(b"IEND") - 4
    return png[:end] + chunk + png[end:]


def turned(kind: str, place: str) -> bytes:
    """The scene, with an orientation of 6 in EXIF, in EXIF behind the pixels, in XMP, or as ImageMagick writes EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6
    quality = {"JPEG": {"quality": 100, "subsampling": "4:4:4"}, "WebP": {"lossless": True}}.get(kind, {})
    if place == "EXIF":
        return encoded(scene(), kind, exif=exif, **quality)
    if place == "late EXIF":
        return chunk_behind_the_pixels(encoded(scene(), kind), b"eXIf", exif.tobytes()[6:])
    if place == "late XMP":
        text = b"XML:com.adobe.xmp\0\0\0\0\0" + XMP.encode()
        return chunk_behind_the_pixels(encoded(scene(), kind), b"iTXt", text)
    notes = PngInfo()
    if place == "raw profile":
        data = exif.tobytes()
        notes.add_text("Raw profile type exif", f"\nexif\n{len(data):8}\n{data.hex()}\n", zip=True)
        return encoded(scene(), kind, pnginfo=notes)
    if kind == "PNG":
        notes.add_itxt("XML:com.adobe.xmp", XMP)
        return encoded(scene(), kind, pnginfo=notes)
    tags = {"tiffinfo": {700: XMP.encode()}} if kind == "TIFF" else {"xmp": XMP.encode()}
    return encoded(scene(), kind, **tags, **quality)


@pytest.mark.parametrize(
    ("kind", "place", "orientation"),
    [
        *((kind, place, 6) for kind in ("PNG", "JPEG", "WebP") for place in ("EXIF", "XMP")),
        ("PNG", "raw profile", 6),
        ("PNG", "late EXIF", 1),
        ("PNG", "late XMP", 1),
        ("TIFF", "XMP", 1),
    ],
)
def test_the_pixels_are_turned_as_the_header_says_wherever_the_orientation_stands(kind, place, orientation):
    data = turned(kind, place)
    pixels, header = opened(data), inspect(data)
    expected = np.rot90(scene(), -1) if orientation == 6 else scene()
    assert header == Header(kind, Size(*expected.shape[:2]), orientation)
    assert header.stored == Size(48, 64)
    assert_close(pixels, expected, tolerance=8 if kind == "JPEG" else 0)


def test_the_header_is_held_to_the_same_limits():
    with pytest.raises(TooLarge, match="pixels"):
        inspect(png_that_claims(50_000, 50_000))
    with pytest.raises(InvalidImage, match="not a picture"):
        inspect(b"hello")


def test_the_header_of_a_png_is_told_without_reading_its_pixels():
    data = encoded(scene(48, 64))
    broken = data[: data.index(b"IDAT") + 8] + b"no pixels"
    assert inspect(broken) == Header("PNG", Size(48, 64))
    with pytest.raises(InvalidImage):
        opened(broken)
