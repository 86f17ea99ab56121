#!/bin/bash
# Installs the runtimes that bench/compare measures Midstream against, from PyPI, into a virtual
# environment: setup_venv.sh [DIRECTORY]. About 2 GB; needs the network; no part of `make test`.
set -euo pipefail

cd "$(dirname "$0")/../.."
venv="${1:-build/compare/venv}"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet tensorflow-cpu==2.21.0
echo "$venv/bin/python is ready"
