#!/bin/bash
# Installs the Debian 12 packages that Midstream is built and tested with, if any is missing.
#   install_deps.sh           build and test
#   install_deps.sh --tidy    also clang-format and clang-tidy
#   install_deps.sh --fuzz    also Clang's sanitizers and libFuzzer
#   install_deps.sh --browser also Chromium, in which tests open the HTML report of `midstream compare`
# Nothing is downloaded when everything is there; the check takes a few milliseconds.
set -euo pipefail

packages=(
  # Tools. clang checks that the plugin header is clean for a second compiler.
  g++ clang make cmake ninja-build git ccache pkg-config binutils
  # The core: plugin loading, TOML (as a shared library), checkpoint tables, npz files, Orbax checkpoints, text, SHA-256,
  # the JSON of safetensors files and of the command, tensors of other frameworks, the prompts of robot policies.
  libltdl-dev libtomlplusplus-dev libsnappy-dev libzip-dev zlib1g-dev libzstd-dev libfmt-dev libssl-dev nlohmann-json3-dev libdlpack-dev
  libsentencepiece-dev libunistring-dev
  # The command.
  libcli11-dev
  # cpu_blas opens OpenBLAS at run time, so only its library is needed.
  libopenblas0-pthread
  # opencl: headers, the loader, and a driver for the CPU. oclgrind checks its kernels in tests.
  ocl-icd-opencl-dev opencl-c-headers pocl-opencl-icd oclgrind
  # python: headers to build, the library to run, and what most models import.
  python3-dev python3-numpy
  # The wheel, and a fresh environment to try it in.
  python3-wheel python3-venv
  # Tests and benches. libleveldb-dev writes the tables that tests read.
  libgtest-dev libgmock-dev libbenchmark-dev libleveldb-dev
)
if [[ "${1:-}" == "--tidy" ]]; then
  packages+=(clang-format clang-tidy)
elif [[ "${1:-}" == "--fuzz" ]]; then
  packages+=(libclang-rt-dev)
elif [[ "${1:-}" == "--browser" ]]; then
  packages+=(chromium)
fi

installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -q "^ii  ${package}\$" <<<"$installed" || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

echo "Installing from Debian: ${missing[*]}"
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -q -y --no-install-recommends "${missing[@]}"
