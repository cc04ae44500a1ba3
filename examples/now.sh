#!/usr/bin/env bash
# The answer now: masks of everything as a zip, and the thing under a click as JSON.
set -euo pipefail
server=${RUBYLITH_SERVER:-http://127.0.0.1:8000}
photo=${1:-"$(dirname "$0")/photo.jpg"}

curl --fail-with-body --silent --show-error "$server/v1/segment" \
    --header "Authorization: Bearer ${RUBYLITH_KEY:-}" --header "Accept: application/zip" \
    --form "image=@$photo" --output masks.zip
curl --fail-with-body --silent --show-error "$server/v1/segment" \
    --header "Authorization: Bearer ${RUBYLITH_KEY:-}" \
    --form "image=@$photo" --form 'request={"points": [[300, 180]]}'
