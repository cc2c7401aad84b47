# tap.sh - for shell programs that print TAP; read it with ". $MASIX_TOP/tests/tap.sh".
#
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
#
#     wanted "name" && { commands; check "name" $?; }        tests are named before they run, so that MASIX_FILTER can choose
#     is "name" ACTUAL EXPECTED        skip "name" WHY        done_testing

tap_count=0

# Should the test NAME run?
wanted()
{
	case $1 in
	*"${MASIX_FILTER:-}"*) return 0 ;;
	esac
	return 1
}

check()	# NAME STATUS [DIAGNOSTIC]
{
	tap_count=$((tap_count + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $tap_count - $1"
	else
		echo "not ok $tap_count - $1"
		[ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/# /'
	fi
}

is()	# NAME ACTUAL EXPECTED
{
	if [ "$2" = "$3" ]; then
		check "$1" 0
	else
		check "$1" 1 "is:       $2
expected: $3"
	fi
}

skip()	# NAME WHY
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

done_testing()
{
	echo "1..$tap_count"
}
