#!/usr/bin/env bash
# Builds the Kubernetes API server of the part `kubernetes` below ${XDG_CACHE_HOME:-~/.cache}, once, and prints where it
# is. It needs Go 1.26; the sources come as Go modules, pinned by go.mod and go.sum. Five to ten minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/apiserver"
version=$(sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\)$|\1|p' go.mod)
into="${XDG_CACHE_HOME:-$HOME/.cache}/prokura-ci/kubernetes-$version"

of=$(cat main.go go.mod go.sum | sha256sum)
if [ ! -x "$into/apiserver" ] || [ "$(cat "$into/built-of" 2>/dev/null)" != "$of" ]; then
  command -v go >/dev/null || { echo "no Go here: the API server is built with Go 1.26" >&2; exit 1; }
  mkdir -p "$into"
  minor=${version#v1.}
  names=k8s.io/component-base/version
  GOTOOLCHAIN=local nice go build -trimpath -o "$into/apiserver.new" \
    -ldflags "-s -w -X $names.gitVersion=$version -X $names.gitMajor=1 -X $names.gitMinor=${minor%%.*}" . >&2
  mv "$into/apiserver.new" "$into/apiserver"
  echo "$of" > "$into/built-of"
fi
echo "$into/apiserver"
