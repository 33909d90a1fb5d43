#!/bin/sh
# Writes the assembly beside this folder.
set -eu
cd "$(dirname "$0")"
for isa in avx512 avx2 avxvnni amx cpu; do
	go run . -isa "$isa" -out "../${isa}_amd64.s" -stubs "../${isa}_amd64.go" -pkg native
done
go run ./neon -out ../neon_arm64.s -stubs ../neon_arm64.go
