#!/bin/sh
# Builds the TinyGo that builds the controller: the release named here, from the Go
# module proxy, against Debian's LLVM 19. Usage: firmware/toolchain.sh DIR
# It needs llvm-19-dev libclang-19-dev clang-19 lld-19 (make firmware installs them).
set -eu
version=v0.41.1
sum=h1:Hp1Frc4zQALL88t49XraSZEwkIYEjMOmmurlmsTigzE=
dst=${1:?usage: toolchain.sh DIR}

# Outside this module, whose go.mod has no business with a compiler.
empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
info=$(cd "$empty" && go mod download -json "github.com/tinygo-org/tinygo@$version")
field() { printf '%s\n' "$info" | sed -n "s/^\t\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p"; }
[ "$(field Sum)" = "$sum" ] || { echo "toolchain: tinygo $version has the sum $(field Sum), want $sum" >&2; exit 1; }

# Built beside its place and moved: a build that was cut leaves nothing half there.
new=$dst.new
rm -rf "$new" && mkdir -p "$new"
cp -r "$(field Dir)" "$new/root" && chmod -R u+w "$new/root"
mkdir -p "$new/root/src/net" # a submodule that the module zip leaves out; nothing of ours imports it
(cd "$new/root" && GOFLAGS=-buildvcs=false CGO_ENABLED=1 go build -p 2 -tags llvm19 -o ../tinygo .)
TINYGOROOT=$new/root "$new/tinygo" version
rm -rf "$dst" && mv "$new" "$dst"
