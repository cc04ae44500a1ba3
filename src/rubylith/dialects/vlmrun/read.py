"""Wire → what is asked. Pure: no address is asked, no pixel read."""

import enum
import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rubylith.dialects._data_uri import is_data_uri, read_data_uri
from rubylith.dialects.vlmrun.errors import Refusal
from rubylith.dialects.vlmrun.wire import MODELS, ChatIn, LinkIn, MessageIn, PartIn
from rubylith.domain.errors import NothingAsked
from rubylith.domain.image import ImageSource, Inline, Link, Stored
from rubylith.language import Wish, sentences
from rubylith.schemas.planning import Plan, plan

PLANS_KEPT, LONGEST_KEPT = 128, 20_000  # characters
SCHEMA_WORDS = ("type", "properties", "$ref", "$defs", "anyOf", "items")
NOT_PICTURES = ("video_url", "audio_url", "input_audio", "video", "audio", "input_video")


class Form(enum.Enum):
    """How the answer is written where no schema says so."""

    TEXT = enum.auto()
    OBJECT = enum.auto()


@dataclass(frozen=True, slots=True)
class Chat:
    """A request. source: None without a picture; wish: None for words that ask for nothing; plan: with a schema."""

    model: str
    engine_model: str
    form: Form
    wish: Wish | None
    plan: Plan | None
    source: ImageSource | None = field(repr=False)


def read_chat(body: ChatIn, own_models: tuple[str, ...], default_model: str) -> Chat:
    """Everything that can be wrong without looking at the picture is found here."""
    if body.model not in (*MODELS, *own_models):
        raise Refusal(f"There is no model {body.model[:80]!r}", "See /models", "model_not_found", "model", status=404)
    form, schema = read_format(body.response_format)
    text, system = _text(body.messages), _system(body.messages)
    pictures = _pictures(body.messages)
    source, address = _source(pictures[0]) if pictures else (None, None)
    model = body.model if body.model in own_models else default_model
    if schema is None:
        wish = sentences.read(text, system=system) if text or source else None
        if form is Form.OBJECT and wish is None:
            raise NothingAsked("The text names nothing to look for", "Say what to segment")
        if form is Form.OBJECT and source is None:
            raise _without_picture()
        return Chat(body.model, model, form, wish, None, source)
    if len(pictures) > 1:
        raise Refusal(
            f"{len(pictures)} pictures were sent with one schema, whose fields would all tell of the first",
            "Ask about each picture in a request of its own",
            "multiple_images",
            "messages",
        )
    made = _planned(json.dumps(schema), text, system, body.model, address)
    if source is None:
        raise _without_picture()
    return Chat(body.model, model, form, made.wish, made, source)


def read_format(response_format: dict[str, Any] | None) -> tuple[Form, object]:
    """The form of the answer and its schema, in any of the three envelopes in use; None for no schema."""
    kind = "text" if response_format is None else response_format.get("type", "text")
    if response_format is None or kind == "text":
        return Form.TEXT, None
    if kind == "json_object" and "schema" not in response_format:
        return Form.OBJECT, None
    if kind not in ("json_schema", "json_object"):  # a tuple: what is sent may be no text, nor hashable
        raise Refusal(
            f"The response format {str(kind)[:80]!r} is not known",
            "Use json_schema, json_object or text",
            "invalid_value",
            "response_format.type",
        )
    inner = response_format.get("json_schema")
    if "schema" in response_format:
        return Form.OBJECT, response_format["schema"]
    if isinstance(inner, dict) and "schema" in inner:
        return Form.OBJECT, inner["schema"]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(inner, dict) and any(word in inner for word in SCHEMA_WORDS):
        return Form.OBJECT, inner  # pyright: ignore[reportUnknownVariableType]
    raise Refusal(
        "The response format has no schema",
        "Send it as response_format.json_schema.schema",
        "invalid_json_schema",
        "response_format",
    )


def _planned(schema: str, text: str, system: str, model: str, source: str | None) -> Plan:
    """The plan; schema: JSON. Programs send the same schema again and again, so the last plans are kept, if short."""
    is_short = len(schema) + len(text) + len(system) + len(source or "") < LONGEST_KEPT
    make = _kept_plan if is_short else _kept_plan.__wrapped__
    return make(schema, text, system, model, source)


@lru_cache(PLANS_KEPT)
def _kept_plan(schema: str, text: str, system: str, model: str, source: str | None) -> Plan:
    return plan(json.loads(schema), text, system=system, model=model, source=source)


def _without_picture() -> Refusal:
    return Refusal(
        "No message of the user holds a picture", "Add a part of type image_url", "missing_image", "messages"
    )


def _text(messages: list[MessageIn]) -> str:
    """All text of the user's last message."""
    last = next((message for message in reversed(messages) if message.role == "user"), None)
    return "" if last is None else _words(last)


def _system(messages: list[MessageIn]) -> str:
    return "\n".join(_words(message) for message in messages if message.role in {"system", "developer"})


def _words(message: MessageIn) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    return "\n".join(part.text for part in message.content if part.text)


def _pictures(messages: list[MessageIn]) -> list[PartIn]:
    """Those of the last message of the user that has any; of several the first is looked at."""
    for message in reversed([one for one in messages if one.role == "user"]):
        parts = message.content if isinstance(message.content, list) else []
        for part in parts:
            if part.type in NOT_PICTURES:
                raise Refusal(
                    f"Parts of type {part.type} are not understood", "Send a picture", "invalid_value", "messages"
                )
        pictures = [part for part in parts if part.image_url or part.file_url or part.file_id]
        if pictures:
            return pictures
    return []


def _source(part: PartIn) -> tuple[ImageSource, str | None]:
    """Where a picture comes from, and its address if it has one."""
    if part.file_id:
        return Stored(part.file_id), None
    given = part.image_url or part.file_url
    address = given.url if isinstance(given, LinkIn) else str(given)
    if is_data_uri(address):
        return Inline(read_data_uri(address), "the data URI"), None
    return Link(address), address
