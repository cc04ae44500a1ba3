#!/usr/bin/env bash
# Click many times: the picture is sent and looked at once, every click after that takes milliseconds.
set -euo pipefail
server=${RUBYLITH_SERVER:-http://127.0.0.1:8000}
photo=${1:-"$(dirname "$0")/photo.jpg"}
ask() { curl --fail-with-body --silent --show-error --header "Authorization: Bearer ${RUBYLITH_KEY:-}" "$@"; }

picture=$(ask "$server/v1/embeddings" --form "image=@$photo" | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
for click in "[300, 180]" "[300, 180], [250, 330]" "[300, 180], [250, 330], [40, 40, 0]"; do
    ask "$server/v1/segment" --json "{\"image\": \"$picture\", \"points\": [$click]}" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["masks"][0]["area"], "pixels")'
done
