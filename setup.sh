#!/usr/bin/env bash
# Brings .venv to exactly what requirements.lock says, with this project in it, editable.
#
# Does nothing, at once, when nothing changed since the last time. Takes uv when it is on the
# machine; otherwise installs the uv of the lock into .venv, by its hash. Downloads nothing that
# the lock does not name, and leaves nothing outside this folder but the installer's own cache.
# What it installs it also compiles, so that no command pays for that later.
#
#   PYTHON=python3.12 ./setup.sh    another Python (3.11 or newer)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

venv=.venv
stamp=$venv/.equipoise-ready
inputs=(requirements.lock pyproject.toml setup.sh src/equipoise/__init__.py)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

fingerprint() {
  if command -v sha256sum >/dev/null; then cat "${inputs[@]}" | sha256sum; else cat "${inputs[@]}" | shasum -a 256; fi
  pwd -P
}

ready() {
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ] && "$venv/bin/python" -c '' 2>/dev/null
}

new_enough() {
  command -v "$1" >/dev/null &&
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3; do
    if new_enough "$candidate"; then command -v "$candidate"; return; fi
  done
  fail "needs Python 3.11 or newer; none of python3.11, python3.12, python3.13, python3 is one. \
Install it, or name it: PYTHON=/path/to/python ./setup.sh"
}

# The entry of uv in the lock, so that the first thing installed is checked by its hash too.
locked_uv() { sed -n '/^uv==/,/[^\\]$/p' requirements.lock; }

make_venv() {
  local python
  if [ -f "$stamp" ] && ! grep -qxF "$(pwd -P)" "$stamp"; then
    say "this folder was moved, and environments cannot be"
  elif [ -x "$venv/bin/python" ] && new_enough "$venv/bin/python"; then
    return
  fi
  python=$(find_python)
  say "new environment in $venv with $("$python" --version)"
  rm -rf "$venv"
  if command -v uv >/dev/null; then
    uv venv --quiet --no-python-downloads --python "$python" "$venv"
  else
    "$python" -m venv "$venv" ||
      fail "$python cannot make a virtual environment (on Debian: apt-get install python3-venv)"
  fi
}

find_uv() {
  local wanted
  if command -v uv >/dev/null; then command -v uv; return; fi
  if ! "$venv/bin/uv" --version >/dev/null 2>&1; then
    wanted=$(mktemp)
    locked_uv >"$wanted"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      --require-hashes --requirement "$wanted" >&2
    rm -f "$wanted"
  fi
  printf '%s\n' "$venv/bin/uv"
}

if ready; then exit 0; fi
make_venv
rm -f "$stamp"
uv=$(find_uv)
say "installing what requirements.lock names"
"$uv" pip sync --quiet --compile-bytecode --python "$venv/bin/python" \
  --require-hashes requirements.lock
"$uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
fingerprint >"$stamp"
say "ready"
