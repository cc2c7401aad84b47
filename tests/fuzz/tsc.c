/*
 * tsc.c - the processor's time stamp counter runs with the played clock.
 *
 * Linux can make rdtsc a fault; the handler puts the played time into the registers, so that a server sees its two clocks agree
 * and a run is the same each time.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include "sim.h"

static struct sigaction others;

static void
fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	const unsigned char *at = (const unsigned char *)uc->uc_mcontext.gregs[REG_EIP];
	uint64_t ticks;

	if (info->si_code == SI_KERNEL && at[0] == 0x0f && at[1] == 0x31) {
		sim_now += 100;
		ticks = 2 * sim_now;
		uc->uc_mcontext.gregs[REG_EAX] = (greg_t)ticks;
		uc->uc_mcontext.gregs[REG_EDX] = (greg_t)(ticks >> 32);
		uc->uc_mcontext.gregs[REG_EIP] += 2;
		return;
	}
	(void)sigaction(sig, &others, NULL);	/* the sanitizer's: comes again, and is told there */
}

void
sim_tsc_start(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = fault;
	sa.sa_flags = SA_SIGINFO | SA_NODEFER;
	(void)sigaction(SIGSEGV, &sa, &others);
	(void)prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
}
