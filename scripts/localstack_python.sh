#!/usr/bin/env bash
# Prints a Python 3.13 or 3.12 that runs: LocalStack's program needs 3.12 or later, Postern itself does not.
# POSTERN_LOCALSTACK_PYTHON names one; else pyenv's, since its shims answer for the chosen version only; else PATH's.
set -u

is_one() {
    [ -n "$1" ] && "$1" -c 'import sys, venv; sys.exit(sys.version_info[:2] not in {(3, 12), (3, 13)})' 2>/dev/null
}

candidates=("${POSTERN_LOCALSTACK_PYTHON:-}")
for version in 3.13 3.12; do
    if command -v pyenv >/dev/null 2>&1 && prefix=$(pyenv prefix "$version" 2>/dev/null); then
        candidates+=("$prefix/bin/python")
    fi
    candidates+=("$(command -v "python$version" 2>/dev/null)")
done
candidates+=("$(command -v python3 2>/dev/null)")

for candidate in "${candidates[@]}"; do
    if is_one "$candidate"; then
        echo "$candidate"
        exit 0
    fi
done
echo "contract-localstack: expected Python 3.13 or 3.12, got none that runs: install one (pyenv install 3.13)," >&2
echo "or name it: make contract-localstack POSTERN_LOCALSTACK_PYTHON=/path/to/python3.13" >&2
exit 3
