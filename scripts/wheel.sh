#!/bin/bash
# Makes the wheel of a build that is complete: wheel.sh [BUILD]. It needs no network. `make wheel` calls it.
#
# The wheel holds what links libraries of Debian 12 (docs/python_api.md lists them); its tag says linux, not manylinux.
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
python=${PYTHON:-/usr/bin/python3}
version=$(sed -n 's/^project(midstream VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")
tree=$build/wheel/tree
info=$tree/midstream-$version.dist-info

rm -rf "$tree"
mkdir -p "$info"
cmake --install "$build" --component wheel --prefix "$tree" >/dev/null
cp "$source/LICENSE" "$info/LICENSE"
cat >"$info/METADATA" <<END
Metadata-Version: 2.1
Name: midstream
Version: $version
Summary: Runs trained models and takes new weights while it serves
Requires-Python: >=3.11
Requires-Dist: numpy
END
cat >"$info/WHEEL" <<END
Wheel-Version: 1.0
Generator: scripts/wheel.sh
Root-Is-Purelib: false
Tag: cp311-abi3-linux_$(uname -m)
END
cat >"$info/entry_points.txt" <<END
[console_scripts]
midstream = midstream._command:main
END
rm -f "$build"/wheel/*.whl
"$python" -m wheel pack "$tree" --dest-dir "$build/wheel" >/dev/null
ls "$build"/wheel/*.whl
