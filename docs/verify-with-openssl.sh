#!/bin/sh
# Checks one entry of a log, and the log's signature over it, with openssl and coreutils alone.
#
#   docs/verify-with-openssl.sh PROOF VKEY
#
# PROOF is a tlog-proof file (`postern audit prove` writes them), VKEY the log's verifier key, which you were
# given by another way than the file. Nothing of Postern is needed; docs/log-format.md has the formats.
# It prints the entry and exits with 0 where the key's owner signed a tree that holds it; with 1 where not.
set -eu
export LC_ALL=C

fail() {
    echo "does not hold: $*" >&2
    exit 1
}

[ $# -eq 2 ] || { echo "usage: $0 PROOF VKEY" >&2; exit 2; }
proof=$1 vkey=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# 1. The key: <name>+<id>+<base64 of a byte 01, for Ed25519, and the 32 bytes of the key>.
name=${vkey%%+*} rest=${vkey#*+}
id=${rest%%+*} material=${rest#*+}
printf %s "$material" | base64 -d >"$work/material" || fail "the key is not base64"
[ "$(od -An -tx1 -N1 "$work/material")" = " 01" ] && [ "$(wc -c <"$work/material")" -eq 33 ] || fail "not an Ed25519 key"
# An Ed25519 key as openssl reads it: twelve fixed bytes (RFC 8410), and the key.
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000' && tail -c 32 "$work/material"; } >"$work/public"

# 2. The proof: lines up to the first empty one, then the checkpoint. Its text ends at the next empty line.
first_empty=$(grep -n '^$' "$proof" | head -n 1 | cut -d: -f1)
[ -n "$first_empty" ] || fail "no checkpoint in the proof"
head -n $((first_empty - 1)) "$proof" >"$work/head"
tail -n +$((first_empty + 1)) "$proof" >"$work/note"
head -n 3 "$work/note" >"$work/text"
[ -z "$(sed -n 4p "$work/note")" ] || fail "the checkpoint has more than three lines"
[ "$(sed -n 1p "$work/head")" = "c2sp.org/tlog-proof@v1" ] || fail "not a proof file"
extra=$(sed -n 2p "$work/head") index=$(sed -n 3p "$work/head")
case $extra in "extra "*) ;; *) fail "the proof does not hold its entry" ;; esac
case $index in "index "*) index=${index#index } ;; *) fail "no index" ;; esac
printf %s "${extra#extra }" | base64 -d >"$work/entry" || fail "the entry is not base64"

# 3. The checkpoint is of the log that the key is named after. Numbers are digits without zeros before them.
[ "$(sed -n 1p "$work/text")" = "$name" ] || fail "the checkpoint is of another log"
size=$(sed -n 2p "$work/text")
for number in "$index" "$size"; do
    case $number in "" | *[!0-9]* | 0?*) fail "not a number: $number" ;; esac
done
[ "$index" -lt "$size" ] || fail "a tree of $size entries has no entry $index"

# 4. The signature: a line of the key's name, whose first four bytes are the key's id. It is over the text.
signature=$(tail -n +5 "$work/note" | grep -F -- "$(printf '\342\200\224') $name " | while read -r _ _ encoded; do
    [ "$(printf %s "$encoded" | base64 -d | od -An -tx1 -N4 | tr -d ' \n')" = "$id" ] && echo "$encoded" && break
done) || true
[ -n "$signature" ] || fail "no signature of $name+$id"
printf %s "$signature" | base64 -d | tail -c +5 >"$work/signature"
openssl pkeyutl -verify -rawin -in "$work/text" -sigfile "$work/signature" \
    -pubin -keyform DER -inkey "$work/public" >/dev/null 2>&1 || fail "the signature"

# 5. The way from the entry to the root: SHA-256 over 00 and the entry, then over 01 and two hashes, level by level.
# At each level `node` is the place of what is known, `last` that of the last one there is (RFC 9162, 2.1.3.2).
{ printf '\000' && cat "$work/entry"; } | openssl dgst -sha256 -binary >"$work/known"
node=$index last=$((size - 1))
sed 1,3d "$work/head" >"$work/hashes"
while IFS= read -r line; do
    [ "$last" -gt 0 ] || fail "the proof has too many hashes"
    printf %s "$line" | base64 -d >"$work/sibling" && [ "$(wc -c <"$work/sibling")" -eq 32 ] || fail "a hash of the proof"
    if [ $((node % 2)) -eq 1 ] || [ "$node" -eq "$last" ]; then
        { printf '\001' && cat "$work/sibling" "$work/known"; } | openssl dgst -sha256 -binary >"$work/next"
        # At the right edge there are levels without a sibling.
        while [ $((node % 2)) -eq 0 ] && [ "$node" -gt 0 ]; do node=$((node / 2)) last=$((last / 2)); done
    else
        { printf '\001' && cat "$work/known" "$work/sibling"; } | openssl dgst -sha256 -binary >"$work/next"
    fi
    mv "$work/next" "$work/known"
    node=$((node / 2)) last=$((last / 2))
done <"$work/hashes"
[ "$last" -eq 0 ] || fail "the proof has too few hashes"
[ "$(base64 -w 0 "$work/known")" = "$(sed -n 3p "$work/text")" ] || fail "the entry is not in the signed tree"

cat "$work/entry"
echo
echo "holds: entry $index of $size in $name" >&2
