#!/usr/bin/env bash
# A device and a manager's program written by somebody else, over REST: curl, sed and the JSON
# printer of Python, nothing of the suite. Ends with a message and code 1 when anything differs
# from what the contract promises.
#
# Environment: MANYI_ADDRESS, MANYI_ORGANISATION, MANYI_LOGIN, MANYI_PASSWORD, MANYI_BRANCH,
# MANYI_WINDOW, MANYI_STAFF_NUMBER.
set -euo pipefail

work=$(mktemp -d)
watching=
finish() {
    [[ -z $watching ]] || kill "$watching" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

die() { printf 'client.sh: %s\n' "$*" >&2; exit 1; }

# call WHAT CURL_ARGUMENTS...: prints the answer, one member a line. Numbers of 64 bits are
# strings in this API, so what a member is can be read off its line.
call() {
    local what=$1 answer
    shift
    answer=$(curl --noproxy '*' -sS --fail-with-body --max-time 30 "$@") ||
        die "$what failed: $answer"
    python3 -m json.tool <<<"$answer" || die "$what: no JSON: $answer"
}

# post WHAT PATH TOKEN BODY
post() {
    call "$1" "$MANYI_ADDRESS$2" -H "Authorization: Bearer $3" \
        -H 'Content-Type: application/json' -d "$4"
}

# The first member of this name, wherever it stands; empty when there is none.
member() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | sed -n 1p; }

# The members of the object of this name at the top.
object() { sed -n "/^    \"$1\": {/,/^    }/p" | sed -n 's/^        "/"/p'; }

equal() { [[ $2 == "$3" ]] || die "$1: '$2' instead of '$3'"; }

uuid() { cat /proc/sys/kernel/random/uuid; }

# token FIELDS...: an access token, by the form of RFC 6749.
token() {
    local fields=() field
    for field in "$@"; do fields+=(--data-urlencode "$field"); done
    call "a token" "$MANYI_ADDRESS/v1/token" "${fields[@]}" | member access_token
}

# Reports a whole service at the window and prints the encounter's name.
serve() {
    local id events="" kind
    id=$(uuid)
    for kind in CALLED STARTED FINISHED PROMPTED SHOWN; do
        events+=",{\"encounterId\":\"$id\",\"kind\":\"ENCOUNTER_EVENT_KIND_$kind\"}"
    done
    post "a service" /v1/encounters:batchWrite "$device_token" "{\"events\":[${events#,}]}" |
        member encounter
}

# press ENCOUNTER SEQUENCE GRADE: a batch of one rating.
press() {
    printf '{"ratings":[{"ratingId":"%s","epoch":"1","sequence":"%s","grade":%s,' \
        "$(uuid)" "$2" "$3"
    printf '"encounter":"%s","deviceTime":"%s","responseMs":2500}]}' \
        "$1" "$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)"
}

# watch FILE CURL_ARGUMENTS...: opens the live figures of the branch in the background.
watch() {
    local file=$1
    shift
    curl --noproxy '*' -sS -N --max-time 60 --get "$MANYI_ADDRESS/v1/figures:watch" \
        --data-urlencode "unit=$MANYI_BRANCH" -H "Authorization: Bearer $owner" \
        -H 'Accept: text/event-stream' "$@" >"$file" 2>"$file.log" &
    watching=$!
}

unwatch() {
    kill "$watching" 2>/dev/null || true
    wait "$watching" 2>/dev/null || true
    watching=
}

