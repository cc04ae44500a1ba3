"""Tiny detectors of any words, of transformers' classes with random weights, and what transformers says with them.

`python -m tests.reference.detectors` writes tests/fixtures/detector-*: each family's graph as the hub has it, the
tokenizer beside it, and reference.npz with transformers' own answers. It needs the extra `torch`; what it wrote needs
ONNX Runtime and tokenizers.
"""

import importlib
import json
import shutil
import sys
import types
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import PIL.Image
import pytest
import torch
from tests.reference.tiny import shaken
from torch import nn
from transformers import (
    BertConfig,
    BertTokenizer,
    CLIPTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoProcessor,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2Processor,
    Sam3Config,
    Sam3Model,
    SwinConfig,
)
from transformers.models.grounding_dino import modeling_grounding_dino as room

from rubylith.domain.image import Image
from rubylith.engine.export.detectors import from_transformers

FIXTURES = Path(__file__).parents[1] / "fixtures"
WORDS = "a car red cup dog person with hat traffic light photo of ##s ##gy".split()
NAMES = ("car", "red cup", "dogs", "person with hat")
SHAPE = {"shortest_edge": 96, "longest_edge": 160}
SQUARE = {"height": 96, "width": 96}
SIDE = 96  # OWLv2's
SAM3_SIDE = 112
PICTURES = {"square": (80, 80), "wide": (60, 110), "tall": (150, 40)}
LEAST = 0.2


def picture(name: str) -> Image:
    """A picture of blobs, the same every time."""
    height, width = PICTURES[name]
    small = np.random.default_rng(7).integers(0, 256, (10, 10, 3), np.uint8)
    smooth = PIL.Image.fromarray(small).resize((width, height), PIL.Image.Resampling.BICUBIC)
    return Image(np.ascontiguousarray(smooth), name)


def grounding_dino(seed: int = 0) -> nn.Module:
    """Grounding DINO on the smallest Swin and the smallest BERT."""
    torch.manual_seed(seed)
    return _random(GroundingDinoForObjectDetection(GroundingDinoConfig(**_sizes())))


def mm_grounding_dino(seed: int = 1) -> nn.Module:
    """The class of MM-Grounding-DINO and LLMDet, of the same size."""
    torch.manual_seed(seed)
    return _random(MMGroundingDinoForObjectDetection(MMGroundingDinoConfig(**_sizes())))


def owlv2(seed: int = 2) -> nn.Module:
    """OWLv2 of 64 patches."""
    text = {
        "vocab_size": len(clip_vocabulary()[0]), "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 16,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": SIDE, "patch_size": 8,
    }  # fmt: skip
    torch.manual_seed(seed)
    config = Owlv2Config(text_config=text, vision_config=vision, projection_dim=32)
    return _random(Owlv2ForObjectDetection(config))


def sam3(seed: int = 4) -> nn.Module:
    """SAM 3 with a picture of 8 x 8 patches."""
    small = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32}
    picture_side = {
        "model_type": "sam3_vit_model", **small, "num_hidden_layers": 2, "image_size": SAM3_SIDE, "patch_size": 14,
        "window_size": 4, "global_attn_indexes": [1], "pretrain_image_size": 56,
    }  # fmt: skip
    text = {
        "model_type": "clip_text_model", **small, "vocab_size": len(clip_vocabulary()[0]), "projection_dim": 32,
        "num_hidden_layers": 2, "max_position_embeddings": 32, "hidden_act": "gelu",
    }  # fmt: skip
    sizes = {
        "backbone_config": picture_side,
        "fpn_hidden_size": 32,
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
    }
    torch.manual_seed(seed)
    config = Sam3Config(
        vision_config=sizes,
        text_config=text,
        geometry_encoder_config={**small, "num_layers": 1},
        detr_encoder_config={**small, "num_layers": 1},
        detr_decoder_config={**small, "num_layers": 2, "num_queries": 12},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2},
    )
    return _random(Sam3Model(config))


