#!/usr/bin/env bash
# Click many times: the picture is sent and looked at once, every click after that takes milliseconds.
# Each click mends the mask before it, which is sent along: two fill what it lacks, [x, y, 0] takes the spoon away.
set -euo pipefail
server=${RUBYLITH_SERVER:-http://127.0.0.1:8000}
photo=${1:-"$(dirname "$0")/photo.jpg"}
ask() { curl --fail-with-body --silent --show-error --header "Authorization: Bearer ${RUBYLITH_KEY:-}" "$@"; }

picture=$(ask "$server/v1/embeddings" --form "image=@$photo" | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
points="" previous=null
for click in "[300, 180]" "[250, 330]" "[290, 80]" "[365, 290, 0]"; do
    points="$points${points:+, }$click"
    mask=$(ask "$server/v1/segment" --json @- <<<"{\"image\": \"$picture\", \"points\": [$points], \"previous\": $previous}" |
        python3 -c 'import json, sys; mask = json.load(sys.stdin)["masks"][0]; print(mask["area"], json.dumps(mask["segmentation"]))')
    echo "${mask%% *} pixels"
    previous=${mask#* }
done
