"""What was found → the vendor's documents."""

import json
from dataclasses import dataclass
from typing import Any

from rubylith.dialects.vlmrun.artifacts import Shelf
from rubylith.dialects.vlmrun.read import Chat, Form
from rubylith.dialects.vlmrun.wire import ChatIn
from rubylith.domain.job import Job
from rubylith.formats import Encoded
from rubylith.language import Wish
from rubylith.schemas.filling import fill
from rubylith.schemas.results import Found, arranged
from rubylith.schemas.texts import told
from rubylith.service.work import Answer

ABOUT = (
    "I segment pictures: send one with a request such as “Segment all the cars in this image”, and a JSON schema if "
    "you want the answer in a form of your own."
)
PIECE = 512  # characters of an event of a stream


@dataclass(frozen=True, slots=True)
class Heading:
    """What every document of one answer begins with. created: Unix seconds."""

    id: str
    created: int
    model: str
    session_id: str

    def document(self, kind: str) -> dict[str, Any]:
        """With the kind of object that it is."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "session_id": self.session_id,
        }


def write_content(chat: Chat, answer: Answer, shelf: Shelf) -> str:
    """The text of the answer: the caller's document, the default one, or a sentence."""
    assert chat.wish is not None  # or nothing would have been looked for
    if chat.plan is not None:
        return json.dumps(fill(chat.plan, answer.segmentation, shelf), ensure_ascii=False, allow_nan=False)
    found = arranged(answer.segmentation, chat.wish)
    if chat.form is Form.TEXT:
        if not found:
            return "Nothing that was asked for is in the picture."
        lines = [f"{one.label}: {shelf.mask(one.rle).url}" for one in found]
        return "\n".join((f"There is {told(found)}." if len(found) == 1 else f"There are {told(found)}.", *lines))
    return json.dumps(_default(found, chat.wish, answer, shelf), ensure_ascii=False)


def write_answer(heading: Heading, body: ChatIn, content: str) -> dict[str, Any]:
    """`chat.completion`."""
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**heading.document("chat.completion"), "choices": [choice], "usage": write_usage(body, content)}


def write_chunks(heading: Heading, content: str) -> list[dict[str, Any]]:
    """`chat.completion.chunk`, after the one that names the role."""
    pieces = [content[start : start + PIECE] for start in range(0, len(content), PIECE)]
    return [*(write_chunk(heading, {"content": piece}) for piece in pieces), write_chunk(heading, {}, "stop")]


def write_chunk(heading: Heading, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    """One of them."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**heading.document("chat.completion.chunk"), "choices": [choice]}


def write_usage(body: ChatIn, content: str) -> dict[str, int]:
    """Text only, four bytes to a token; a picture costs nothing."""
    asked = "".join(
        text
        for message in body.messages
        for text in (
            [message.content or ""]
            if not isinstance(message.content, list)
            else [p.text or "" for p in message.content]
        )
    )
    prompt, completion = (-(-len(text.encode("utf-8", "replace")) // 4) for text in (asked, content))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def write_files(answer: Answer, _: Job) -> tuple[Encoded, ...]:
    """Of a job; this dialect takes no orders that are answered later."""
    return answer.files


def write_webhook(*_: object) -> bytes:
    """The same for a webhook."""
    return b"{}"


def write_event(document: dict[str, Any]) -> bytes:
    """A server-sent event."""
    return f"data: {json.dumps(document, ensure_ascii=False)}\n\n".encode("utf-8", "replace")


def _default(found: tuple[Found, ...], wish: Wish, answer: Answer, shelf: Shelf) -> dict[str, Any]:
    size = answer.segmentation.size
    return {
        "segmentations": [
            {
                "label": one.label,
                "mask_url": shelf.mask(one.rle).url,
                "xywh": [
                    round(edge / extent, 4)
                    for edge, extent in zip(one.box.xywh, (size.width, size.height) * 2, strict=True)
                ],
                "score": round(one.score, 4),
                "area": one.rle.area,
            }
            for one in found
        ],
        "image": {"width": size.width, "height": size.height},
        "mode": wish.mode.value,
    }
