/*
 * od_misc.c - mount options that are numbers; dates.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <masix/ondisk.h>

kern_return_t
od_option_number(const struct pfs_mount_args *args, const char *key, int base, uint32_t otherwise, uint32_t *out)
{
	char text[16], *end;

	*out = otherwise;
	if (!pfs_option_get(args, key, text, sizeof(text)))
		return KERN_SUCCESS;
	if (text[0] < '0' || text[0] > '9')
		return MX_EINVAL;
	*out = (uint32_t)strtoul(text, &end, base);
	return *end == '\0' ? KERN_SUCCESS : MX_EINVAL;
}

static int
clamp(int v, int least, int most)
{
	return v < least ? least : v > most ? most : v;
}

/* Days from 1970-01-01; years begin in March here, so that the odd day is the last one. */
static int64_t
days_from(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
	int doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return (int64_t)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int64_t
od_seconds(int year, int month, int day, int hour, int minute, int second)
{
	return days_from(year, clamp(month, 1, 12), clamp(day, 1, 31)) * 86400 + clamp(hour, 0, 23) * 3600 +
		clamp(minute, 0, 59) * 60 + clamp(second, 0, 60);
}

void
od_date(int64_t seconds, int date[6])
{
	int64_t days = seconds / 86400, rest = seconds % 86400, era;
	int doe, yoe, doy, mp;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = (int)(days - era * 146097);
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	date[2] = doy - (153 * mp + 2) / 5 + 1;
	date[1] = mp < 10 ? mp + 3 : mp - 9;
	date[0] = (int)(yoe + era * 400) + (date[1] <= 2);
	date[3] = (int)(rest / 3600);
	date[4] = (int)(rest / 60 % 60);
	date[5] = (int)(rest % 60);
}
