#!/bin/sh
# Registers, checks, compares and promotes a model version in CI, a step for each call:
#
#   sh ci/modelver.sh register NAME FILE ... [OPTION ...]   as `modelver register`
#   sh ci/modelver.sh report ALIAS         tell what changed since the alias's version
#   sh ci/modelver.sh check                verify it, and audit it
#   sh ci/modelver.sh gate ALIAS CONDITION ...      tell whether it may have the alias
#   sh ci/modelver.sh promote ALIAS CONDITION ...   ask again, and give it the alias
#
# A step that is run again changes nothing: the same files are the same version.
#
# Variables: MODELVER_REGISTRY (where the registry is), MODEL_MIN_GRADE (of the audit; B),
# MODEL_OUT (where what a step tells is written; modelver-ci), MODEL_REF (the version,
# where it was registered in another job).
set -eu

out=${MODEL_OUT:-modelver-ci}

fail() {
    echo "modelver.sh: $1" >&2
    exit 2
}

need() { # the version that was registered before
    if [ -z "${MODEL_REF:-}" ]; then
        [ -f "$out/ref.env" ] || fail "nothing is registered yet: run the register step first"
        MODEL_REF=$(sed -n 's/^MODEL_REF=//p' "$out/ref.env")
    fi
    MODEL_NAME=${MODEL_REF%@*}
}

holder() { # prints the version that has an alias; nothing, where none has it
    said=$(modelver aliases "$MODEL_NAME") || return
    printf '%s\n' "$said" | awk -F '\t' -v name="$MODEL_NAME@$1" '$1 == name { print $2 }'
}

run_url() { # where people see this run
    if [ -n "${GITHUB_RUN_ID:-}" ]; then
        echo "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"
    else
        echo "${CI_PIPELINE_URL:-${BUILD_URL:-CI}}"
    fi
}

register() {
    rm -f "$out"/*.env "$out"/*.md "$out"/*.txt "$out"/*.xml
    MODEL_REF=$(modelver register "$@" --require-clean)
    said=$(modelver get "$MODEL_REF")
    digest=$(printf '%s\n' "$said" | awk -F '\t' '$1 == "digest" { print $2 }')
    {
        echo "MODEL_REF=$MODEL_REF"
        echo "MODEL_VERSION=${MODEL_REF##*@}"
        echo "MODEL_DIGEST=$digest"
    } >"$out/ref.env"
    # OpenMetrics, as GitLab shows it: metrics, and those of slices with a label.
    printf '%s\n' "$said" | awk -F '\t' '
        index($1, "metrics.") == 1 {
            name = substr($1, 9)
            label = ""
            at = index(name, "@")
            if (at) {
                label = substr(name, at + 1)
                name = substr(name, 1, at - 1)
                gsub(/[\\"]/, "_", label)
                label = "{slice=\"" label "\"}"
            }
            gsub(/[^A-Za-z0-9_]/, "_", name)
            print "model_" name label " " $2
        }
        END { print "# EOF" }' >"$out/metrics.txt"
    if [ -n "${GITHUB_OUTPUT:-}" ]; then
        {
            echo "ref=$MODEL_REF"
            echo "version=${MODEL_REF##*@}"
            echo "digest=$digest"
        } >>"$GITHUB_OUTPUT"
    fi
    echo "$MODEL_REF"
}

into_report() { # adds what it reads to the report, and to GitHub's summary
    cat >"$out/said.txt"
    cat "$out/said.txt" >>"$out/report.md"
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
        cat "$out/said.txt" >>"$GITHUB_STEP_SUMMARY"
    fi
}

as_code() { # four spaces make it code: no name in it can be more than text there
    echo
    sed 's/^./    &/'
}

report() {
    rm -f "$out/report.md"
    base=$(holder "$1")
    if [ -z "$base" ]; then
        said="\`$MODEL_REF\` would be the first $1."
    elif [ "$base" = "$MODEL_REF" ]; then
        said="\`$MODEL_REF\` is $1 already."
    else
        said=$(modelver diff "$base" "$MODEL_REF" --format markdown)
    fi
    printf '%s\n' "$said" | into_report
    printf '%s\n' "$said"
}

check() {
    modelver verify "$MODEL_REF" --junit "$out/verify.xml"
    code=0
    said=$(modelver audit "$MODEL_REF" --min "${MODEL_MIN_GRADE:-B}" \
        --junit "$out/audit.xml") || code=$?
    printf '%s\n' "$said"
    printf '%s\n' "$said" | awk -F '\t' '$1 != "yes"' | as_code | into_report
    return "$code"
}

gate() {
    alias=$1
    shift
    code=0
    said=$(modelver gate "$MODEL_REF" "$@" --base "$MODEL_NAME@$alias" --no-base-yet \
        --junit "$out/gate.xml") || code=$?
    printf '%s\n' "$said"
    printf '%s\n' "$said" | as_code | into_report
    return "$code"
}

promote() {
    alias=$1
    shift
    for condition in "$@"; do
        set -- "$@" --gate "$condition"
        shift
    done
    modelver promote "$MODEL_REF" "$alias" --reason "$(run_url)" "$@"
}

[ $# -ge 1 ] || fail "which step? register, check, report, gate or promote"
step=$1
shift
mkdir -p "$out"
# The folder hides itself from Git, and so from what is registered as code.
printf '*\n' >"$out/.gitignore"
case $step in
register) register "$@" ;;
check)
    need
    check
    ;;
report | gate | promote)
    [ $# -ge 1 ] || fail "$step needs an alias"
    need
    "$step" "$@"
    ;;
*) fail "there is no step $step" ;;
esac