def sam3_answers(model: nn.Module, image: Image) -> list[dict[str, Any]]:
    """What transformers makes of each name: scores, boxes, masks. It resizes by torchvision, so that is told here."""
    values = torch.from_numpy(image.pixels.astype(np.float32)).permute(2, 0, 1)[None]
    square = nn.functional.interpolate(values, (SAM3_SIDE, SAM3_SIDE), mode="bilinear", antialias=True)
    pixels = (square.round() / 255 - 0.5) / 0.5
    answers: list[dict[str, Any]] = []
    for name in NAMES:
        words = tokenizer("sam3")(name, return_tensors="pt", padding="max_length", max_length=32)
        with torch.no_grad():
            outputs = model(pixel_values=pixels, input_ids=words["input_ids"], attention_mask=words["attention_mask"])
        (found,) = _sam3_processor().post_process_instance_segmentation(
            outputs, threshold=LEAST, target_sizes=[(image.size.height, image.size.width)]
        )
        answers.append({"pixels": pixels.numpy(), **{key: array.numpy() for key, array in found.items()}})
    return answers


def _sam3_processor() -> Any:
    """transformers' image processor without torchvision, of which none fits this PyTorch; it only imports NMS of it."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("torchvision", "torchvision.ops", "torchvision.ops.boxes"):
            bare = types.ModuleType(module)
            bare.batched_nms = None  # type: ignore[attr-defined]
            patch.setitem(sys.modules, module, bare)
        room = importlib.import_module("transformers.models.sam3.image_processing_sam3")
    return object.__new__(room.Sam3ImageProcessor)


DETECTORS = {"grounding-dino": grounding_dino, "mm-grounding-dino": mm_grounding_dino, "owlv2": owlv2}


def write_folder(kind: str, folder: Path, size: dict[str, int]) -> nn.Module:
    """What transformers writes of a model, its tokenizer and its page about pictures; returns the model."""
    model = (DETECTORS | {"sam3": sam3})[kind]()
    model.save_pretrained(folder)
    tokenizer(kind).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": size}))
    return model


def tokenizer(kind: str) -> Any:
    """BERT's with a small vocabulary, whose special tokens have BERT's numbers, or CLIP's."""
    if kind not in {"owlv2", "sam3"}:
        return BertTokenizer(vocab=bert_vocabulary())
    numbers, merges = clip_vocabulary()
    return CLIPTokenizer(vocab=numbers, merges=merges, pad_token="!", model_max_length=16 if kind == "owlv2" else 32)


def bert_vocabulary() -> dict[str, int]:
    """The model knows full stops and its special tokens by BERT's numbers, so the list is as long as that takes."""
    fixed = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
    numbers = {**fixed, **{word: 200 + place for place, word in enumerate(WORDS)}}
    taken = set(numbers.values())
    return {**numbers, **{f"[unused{number}]": number for number in range(1030) if number not in taken}}


def clip_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Letters, letters that end a word, a few pairs; start and end are the highest numbers, as the model expects."""
    letters = "!abcdefghijklmnopqrstuvwxyz"
    merges = [("c", "a"), ("ca", "r</w>"), ("o", "f</w>"), ("p", "h"), ("ph", "o"), ("pho", "t"), ("phot", "o</w>")]
    merges += [("p", "e"), ("pe", "r"), ("s", "o"), ("so", "n</w>")]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: number for number, token in enumerate(tokens)}, merges


def processor(kind: str, size: dict[str, int]) -> Any:
    """transformers' own processor of a family, which needs no torchvision."""
    if kind == "owlv2":
        from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil

        return Owlv2Processor(Owlv2ImageProcessorPil(size=size), tokenizer(kind))
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil

    return GroundingDinoProcessor(GroundingDinoImageProcessorPil(size=size), tokenizer(kind))


