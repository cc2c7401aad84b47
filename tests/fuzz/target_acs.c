/*
 * target_acs.c - ACS: hostile servers with their bootstrap ports, processes, and its control device.
 *
 * Servers are the smallest programs there are; they never run, but die again and again.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include <masix/io.h>
#include "client.h"
#include "message.h"
#include "../../acs/acs.h"

extern boolean_t io_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t dev_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t mx_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t acs_server(mach_msg_header_t *in, mach_msg_header_t *out);

const char *const fuzz_words[] = {
	"one", "two", "three", "name.one", "name.two", "name.", "pub", "host", "lookup", "bootfs", "masix", "acs.conf", "servers", "bin",
	"list", "names", "stats", "log", "remove one", "restart two", "kill two", "forget one", "add four", "--class", "--restarts",
	"acs.shutdown", "mode", "", NULL,
};
const uint32_t fuzz_numbers[] = { 0, 1, 2, 3, 4, MX_MAJOR_ACS, 2400, 1000000 };
const unsigned int fuzz_nnumbers = sizeof(fuzz_numbers) / sizeof(fuzz_numbers[0]);

static const struct fuzz_subsystem subsystems[] = {
	{ "acs", acs_server }, { "io", io_server }, { "dev", dev_server }, { "mx", mx_server }, { NULL, NULL },
};

/* ---- The boot archive ---- */

static const char manifest[] =
	"server one\n\timage /bin/x\n\tclass restart\n\trestarts 1000\n\tregisters name.one pub\n\tpublic pub\n"
	"\tuses name.*\n\trights host lookup\n"
	"server two\n\timage /bin/x\n\tclass restart\n\trestarts 1000\n\tregisters name.two\n\tuses name.one\n"
	"\trights bootfs\n"
	"server three\n\timage /bin/x\n\tclass once\n";

/* One segment of code, one of data. */
static const uint32_t image[] = {
	0x464c457f, 0x00010101, 0, 0, 0x00030002, 1, 0x08048000, 52, 0, 0, 0x00200034, 0x00280002, 0,
	1, 0, 0x08048000, 0x08048000, 116, 116, 5, 4096,
	1, 0, 0x08050000, 0x08050000, 116, 8192, 6, 4096,
};

static char space[16384] __attribute__((aligned(4096)));
static size_t used;

static void
member(const char *name, uint32_t mode, const void *data, size_t size)
{
	size_t len = strlen(name) + 1;

	used += (size_t)sprintf(space + used, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, mode, 0, 0, 1, 0,
		(unsigned int)size, 0, 0, 0, 0, (unsigned int)len, 0);
	memcpy(space + used, name, len);
	used = (used + len + 3) & ~(size_t)3;
	memcpy(space + used, data, size);
	used = (used + size + 3) & ~(size_t)3;
}

static const void *
archive(size_t *bytes)
{
	if (used == 0) {
		member("masix/acs.conf", MX_S_IFREG | 0644, manifest, sizeof(manifest) - 1);
		member("bin/x", MX_S_IFREG | 0755, image, sizeof(image));
		member("TRAILER!!!", 0, "", 0);
	}
	*bytes = used;
	return space;
}

/* ---- As main.c does ---- */

static kern_return_t
fresh(int argc, char **argv)
{
	static struct acs_manifest m;
	struct acs_error err;
	char words[3][12], *arguments[3] = { words[0], words[1], words[2] };
	int i;

	(void)argc;
	(void)argv;
	mx_acs = MACH_PORT_NULL;
	for (i = 0; i < 3; i++)
		sprintf(words[i], "%u", sim_give_send(client_kernel_port(i == 2)));
	if (acs_boot_take(3, arguments) != KERN_SUCCESS)
		return KERN_FAILURE;
	acs_log_setup();
	if (!acs_manifest_parse(&m, "acs.conf", manifest, sizeof(manifest) - 1, &err))
		sim_fail("%s", err.er_text);
	acs_groups_set(&m.ma_groups);
	if (acs_task_setup() != KERN_SUCCESS || acs_crash_setup() != KERN_SUCCESS || acs_control_setup() != KERN_SUCCESS)
		return KERN_FAILURE;
	acs_life_start_all(&m);
	return KERN_SUCCESS;
}

static const struct mx_server server = { "acs", fresh, NULL };

const struct fuzz_target fuzz_target = {
	.ta_server = &server, .ta_subsystems = subsystems, .ta_archive = archive, .ta_is_acs = true,
	.ta_immortal = 1,			/* the archive */
};
