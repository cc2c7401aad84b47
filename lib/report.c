/*
 * report.c - a page that says how much of everything this server has.
 *
 * It lies at the same address in every server, so that proc can read it with a call of the kernel: the server is not asked, which
 * would be a call upwards and would not work when the server hangs.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <masix/mach.h>
#include "impl.h"

#define CLASSES_MAX (sizeof(((struct mx_report *)0)->re_classes) / sizeof(struct mx_report_class))

static struct mx_report *report;		/* NULL: there is none */

void
mx_report_init(const char *name)
{
	vm_address_t at = MX_REPORT_ADDRESS;

	if (syscall_vm_allocate(mx_task, &at, 4096, FALSE) != KERN_SUCCESS)
		return;
	report = (struct mx_report *)at;
	strncpy(report->re_name, name, sizeof(report->re_name) - 1);
	report->re_magic = MX_REPORT_MAGIC;
}

struct mx_report_class *
mx_report_add(const char *name)
{
	struct mx_report_class *rc;

	if (report == NULL || report->re_nclasses == CLASSES_MAX)
		return NULL;
	rc = &report->re_classes[report->re_nclasses];
	strncpy(rc->rc_name, name, sizeof(rc->rc_name) - 1);
	report->re_nclasses++;
	return rc;
}
