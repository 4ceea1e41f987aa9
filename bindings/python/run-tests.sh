#!/usr/bin/env bash
# Tests of the Python package against the built library, its types, and what all bindings know of the C interface.
set -euo pipefail
cd "$(dirname "$0")/../.."
library=${TWINPOOL_LIBRARY:-$PWD/target/debug/libtwinpool.so}
# Another interpreter than the one that setup.sh made ready may have no pytest.
python=python3
"$python" -c 'import pytest' 2>/dev/null || python=/usr/bin/python3
"$python" scripts/bindings.py --verify "$library"
mypy=$PWD/target/tools/python/bin/mypy
[ -x "$mypy" ] || { echo "mypy is missing: scripts/setup.sh test" >&2; exit 1; }
cd bindings/python
# 3.9: also what a newer Python has and an older one has not is an error.
"$mypy" --strict --python-version 3.9 --cache-dir ../../target/tools/mypy-cache twinpool
export TWINPOOL_LIBRARY=$library PYTHONPATH=$PWD PYTHONDONTWRITEBYTECODE=1
"$python" -m pytest -q -p no:cacheprovider -o console_output_style=classic tests | sed 's/^\([0-9]* \(passed\|failed\).*in [0-9.]*s.*\)$/== \1 ==/'
