#!/bin/sh
# Builds the controller's image and prints its size; more than 32 KiB of flash or
# 8 KiB of RAM, stack included, is an error. Usage: firmware/build.sh OUT.elf
# It takes the TinyGo of firmware/toolchain.sh, or the one on PATH; with neither
# it ends with code 3.
set -eu
out=$(realpath -m "${1:?usage: build.sh OUT.elf}")
cd "$(dirname "$0")/.."
tinygo=$PWD/.cache/tinygo/tinygo
if [ -x "$tinygo" ]; then
	export TINYGOROOT="$PWD/.cache/tinygo/root"
else
	tinygo=$(command -v tinygo) || { echo "build.sh: no tinygo (make firmware builds one)" >&2; exit 3; }
fi
mkdir -p "$(dirname "$out")"
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
# The heap is off: an allocation that is left fails the link.
size=$(GOFLAGS=-buildvcs=false "$tinygo" build -target=firmware/board/lm3s6965/target.json \
	-o "$new/controller.elf" -size short ./firmware/cmd/controller)
printf '%s\n' "$size" | awk 'END {
	flash = $1 + $2; ram = $2 + $3
	printf "controller.elf: flash_bytes=%d (of 32768) ram_bytes=%d (of 8192)\n", flash, ram
	if (flash > 32768 || ram > 8192) { print "controller.elf: too large" > "/dev/stderr"; exit 1 }
}'
mv "$new/controller.elf" "$out"
