#!/usr/bin/env bash
# The answer later: order, ask until it is done, fetch a file by its link, which needs no key.
set -euo pipefail
server=${RUBYLITH_SERVER:-http://127.0.0.1:8000}
photo=${1:-"$(dirname "$0")/photo.jpg"}
ask() { curl --fail-with-body --silent --show-error --header "Authorization: Bearer ${RUBYLITH_KEY:-}" "$@"; }
field() { python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }

job=$(ask "$server/v1/jobs" --form "image=@$photo" --form 'request={"format": ["overlay", "coco"]}' | field '["id"]')
until state=$(ask "$server/v1/jobs/$job" | field '["state"]'); [ "$state" != queued ] && [ "$state" != running ]; do
    sleep 0.5
done
if [ "$state" != succeeded ]; then
    ask "$server/v1/jobs/$job" | field '.get("problem") or "the job was cancelled"' >&2
    exit 1
fi
ask "$server/v1/jobs/$job" | field '["files"][1]["url"]' | xargs curl --fail --silent --output overlay.png
echo "$job: overlay.png"
