#!/usr/bin/env bash
# Requests generated from our OpenAPI, right and wrong ones, against the stack of this build after its demonstration:
# nothing may answer 5xx, nor with a status, media type or body that is not described. SECONDS_EACH: for how long each
# service is asked. SEED: what is generated; another one each time finds more. PROFILE: debug or release binaries.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${SECONDS_EACH:-60}
work=target/api
data=$work/data
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance

if [[ ! $work/.installed -nt tests/api/requirements.txt ]]; then
    python3 -m venv --clear $work/venv
    $work/venv/bin/pip install --quiet --no-deps --requirement tests/api/requirements.txt
    touch $work/.installed
fi

rm -rf $data
target/"${PROFILE:-debug}"/medtrace demo --ports 0 --data $data > $work/demo.log 2>&1 &
stack=$!
trap 'kill -INT $stack 2>/dev/null; wait $stack || true' EXIT
until grep -q 'medtrace audit' $work/demo.log; do   # the last line of what to try
    kill -0 $stack || { cat $work/demo.log >&2; exit 1; }
    sleep 1
done

# description, service in endpoints.json, whose token, what is left out (a stream has no end)
ask() {
    local url token
    url=$(python3 -c "import json, sys; print(json.load(open('$data/endpoints.json'))[sys.argv[1]])" "$2")
    token=$(cat "$data/tokens/$3.token")
    # In a folder of its own, where it keeps what it found.
    (cd $work && venv/bin/schemathesis run "../../schemas/openapi/$1.json" --seed "${SEED:-1}" --url "$url" -H "Authorization: Bearer $token" \
        --checks $checks --phases examples,coverage,fuzzing --max-time "$seconds" --continue-on-failure --no-color \
        --suppress-health-check all "${@:4}")
}

ask query query county-hospital --exclude-path /v1/live
ask ingest manufacturer huaxin
