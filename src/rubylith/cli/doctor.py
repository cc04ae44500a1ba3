"""`rubylith doctor`: what is installed, how it is set, and whether it works."""

import json as jsonlib
import platform
import shutil
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

import rubylith
from rubylith.cli._lines import in_bytes, one_line, say, tell
from rubylith.domain.errors import ModelFailed, RubylithError

if TYPE_CHECKING:
    from rubylith.settings import Settings

LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "pycocotools", "rich", "typer")
PICTURE_SIDE, RADIUS = 256, 60
ENOUGH_IOU = 0.8  # a disc of one colour on another is no challenge
AGAIN = "Install Rubylith and OpenCV again"


def command(*, json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> int:
    """Show versions, settings, models and formats, and segment a small picture; exit status 1 if something fails."""
    report, problems = _examine()
    if json:
        tell(jsonlib.dumps({**report, "problems": problems}))
    else:
        _show(report)
        for problem in problems:
            say(problem)
        tell("All is well." if not problems else f"{len(problems)} of the checks failed.")
    return 1 if problems else 0


def _examine() -> tuple[dict[str, Any], list[str]]:
    """What there is to say, and what is wrong, a line each."""
    problems: list[str] = []
    report: dict[str, Any] = {
        "rubylith": rubylith.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": _cores(),
        "libraries": _libraries(problems),
    }
    steps = {"settings": _settings, "models": _models, "formats": _formats, "pictures": _pictures}
    for name, step in {**steps, "self_test": _self_test}.items():
        try:
            report[name] = step()
        except Exception as error:  # noqa: BLE001  the doctor examines what is ill
            report[name] = None
            told = str(error) if isinstance(error, RubylithError) else f"{type(error).__name__}: {error}"
            problems.append(f"{name}: {told}")
    lacking = _lacking()
    if lacking is not None:
        problems.append(f"models: {lacking}")
    faults: dict[str, str] = report["models"]["faults"] if report["models"] else {}
    problems += [f"models: {fault}" for fault in faults.values() if f"self_test: {fault}" not in problems]
    return report, problems


def _cores() -> int:
    from rubylith.settings import usable_cores

    return usable_cores()


def _libraries(problems: list[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
            problems.append(f"libraries: {name} is not installed. Run pip install rubylith again.")
    return found


def _settings() -> list[dict[str, Any]]:
    from rubylith.settings import SETTINGS, read_settings, shown, unknown_variables

    unknown = unknown_variables()
    if unknown:
        say(f"{', '.join(unknown)} is set but means nothing; known are {', '.join(s.variable for s in SETTINGS)}")
    settings = read_settings()
    return [
        {
            "variable": setting.variable,
            "value": shown(settings, setting),
            "origin": settings.origins[setting.name],
            "sentence": setting.sentence,
        }
        for setting in SETTINGS
    ]


def _models() -> dict[str, Any]:
    """What is here, where more come from, and how much room there is for them."""
    from rubylith.engine.catalog import EMBEDDED
    from rubylith.engine.embedded import network
    from rubylith.engine.runtimes.onnx import providers_here
    from rubylith.settings import read_settings

    settings = read_settings()
    store = settings.store
    found = [store.find(name) for name in store.installed()]
    return {
        "names": [EMBEDDED, *(model.name for model in found)],
        "networks": {network.NAME: network.size()},
        "faults": _faults(EMBEDDED, settings),
        "folder": str(store.folder),
        "bytes": sum(model.size for model in found),
        "free_bytes": _free(store.folder),
        "source": "nobody: offline" if settings.offline and not settings.mirror else store.source.shown,
        "mirror": settings.mirror or None,
        "offline": settings.offline,
        "licences": list(settings.licenses),
        "provider": settings.provider,
        "providers": list(providers_here()),
        "precision": settings.precision,
    }


def _faults(model: str, settings: "Settings") -> dict[str, str]:
    """Why this model does not work, by its name; nothing if it does."""
    from rubylith.engine.embedded import network

    try:
        _cut_disc(model, settings)
        network.check()
    except RubylithError as error:
        return {model: str(error)}
    return {}


def _lacking() -> str | None:
    """What this installation lacks of the embedded model, which then answers worse."""
    from rubylith.engine.embedded import network

    return network.told()


def _free(folder: Path) -> int:
    """Bytes free where a folder is, or would be made."""
    return shutil.disk_usage(next(path for path in (folder, *folder.absolute().parents) if path.exists())).free


def _formats() -> dict[str, str]:
    from rubylith import formats
    from rubylith.formats import Format
    from rubylith.registry import load

    return {n: cast("Format", load(formats.__name__, formats.NAMES, n, kind="format")).SUMMARY for n in formats.NAMES}


def _pictures() -> list[str]:
    from rubylith.service.intake import READERS

    return list(READERS)


def _self_test() -> dict[str, Any]:
    from rubylith.settings import read_settings

    settings = read_settings()
    return _cut_disc(settings.model, settings)


def _cut_disc(model: str, settings: "Settings") -> dict[str, Any]:
    """A disc is drawn, and cut by a click on its middle; ModelFailed if that goes badly."""
    import cv2
    import numpy as np

    from rubylith.domain.geometry import Point
    from rubylith.domain.prompt import ObjectPrompt, Objects
    from rubylith.engine.engine import Engine
    from rubylith.service.intake import from_array

    middle = PICTURE_SIDE // 2
    disc = np.zeros((PICTURE_SIDE, PICTURE_SIDE), np.uint8)
    cv2.circle(disc, (middle, middle), RADIUS, 1, cv2.FILLED)
    colours = np.array([[90, 140, 90], [190, 40, 60]], np.uint8)
    engine = Engine(model, models_folder=settings.models, device=settings.device)
    click = Objects((ObjectPrompt((Point(middle, middle),)),))
    start = time.perf_counter()
    try:
        found = engine.segment(from_array(colours[disc]), click).masks[0].rle.bitmap()
    except RubylithError:
        raise
    except Exception as error:
        raise ModelFailed(f"{model} cannot cut a disc: {type(error).__name__}: {error}", AGAIN) from error
    milliseconds = round((time.perf_counter() - start) * 1000)
    iou = float((found & (disc == 1)).sum() / (found | (disc == 1)).sum())
    if iou < ENOUGH_IOU:
        raise ModelFailed(f"{model} cut a plain disc with an IoU of {iou:.2f}", AGAIN)
    return {"model": model, "iou": round(iou, 3), "milliseconds": milliseconds}


def _show_models(models: dict[str, Any]) -> None:
    tell(f"Models: {', '.join(models['names'])}")
    for name, size in models["networks"].items():
        alone = f"without {name}, of which a file is not in this installation: colour and texture alone answer"
        works = f"works {alone if size is None else f'with {name}, {in_bytes(size)}'}"
        fault = models["faults"].get("embedded")
        tell(f"  embedded {works if fault is None else f'does not work: {one_line(fault)}'}")
    room = f"{in_bytes(models['bytes'])} there, {in_bytes(models['free_bytes'])} free"
    tell(f"  They lie in {one_line(models['folder'])}: {room}")
    tell(f"  More come from {one_line(models['source'])}; licences allowed: {', '.join(models['licences'])}")
    providers = ", ".join(models["providers"])
    tell(f"  Networks run on {models['provider']} in {models['precision']}; here they can on {providers}")


def _show(report: dict[str, Any]) -> None:
    tell(f"Rubylith {report['rubylith']}, Python {report['python']}, {report['cores']} cores, {report['platform']}")
    libraries: dict[str, str | None] = report["libraries"]
    tell("Libraries: " + ", ".join(f"{name} {found or 'missing'}" for name, found in libraries.items()))
    tell(f"Pictures: {', '.join(report['pictures'] or ('?',))}")
    if report["models"]:
        _show_models(report["models"])
    summaries: dict[str, str] = report["formats"] or {}
    tell("Formats:")
    for name, summary in summaries.items():
        tell(f"  {name:<10} {summary}")
    tell("Settings:")
    for setting in report["settings"] or ():
        value = one_line(str(setting["value"]))
        tell(f"  {setting['variable']} = {value} ({setting['origin']}). {setting['sentence']}")
    if report["self_test"]:
        test = report["self_test"]
        tell(f"Self-test: {test['model']} cut a disc in {test['milliseconds']} ms, IoU {test['iou']}")
