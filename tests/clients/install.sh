#!/usr/bin/env bash
# The vendors' own clients, each in an environment of its own. What cannot be had here is named, and its tests skip.
set -uo pipefail
cd "$(dirname "$0")"

if [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 20 ]; then
    npm ci --silent || exit 1
else
    echo "no Node 20: prodia and @fal-ai/client are left out"
fi

python_of() { # the first Python of at least 3.$1 that runs
    for candidate in python3 python3.{14,13,12,11} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1*/bin/python; do
        "$candidate" -c "import sys; sys.exit(sys.version_info < (3, $1))" 2>/dev/null && echo "$candidate" && return
    done
    return 1
}

python_client() { # name, at least 3.$2
    [ -x ".venv-$1/bin/python" ] && return
    if python=$(python_of "$2"); then
        "$python" -m venv ".venv-$1" && ".venv-$1/bin/pip" install --quiet --disable-pip-version-check -r "$1.txt" ||
            { rm -rf ".venv-$1"; exit 1; }
    else
        echo "no Python 3.$2: $1 is left out"
    fi
}
python_client fal 10
python_client airefinery 12
python_client airefinery-login 12
python_client openai 9
python_client openai1 9
python_client vlmrun 9
