/*
 * acs_backoff.c - when to bring a server back.
 *
 * At once the first time, because most faults do not come back; then later and later, because some do, and a server that
 * dies as fast as it is started takes the machine from everybody else. Who did its work in between is back at once: a
 * driver that falls over a rare request now and then must not keep its clients waiting.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs_core.h"

bool
acs_backoff_next(struct acs_backoff *b, uint32_t restarts, uint64_t ran_ns, uint64_t *delay_ns)
{
	uint64_t delay = 0;

	if (ran_ns >= ACS_STABLE_NS)
		b->bo_deaths = 0;
	if (ran_ns >= ACS_WORKED_NS)
		b->bo_failures = 0;
	if (b->bo_failures >= restarts || b->bo_deaths / ACS_WORKED_MAX >= restarts)
		return false;
	for (uint32_t i = 0; i < b->bo_failures && delay < ACS_DELAY_MAX; i++)
		delay = delay == 0 ? ACS_DELAY_FIRST : 2 * delay;
	*delay_ns = delay < ACS_DELAY_MAX ? delay : ACS_DELAY_MAX;
	b->bo_failures++;
	b->bo_deaths++;
	return true;
}
