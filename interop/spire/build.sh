#!/usr/bin/env bash
# Builds the real SPIRE server and agent for the part `spire`, below ${XDG_CACHE_HOME:-~/.cache}, once.
#
#   ./build.sh        prints the folder that holds spire-server and spire-agent; needs Go 1.26.6 or newer and a C compiler
#
# The sources come as Go modules, pinned by go.mod and go.sum. Of SPIRE's plugins only those are compiled in that a test
# on one machine can use: the SDKs of the clouds would be most of the build, and a module that one of them needs (ejbca)
# cannot be had from the module proxy. They are left out of the lists of built-in plugins; nothing else is changed.
set -euo pipefail
cd "$(dirname "$0")"

version=$(sed -n 's|^require github.com/spiffe/spire v\([0-9.]*\)$|\1|p' go.mod)
into="${XDG_CACHE_HOME:-$HOME/.cache}/prokura-ci/spire-$version"
kept='jointoken|x509pop|disk|memory|uniqueid|unix'

if [ ! -x "$into/spire-server" ] || [ ! -x "$into/spire-agent" ]; then
  command -v go >/dev/null || { echo "no Go here: SPIRE is built with Go 1.26.6 or newer" >&2; exit 1; }
  rm -rf "$into" && mkdir -p "$into"
  # This checks the sources against go.sum.
  GOFLAGS=-mod=mod go mod download github.com/spiffe/spire
  cp -r "$(go list -m -f '{{.Dir}}' github.com/spiffe/spire)" "$into/source"
  chmod -R u+w "$into/source"
  for file in "$into"/source/pkg/{server,agent}/catalog/*.go; do
    # An import of a plugin, or its entry in a list, that is not one of those kept.
    awk -v kept="^($kept)\$" '
      match($0, /"github.com\/spiffe\/spire\/pkg\/(server|agent)\/plugin\/[a-z]+\/[a-z0-9]+"/) {
        name = substr($0, RSTART, RLENGTH - 1); sub(/.*\//, "", name); if (name !~ kept) next }
      match($0, /^[ \t]*[a-z0-9]+\.BuiltIn\(\),$/) {
        name = $0; gsub(/[ \t]|\.BuiltIn.*/, "", name); if (name !~ kept) next }
      { print }' "$file" > "$into/filtered"
    cat "$into/filtered" > "$file"
  done
  cd "$into/source"
  for program in spire-server spire-agent; do
    nice go build -trimpath -ldflags "-s -w" -o "$into/$program" "./cmd/$program"
  done
  rm -rf "$into/source" "$into/filtered"
fi
echo "$into"
