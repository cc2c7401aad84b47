/*
 * acs_stop.c - the end of the system, in order.
 *
 * Servers are ended in the reverse order of the manifest, so that those above are gone before what they use. A server that has
 * something to save watches the name ACS_STOP_NAME: it is told, and has a few seconds to save and end itself. The others have
 * nothing that outlives the system and are simply ended.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "acs.h"

#include <mach.h>
#include <mach_host.h>
#include <mach_i386.h>
#include <mach/thread_switch.h>
#include <string.h>

#define SAVE_TIME_NS	5000000000ull
#define END_TIME_NS	1000000000ull

/* QEMU's -M pc: the ACPI PM1a control register; 0x2000 is "sleep type 0, sleep enable": off. */
#define ACPI_PM1A_CNT	0x604
#define ACPI_POWER_OFF	0x2000

#define HOST_REBOOT	0
#define HOST_HALT	8	/* RB_HALT */

bool acs_stopping;

static void
power_off(void)
{
	mach_port_t ports;

	if (i386_io_perm_create(acs_device_master, ACPI_PM1A_CNT, ACPI_PM1A_CNT + 1, &ports) == KERN_SUCCESS &&
	    i386_io_perm_modify(mx_task, ports, TRUE) == KERN_SUCCESS)
		__asm__ volatile("outw %0, %1" : : "a"((uint16_t)ACPI_POWER_OFF), "d"((uint16_t)ACPI_PM1A_CNT));
}

void
acs_power_now(enum acs_end end)
{
	if (end == ACS_HALT) {
		power_off();
		(void)thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, 1000);	/* QEMU takes a moment */
		(void)host_reboot(acs_host_priv, HOST_HALT);	/* another machine than QEMU's */
	}
	(void)host_reboot(acs_host_priv, HOST_REBOOT);
	for (;;)
		(void)thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, 1000);
}

static void
server_end(struct acs_server *sv)
{
	uint32_t id = sv->sv_id;

	if (!acs_server_alive(sv))
		return;
	if (acs_watch_stop(id)) {
		if (acs_death_wait(sv, id, SAVE_TIME_NS))
			return;
		mx_log(MX_LOG_WARNING, "%s did not end in time", sv->sv_spec.sp_name);
	}
	acs_task_end(sv->sv_task);
	(void)acs_death_wait(sv, id, END_TIME_NS);	/* the others are ended all the same */
}

static void
stop_all(void *arg)
{
	enum acs_end end = (enum acs_end)(uintptr_t)arg;

	for (int i = ACS_SERVERS_MAX - 1; i >= 0; i--)
		server_end(&acs_servers[i]);
	mach_print(end == ACS_HALT ? "acs: all servers ended, power off\n" : "acs: all servers ended, reboot\n");
	acs_power_now(end);
}

void
acs_stop(enum acs_end end, const char *why)
{
	if (acs_stopping)
		return;
	acs_stopping = true;
	mx_log(MX_LOG_WARNING, "%s: end all servers, then %s", why, end == ACS_HALT ? "power off" : "reboot");
	mx_cond_broadcast(&acs_changed);
	if (mx_fibril_start(stop_all, (void *)(uintptr_t)end, "stop") != KERN_SUCCESS)
		acs_power_now(end);
}
