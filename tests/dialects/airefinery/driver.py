"""Runs inside the environment of either generation of the vendor's client and imports nothing else.

Reads a file of JSON: bases, key, how ("sync", "async"), login (for the older generation), asks (keyword arguments of
images.segment), at_once, and models. Prints what came of each ask at each base, and the names of the models.
"""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import air
import requests
from air import AIRefinery, AsyncAIRefinery


def configuration(told, base):
    """Arguments of the client; for the older generation from login() and auth.openai(), as its documents show."""
    if hasattr(air, "login") and told["login"]:
        auth = air.login(account="account", api_key=told["key"], base_url=base)
        return auth.openai(base_url=base)
    return {"api_key": told["key"], "base_url": base}


def answered(response):
    (item,) = response.data
    return {"status": 200, "created": response.created, "usage": response.usage, **item.model_dump()}


def ask(client, arguments):
    try:
        return answered(client.images.segment(**arguments))
    except requests.HTTPError as error:
        return {"status": error.response.status_code, "detail": error.response.json()["detail"]}


def ask_all(told, base):
    client = AIRefinery(**configuration(told, base))
    with ThreadPoolExecutor(16 if told["at_once"] else 1) as pool:
        answers = list(pool.map(lambda arguments: ask(client, arguments), told["asks"]))
    return {"answers": answers, "models": [m.id for m in client.models.list().data] if told["models"] else []}


async def ask_later(client, arguments):
    try:
        return answered(await client.images.segment(**arguments))
    except aiohttp.ClientResponseError as error:
        return {"status": error.status}
    except TimeoutError:
        return {"status": "timed out"}


async def ask_all_later(told, base):
    client = AsyncAIRefinery(**configuration(told, base))
    if told["at_once"]:
        answers = await asyncio.gather(*(ask_later(client, arguments) for arguments in told["asks"]))
    else:
        answers = [await ask_later(client, arguments) for arguments in told["asks"]]
    return {"answers": answers, "models": [m.id for m in (await client.models.list()).data] if told["models"] else []}


def main():
    told = json.loads(Path(sys.argv[1]).read_text())
    results = []
    for base in told["bases"]:
        try:
            results.append(ask_all(told, base) if told["how"] == "sync" else asyncio.run(ask_all_later(told, base)))
        except Exception as error:  # noqa: BLE001 - whatever the client raises is the result
            results.append({"raised": f"{type(error).__name__}: {error}"})
    print(json.dumps(results))


main()