# patiently WHAT COMMAND...: until the command succeeds, for 30 s at most.
patiently() {
    local what=$1 began=$SECONDS
    shift
    until "$@"; do
        if ((SECONDS - began > 30)); then
            cat "$work"/*.events "$work"/*.log >&2 2>/dev/null || true
            die "waited in vain for: $what"
        fi
        sleep 0.1
    done
}

# The n-th event of a file that has arrived whole: its data, one member a line.
event() {
    sed -n '/^data:/{s/^data: \{0,1\}//p}' "$1" | sed -n "$2p" |
        python3 -m json.tool 2>/dev/null
}
has_event() { event "$1" "$2" >/dev/null && [[ -n $(last_id "$1") ]]; }
last_id() { sed -n 's/^id: \{0,1\}//p' "$1" | tail -n 1; }

# The total of a file's last event says this many ratings.
shows() {
    local count
    count=$(grep -c '^data:' "$1") || return 1
    [[ $(event "$1" "$count" | object total | member n) == "$2" ]]
}

counted() {
    local yesterday tomorrow body
    yesterday=$(date -u -d '-1 day' +%F)
    tomorrow=$(date -u -d '+1 day' +%F)
    body="{\"unit\":\"$MANYI_BRANCH\",\"from\":\"$yesterday\",\"to\":\"$tomorrow\"}"
    figures=$(post "figures" /v1/figures:query "$owner" "$body")
    [[ $(object total <<<"$figures" | member n) == "$1" ]] &&
        [[ $(object total <<<"$figures" | member ratedEncounters) == "$1" ]]
}

enrol() {
    local device code enrolled client secret
    device="{\"displayName\":\"curl\",\"kind\":\"DEVICE_KIND_TABLET\",\"unit\":\"$MANYI_WINDOW\"}"
    device=$(post "a device" /v1/devices "$owner" "$device")
    code=$(member code <<<"$device")
    [[ -n $code ]] || die "no pairing code: $device"
    enrolled=$(call "enrolment" "$MANYI_ADDRESS/v1/devices:enroll" \
        -H 'Content-Type: application/json' -d "{\"pairingCode\":\"$code\"}")
    client=$(member clientId <<<"$enrolled")
    secret=$(member clientSecret <<<"$enrolled")
    device_token=$(token grant_type=client_credentials "client_id=$client" \
        "client_secret=$secret")
    [[ -n $device_token ]] || die "the device got no token"
    post "signing in" /v1/shifts:signIn "$device_token" \
        "{\"eventId\":\"$(uuid)\",\"staffNumber\":\"$MANYI_STAFF_NUMBER\"}" >/dev/null
}

rate_twice() {
    local batch first again
    batch=$(press "$(serve)" 1 5)
    first=$(post "a rating" /v1/ratings:batchCreate "$device_token" "$batch")
    equal "result" "$(member code <<<"$first")" 0
    equal "acknowledged" "$(member contiguousSequence <<<"$first")" 1
    equal "duplicate" "$(member duplicate <<<"$first")" false
    [[ -n $(member receipt <<<"$first") ]] || die "no receipt: $first"
    again=$(post "the same rating" /v1/ratings:batchCreate "$device_token" "$batch")
    equal "receipt" "$(member receipt <<<"$again")" "$(member receipt <<<"$first")"
    equal "duplicate of the replay" "$(member duplicate <<<"$again")" true
    equal "acknowledged again" "$(member contiguousSequence <<<"$again")" 1
}

watch_and_resume() {
    local id more
    watch "$work/first.events"
    patiently "the first live event" has_event "$work/first.events" 1
    equal "snapshot" "$(event "$work/first.events" 1 | member snapshot)" true
    patiently "the rating in the live figures" shows "$work/first.events" 1
    id=$(last_id "$work/first.events")
    unwatch

    watch "$work/second.events" -H "Last-Event-ID: $id"
    patiently "the stream to go on" has_event "$work/second.events" 1
    equal "snapshot after resuming" "$(event "$work/second.events" 1 | member snapshot)" false
    more=$(post "a second rating" /v1/ratings:batchCreate "$device_token" \
        "$(press "$(serve)" 2 4)")
    equal "second result" "$(member code <<<"$more")" 0
    patiently "the second rating in the live figures" shows "$work/second.events" 2
    unwatch
}

main() {
    owner=$(token grant_type=password "organisation=$MANYI_ORGANISATION" \
        "username=$MANYI_LOGIN" "password=$MANYI_PASSWORD")
    [[ -n $owner ]] || die "the owner got no token"
    enrol
    echo "enrolled"
    rate_twice
    echo "a rating and its replay are one"
    patiently "the rating to be counted" counted 1
    equal "satisfied" "$(sed -n '/^        "csat": {/,/}/p' <<<"$figures" | member numerator)" 1
    echo "the rating is counted"
    watch_and_resume
    echo "the live stream was read and resumed"
}

main
