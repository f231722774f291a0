#!/bin/bash
# to_file.sh COMMAND ... - runs it with its output in a file, and shows that afterwards: so that processes that it leaves
# behind keep no pipe open for which somebody waits.
set -euo pipefail
name=$OQ_TEST_TMP/output
status=0
"$@" </dev/null >"$name" 2>&1 || status=$?
cat "$name"
exit "$status"
