#!/bin/sh
# Installs Directus 11.1.0 from npm into a folder, with its native parts. Takes ten minutes.
set -eu
mkdir -p "${1:?usage: install.sh FOLDER}"
cd "$1"
[ -f package.json ] || npm init -y >/dev/null
npm install directus@11.1.0 --legacy-peer-deps
# npm 11 asks which packages may run their scripts; older ones have run them already.
npm install-scripts approve sqlite3 argon2 isolated-vm || true
npm rebuild sqlite3 argon2 isolated-vm
node_modules/.bin/directus --version
