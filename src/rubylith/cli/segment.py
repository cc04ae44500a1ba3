"""`rubylith segment`: words on the command line → prompt, inputs and work; checked whole before any work begins."""

from collections.abc import Container
from pathlib import Path
from typing import Annotated, Any

import typer

from rubylith.domain.errors import InvalidPrompt

FORMATS = "overlay,png,json"
OUT = Path("rubylith-out")

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Files, folders (searched with all below them), globs in quotes, or - for standard input.",
    ),
]
Points = Annotated[
    list[str] | None,
    typer.Option(
        "--point",
        metavar="X,Y[,0|1]",
        help="A pixel on the object; with ,0 one beside it. All points mean one object.",
    ),
]
Boxes = Annotated[
    list[str] | None,
    typer.Option(
        "--box",
        metavar="X0,Y0,X1,Y1",
        help="A box round the object. Several mean one object each.",
    ),
]
Previous = Annotated[
    str | None,
    typer.Option(
        "--previous",
        metavar="FILE[#ID]",
        help="A mask of this picture to be corrected: a picture of it, or a masks.json; #2 takes its mask 2.",
        show_default=False,
    ),
]
Text = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help="What to find, by name, with commas or `and` between: 'face, red cup and largest object'.",
        show_default=False,
    ),
]
Mode = Annotated[
    str | None,
    typer.Option(
        metavar="instance|semantic|panoptic",
        help="A mask per thing, per name, or both without overlap: of --text (instance), or of the whole scene.",
        show_default=False,
    ),
]
Threshold = Annotated[
    str | None,
    typer.Option(
        metavar="0..1[,...]",
        help="With --text: drop what is found with a lower score; one number for all words, or one for each.",
        show_default=False,
    ),
]
Detector = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FOLDER",
        help="With --text: who looks. See `rubylith models list` (the smallest here that knows the words).",
        show_default=False,
    ),
]
Multimask = Annotated[bool, typer.Option("--multimask", help="Up to three candidates of each object.")]
Model = Annotated[
    str | None,
    typer.Option(help="Who cuts; fetched if it is not here. See `rubylith models list`.", show_default=False),
]
Formats = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="A,B,...", help=f"What to write (default {FORMATS}); `rubylith doctor` lists the formats."
    ),
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help=f"Where to (default {OUT}).", show_default=False)]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="One JSON document per picture on standard output and nothing else; files only with --out or --format.",
    ),
]
Fast = Annotated[
    bool | None, typer.Option("--fast", help="Spare seeds where a good mask lies already; may miss small parts (no).")
]
Label = Annotated[
    bool | None, typer.Option("--label", help="Name each mask: by a universal model, or by detectors (no).")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Do what is already done anew.")]


def _seeking(sentence: str, metavar: str = "N") -> Any:
    """An option of segment everything; their names, defaults and meaning are segment-anything's."""
    return typer.Option(help=sentence, metavar=metavar, show_default=False)


PredictedIou = Annotated[float | None, _seeking("Drop masks of lower predicted IoU; SAM 2 has 0.8 (0.88).")]


def command(
    inputs: Inputs,
    *,
    point: Points = None,
    box: Boxes = None,
    previous: Previous = None,
    text: Text = None,
    mode: Mode = None,
    threshold: Threshold = None,
    detector: Detector = None,
    multimask: Multimask = False,
    model: Model = None,
    format: Formats = None,  # noqa: A002  typer names the option after it
    out: Out = None,
    json: Json = False,
    fresh: Fresh = False,
    points_per_side: Annotated[int | None, _seeking("Seeds per side of a regular grid (32).")] = None,
    pred_iou_thresh: PredictedIou = None,
    stability_score_thresh: Annotated[float | None, _seeking("Drop masks that are less stable (0.95).")] = None,
    stability_score_offset: Annotated[float | None, _seeking("How far the cut moves to measure that (1).")] = None,
    box_nms_thresh: Annotated[float | None, _seeking("Boxes with a higher IoU are duplicates (0.7).")] = None,
    crop_n_layers: Annotated[int | None, _seeking("Also look at crops, for smaller things (0).")] = None,
    crop_nms_thresh: Annotated[float | None, _seeking("The same as --box-nms-thresh between crops (0.7).")] = None,
    crop_overlap_ratio: Annotated[float | None, _seeking("How far crops overlap (0.341).")] = None,
    crop_n_points_downscale_factor: Annotated[int | None, _seeking("Fewer seeds per further layer (1).")] = None,
    min_mask_region_area: Annotated[int | None, _seeking("Fill holes, drop islands below so many pixels (0).")] = None,
    max_masks: Annotated[int | None, _seeking("Keep at most so many, the best (all).")] = None,
    overlap: Annotated[str | None, _seeking("none: no two masks share a pixel (keep).", metavar="keep|none")] = None,
    tile_side: Annotated[int | None, _seeking("Also look at tiles of so many pixels a side (none).")] = None,
    fast: Fast = None,
    max_seconds: Annotated[float | None, _seeking("Look for so long, then give what was found (none).")] = None,
    label: Label = None,
) -> int:
    """Cut pictures into masks: the objects you point at or name, or everything.

    To correct a mask of a picture, give it as --previous with all points so far. The options from --points-per-side on
    say how to find everything; points, boxes and words exclude them, but words take --max-masks and --tile-side.
    Results lie in one folder per picture, beside a manifest.jsonl: the same command run again goes on where it stopped.
    """
    given = locals()
    from dataclasses import fields

    from rubylith.cli import _outcomes
    from rubylith.domain.prompt import Everything
    from rubylith.engine.catalog import everything_defaults
    from rubylith.service.prompts import Words, read_prompt
    from rubylith.settings import read_settings

    prompt = read_prompt(
        [_numbers("--point", text, {2, 3}, "X,Y or X,Y,0") for text in point or ()] or None,
        [_numbers("--box", text, {4}, "X0,Y0,X1,Y1") for text in box or ()] or None,
        _previous(previous),
        words=Words(text, mode, _threshold(threshold), detector),
        multimask=multimask,
        options={field.name: given[field.name] for field in fields(Everything)},
        defaults=lambda: everything_defaults(model or read_settings().model),
    )
    writes = not json or out is not None or format is not None
    folder = (out or OUT) if writes else None
    return _outcomes.show(inputs, prompt, model, _formats(format), folder, json=json, fresh=fresh)


def _previous(word: str | None) -> Any:
    from rubylith.service.previous import open_previous
    from rubylith.settings import read_settings

    return None if word is None else open_previous(word, read_settings().limits)


def _threshold(text: str | None) -> tuple[float, ...] | None:
    from rubylith.domain.prompt import MAX_PHRASES

    return None if text is None else _numbers("--threshold", text, range(1, MAX_PHRASES + 1), "0.3 or 0.3,0.5")


def _formats(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (FORMATS if text is None else text).split(","))


def _numbers(option: str, text: str, counts: Container[int], form: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in counts:
        raise InvalidPrompt(f"{option} {text} is not {form}", "Give numbers with commas and no spaces between them")
    return numbers
