#!/usr/bin/env bash
# The vendors' own clients, each in an environment of its own. What cannot be had here is named, and its tests skip.
set -uo pipefail
cd "$(dirname "$0")"

if [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 20 ]; then
    npm ci --silent || exit 1
else
    echo "no Node 20: prodia and @fal-ai/client are left out"
fi

python_of() { # the first Python of at least $1 that runs
    for candidate in python3 python3.{14,13,12,11} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1*/bin/python; do
        "$candidate" -c "import sys; sys.exit(sys.version_info < (${1//./, }))" 2>/dev/null && echo "$candidate" && return
    done
    return 1
}

uv=$(command -v ../../.venv/bin/uv uv | head -1) # many times quicker than pip

fill() { # environment, options and requirements of pip
    local environment=$1
    shift
    if [ -n "$uv" ]; then # --no-config: the versions that the project pins are not these clients'
        "$uv" pip install --no-config --quiet --python "$environment/bin/python" "$@"
    else
        "$environment/bin/pip" install --quiet --disable-pip-version-check "$@"
    fi
}

python_client() { # name, its oldest Python, options of pip
    local name=$1 oldest=$2
    shift 2
    [ -x ".venv-$name/bin/python" ] && return
    if python=$(python_of "$oldest"); then
        "$python" -m venv ".venv-$name" && fill ".venv-$name" "$@" -r "$name.txt" || { rm -rf ".venv-$name"; exit 1; }
    else
        echo "no Python $oldest: $name is left out"
    fi
}
python_client fal 3.10
python_client airefinery 3.12 --no-deps
# Importing this client fails before 3.12.3, which first lets a union hold a type annotated with a dict (python/cpython#112281)
python_client airefinery-login 3.12.3 --no-deps
python_client openai 3.9
python_client openai1 3.9
python_client vlmrun 3.9
