"""What the tests of this dialect share: drawn pictures on a site of their own, a plain client, masks as arrays."""

import base64
import hashlib
import hmac
import io
import time
from dataclasses import dataclass

import httpx2
import numpy as np
import PIL.Image
from tests.servers import Received, Reply

KEY, OTHER = "first", "second"
WIDTH, HEIGHT = 160, 120
SQUARE = (slice(30, 90), slice(50, 110))  # rows, columns
PART = (slice(40, 55), slice(85, 100))  # of another colour, on the square
RED, YELLOW = (slice(30, 90), slice(20, 70)), (slice(40, 80), slice(95, 140))  # two things
ON_SQUARE, ON_PART = [0.4, 0.6], [92 / WIDTH, 47 / HEIGHT]


def drawing():
    """(H, W, 3): a red square with a yellow part, on grey ground."""
    pixels = np.random.default_rng(0).normal(120, 3, (HEIGHT, WIDTH, 3))
    pixels[SQUARE] = (200, 30, 40)
    pixels[PART] = (230, 220, 40)
    return pixels.clip(0, 255).astype(np.uint8)


def two_things():
    """(H, W, 3): a red thing and a smaller yellow one, on grey ground."""
    pixels = np.random.default_rng(0).normal(120, 3, (HEIGHT, WIDTH, 3))
    pixels[RED] = (200, 30, 40)
    pixels[YELLOW] = (230, 220, 40)
    return pixels.clip(0, 255).astype(np.uint8)


def uri_of(pixels):
    return "data:image/png;base64," + base64.b64encode(file_of(pixels)).decode()


def file_of(pixels, kind="PNG", **options):
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


PICTURE = file_of(drawing())
DATA_URI = uri_of(drawing())
TEXT = {"imageUrl": uri_of(two_things()), "method": "text", "textPrompt": "object"}
POINTS = {"imageUrl": DATA_URI, "method": "points", "pointsPositive": {"points": [ON_SQUARE]}, "outputFormat": "png"}


def oriented():
    """A JPEG that is to be turned by a quarter: EXIF orientation 6."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    return file_of(np.rot90(drawing(), 1), "JPEG", quality=95, exif=exif)


def answer(asked: Received) -> Reply:
    """A site of pictures, good and bad."""
    files = {
        "/a.png": ("image/png", PICTURE),
        "/my%20photo.png": ("image/png", PICTURE),
        "/turned.jpg": ("image/jpeg", oriented()),
        "/page": ("text/html", b"<html>no picture</html>"),
        "/cut.png": ("image/png", PICTURE[: len(PICTURE) // 2]),
    }
    if asked.path not in files:
        return Reply(404)
    media_type, data = files[asked.path]
    return Reply(200, {"Content-Type": media_type}, data)


@dataclass(frozen=True)
class Client:
    """A plain HTTP client with a key, as users of the vendor have it."""

    http: httpx2.Client

    def create(self, kind="segmentation", **document):
        """The artwork as it was when it was taken on."""
        answered = self.http.post(f"/v2/artworks/{kind}", json=document)
        assert answered.status_code == 202, answered.text
        return answered.json()

    def get(self, artwork_id):
        answered = self.http.get(f"/v2/artworks/{artwork_id}")
        assert answered.status_code == 200, answered.text
        return answered.json()

    def finished(self, artwork, seconds=120):
        """The artwork once nothing more happens to it."""
        until = time.monotonic() + seconds
        while (artwork := self.get(artwork["id"]))["status"] in {"starting", "processing"}:
            assert time.monotonic() < until, artwork
            time.sleep(0.03)
        return artwork

    def made(self, kind="segmentation", **document):
        return self.finished(self.create(kind, **document))

    def masks(self, request=POINTS, **document):
        """Results of a request, by default for points, as arrays."""
        artwork = self.made(**{**request, **document})
        assert artwork["status"] == "succeeded", artwork
        return [picture(url) for url in artwork["results"]]

    def mask(self, **document):
        (mask,) = self.masks(**document)
        return mask


def client(address, key=KEY):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Client(httpx2.Client(base_url=f"{address}/tengr", headers=headers, timeout=60))


def refused(client_, document, *, names, kind="segmentation"):
    """Answered 400 in the vendor's form, naming the field; nothing is made of it."""
    before = client_.http.get("/v2/artworks").json()
    answered = client_.http.post(f"/v2/artworks/{kind}", json=document)
    body = answered.json()
    assert (answered.status_code, body["statusCode"], body["error"]) == (400, 400, "Bad Request"), answered.text
    assert names in body["message"]
    assert client_.http.get("/v2/artworks").json() == before


def fetched(url):
    """A result, as anybody may have it."""
    return httpx2.get(url, timeout=60)


def picture(url):
    """A result as an array."""
    return np.array(PIL.Image.open(io.BytesIO(fetched(url).content)))


def signature(secret, body):
    """The header that the receiver of a webhook expects."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