def expected(kind: str, model: nn.Module, image: Image, size: dict[str, int]) -> dict[str, Any]:
    """What transformers shows the model, what the model says, and what transformers makes of that."""
    own = processor(kind, size)
    text = [f"a photo of a {name}" for name in NAMES] if kind == "owlv2" else list(NAMES)
    inputs = own(images=PIL.Image.fromarray(image.pixels), text=[text], return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    target = [(image.size.height, image.size.width)]
    options: dict[str, Any] = {"threshold": LEAST, "target_sizes": target}
    if kind != "owlv2":
        options["text_threshold"] = LEAST
    (found,) = own.post_process_grounded_object_detection(outputs, **options)
    labels = found["labels"].tolist() if kind == "owlv2" else found["text_labels"]
    return {
        **{name: array.numpy() for name, array in inputs.items()},
        "logits": outputs.logits[0].numpy(),
        "centres": outputs.pred_boxes[0].numpy(),
        "boxes": found["boxes"].numpy(),
        "scores": found["scores"].numpy(),
        "labels": np.array(labels),
    }


def _sizes() -> dict[str, Any]:
    swin = SwinConfig(
        image_size=64, patch_size=4, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4,
        out_indices=[2, 3, 4],
    )  # fmt: skip
    bert = BertConfig(
        vocab_size=1030, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64,
    )  # fmt: skip
    return {
        "backbone_config": swin, "text_config": bert, "d_model": 64, "encoder_layers": 1, "decoder_layers": 2,
        "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
        "num_queries": 20, "disable_custom_kernels": True,
    }  # fmt: skip


def _random(model: nn.Module) -> nn.Module:
    """Random weights that are certain of some things and not of others."""
    model = shaken(model)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("decoder.layer_norm.weight", "text_enhancer_layer.layer_norm_after.weight")):
                weight.normal_(0, 2, generator=generator)
    return model


def write_graph(kind: str, model: nn.Module, path: Path) -> None:
    """A graph with the names, the order and the free axes of those on the hub."""
    part = from_transformers(model)
    owned = processor(kind, SQUARE)
    text = [f"a photo of a {name}" for name in NAMES] if kind == "owlv2" else list(NAMES)
    inputs = owned(images=PIL.Image.fromarray(picture("square").pixels), text=[text], return_tensors="pt")
    free = {"input_ids": {0: "phrases"}, "attention_mask": {0: "phrases"}} if kind == "owlv2" else {
        name: {1: "tokens"} for name in ("input_ids", "token_type_ids", "attention_mask")
    }  # fmt: skip
    path.parent.mkdir(parents=True)
    with warnings.catch_warnings(), exportable(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            part.module,
            tuple(inputs[name] for name in part.inputs),
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            dynamic_shapes=tuple(dict.fromkeys(free.get(name, {}), torch.export.Dim.DYNAMIC) for name in part.inputs),
            opset_version=20,
            dynamo=True,
        )
    assert program is not None
    graph = program.model_proto
    for node in graph.graph.node:  # where it came from, which would be most of the file
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in graph.graph.value_info:
        value.ClearField("metadata_props")
    onnx.save(graph, path)


@contextmanager
def exportable() -> Generator[None]:
    """What the exporter has no operator for is said in other words: cummax, cummin, isin, and checks that cannot fail.

    By the first three the text side learns where its phrases begin and end.
    """

    def masks(input_ids: torch.Tensor, special_tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ends = (input_ids[..., None] == special_tokens).any(-1)  # (1, T)
        places = torch.arange(input_ids.shape[1])[None]
        is_before = places[:, None, :] < places[:, :, None]  # (1, T, T): column before row
        before = torch.where(ends[:, None] & is_before, places[:, None], -1).amax(-1)
        after = torch.where(ends[:, None] & ~is_before, places[:, None], input_ids.shape[1]).amin(-1)
        last = input_ids.shape[1] - 1
        is_phrase = (after != 0) & (after != last) & (after != last + 1)
        attention = (after[:, :, None] == after[:, None, :]) & is_phrase[:, None, :]
        attention = attention | (places[:, None, :] == places[:, :, None])
        return attention, torch.where(is_phrase, places - before - 1, 0).clamp(min=0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "generate_masks_with_special_tokens_and_transfer_map", masks)
        patch.setattr(room, "torch_compilable_check", lambda *_, **__: None)
        yield


def main() -> None:
    """Write the fixtures."""
    for kind in ("grounding-dino", "owlv2"):
        home = FIXTURES / f"detector-{kind}"
        shutil.rmtree(home, ignore_errors=True)
        model = write_folder(kind, home, SQUARE)
        for file in home.iterdir():
            if file.name not in {"config.json", "preprocessor_config.json", "tokenizer.json"}:
                file.unlink()
        write_graph(kind, model, home / "onnx" / "model.onnx")
        arrays = {
            f"{name}.{key}": array
            for name in PICTURES
            for key, array in expected(kind, model, picture(name), SQUARE).items()
            if key not in {"logits", "centres", "pixel_mask"}
        }
        np.savez_compressed(home / "reference.npz", **arrays)
        print(kind, sum(file.stat().st_size for file in home.rglob("*") if file.is_file()))


if __name__ == "__main__":
    main()
