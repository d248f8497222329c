#!/usr/bin/env bash
# Builds the Kubernetes API server of the suite `kubernetes` into a folder below XDG_CACHE_HOME, keyed by its version,
# and prints where it is. Once: ten minutes on two cores; afterwards nothing. Go is fetched if the machine has none that
# is new enough.
set -euo pipefail
cd "$(dirname "$0")/apiserver"
version=$(sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\)$|\1|p' go.mod)
go_version=1.26.8
cache="${XDG_CACHE_HOME:-$HOME/.cache}/prokura-ci"
binary="$cache/kubernetes-$version/apiserver"

# The same Go for everybody: one that is too old cannot build it, one that is newer builds something else.
go_or_fetch() {
  local new='1.26'
  if command -v go >/dev/null && [ "$(printf '%s\n%s\n' "$new" "$(go env GOVERSION | tr -d go)" | sort -V | head -n 1)" = "$new" ]; then
    echo go
    return
  fi
  local own="$cache/go-$go_version" cpu
  if [ ! -x "$own/go/bin/go" ]; then
    cpu=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
    mkdir -p "$own"
    curl -fsSL "https://go.dev/dl/go$go_version.linux-$cpu.tar.gz" | tar -xz -C "$own"
  fi
  echo "$own/go/bin/go"
}

if [ ! -x "$binary" ] || [ "$binary" -ot main.go ]; then
  mkdir -p "${binary%/*}"
  minor=${version#v1.}
  of=k8s.io/component-base/version
  GOTOOLCHAIN=local nice "$(go_or_fetch)" build -trimpath -o "$binary.new" \
    -ldflags "-s -w -X $of.gitVersion=$version -X $of.gitMajor=1 -X $of.gitMinor=${minor%%.*}" . >&2
  touch "$binary.new"
  mv "$binary.new" "$binary"
fi
echo "$binary"
