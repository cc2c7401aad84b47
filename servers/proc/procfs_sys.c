/*
 * procfs_sys.c - /proc/sys: what sysctl shows, and the two names that can be set.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <string.h>
#include "procfs.h"

#define NAME_SIZE	64

static kern_return_t
line(struct pfs_text *text, const char *s)
{
	pfs_text_printf(text, "%s\n", s);
	return KERN_SUCCESS;
}

static kern_return_t
number(struct pfs_text *text, uint32_t n)
{
	pfs_text_printf(text, "%u\n", (unsigned int)n);
	return KERN_SUCCESS;
}

/* ---- kernel ---- */

static kern_return_t
text_ostype(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return line(text, "Linux");
}

static kern_return_t
text_osrelease(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return line(text, proc_sys()->sy_release);
}

static kern_return_t
text_version(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return line(text, proc_sys()->sy_osversion);
}

static kern_return_t
text_hostname(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return line(text, proc_sys()->sy_nodename);
}

static kern_return_t
text_domainname(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return line(text, proc_sys()->sy_domain);
}

/* A name in DATA: up to the end or a newline. Errors: MX_EINVAL too long */
static kern_return_t
name_write(uint32_t uid, const char *data, size_t size, void (*set)(const char *, size_t))
{
	const char *end = memchr(data, '\n', size);

	if (uid != 0)
		return MX_EPERM;
	if (end != NULL)
		size = (size_t)(end - data);
	if (size > NAME_SIZE)
		return MX_EINVAL;
	set(data, size);
	return KERN_SUCCESS;
}

static kern_return_t
write_hostname(struct proc *p, uint32_t uid, const char *data, size_t size)
{
	(void)p;
	return name_write(uid, data, size, proc_sys_set_nodename);
}

static kern_return_t
write_domainname(struct proc *p, uint32_t uid, const char *data, size_t size)
{
	(void)p;
	return name_write(uid, data, size, proc_sys_set_domain);
}

static kern_return_t
text_pid_max(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return number(text, PROC_PID_MAX);
}

static kern_return_t
text_threads_max(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return number(text, MX_PROC_SLOTS);
}

static kern_return_t
text_ngroups_max(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return number(text, PROC_GROUPS_MAX);
}

/* There are no capabilities beside root's; the number is the last one that Linux 6.1 has a name for. */
static kern_return_t
text_cap_last_cap(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return number(text, 40);
}

/* ---- kernel/random ---- */

static kern_return_t
uuid_print(struct pfs_text *text, const uint8_t b[16])
{
	pfs_text_printf(text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", b[0], b[1], b[2], b[3],
		b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return KERN_SUCCESS;
}

/* A random UUID. Source: RFC 4122, section 4.4 */
static void
uuid_make(uint8_t b[16])
{
	proc_random(b, 16);
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
}

static kern_return_t
text_uuid(struct proc *p, int32_t n, struct pfs_text *text)
{
	uint8_t b[16];

	(void)p, (void)n;
	uuid_make(b);
	return uuid_print(text, b);
}

static kern_return_t
text_boot_id(struct proc *p, int32_t n, struct pfs_text *text)
{
	static uint8_t b[16];

	(void)p, (void)n;
	if (b[6] == 0)
		uuid_make(b);
	return uuid_print(text, b);
}

static kern_return_t
text_entropy(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return number(text, 256);		/* bits of proc's generator, whose size this is too */
}

/* ---- vm, fs ---- */

static kern_return_t
text_overcommit(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return number(text, 1);			/* memory is always promised, never counted */
}

static kern_return_t
text_max_map_count(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return number(text, 65530);
}

static kern_return_t
text_file_max(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return number(text, MX_PROC_SLOTS * 1024);	/* only each process's descriptors are limited */
}

static kern_return_t
text_nr_open(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return number(text, 4096);
}

static kern_return_t
text_pipe_max_size(struct proc *p, int32_t n, struct pfs_text *text)
{
	(void)p, (void)n;
	return number(text, 65536);
}

static struct pf_entry random_entries[] = {
	{ .e_name = "boot_id", .e_mode = PF_FILE | 0444, .e_text = text_boot_id },
	{ .e_name = "entropy_avail", .e_mode = PF_FILE | 0444, .e_text = text_entropy },
	{ .e_name = "poolsize", .e_mode = PF_FILE | 0444, .e_text = text_entropy },
	{ .e_name = "uuid", .e_mode = PF_FILE | 0444, .e_text = text_uuid },
	{ .e_name = NULL }
};

static struct pf_entry kernel_entries[] = {
	{ .e_name = "cap_last_cap", .e_mode = PF_FILE | 0444, .e_text = text_cap_last_cap },
	{ .e_name = "domainname", .e_mode = PF_FILE | 0644, .e_text = text_domainname, .e_write = write_domainname },
	{ .e_name = "hostname", .e_mode = PF_FILE | 0644, .e_text = text_hostname, .e_write = write_hostname },
	{ .e_name = "ngroups_max", .e_mode = PF_FILE | 0444, .e_text = text_ngroups_max },
	{ .e_name = "osrelease", .e_mode = PF_FILE | 0444, .e_text = text_osrelease },
	{ .e_name = "ostype", .e_mode = PF_FILE | 0444, .e_text = text_ostype },
	{ .e_name = "pid_max", .e_mode = PF_FILE | 0444, .e_text = text_pid_max },
	{ .e_name = "random", .e_mode = PF_DIR, .e_entries = random_entries },
	{ .e_name = "threads-max", .e_mode = PF_FILE | 0444, .e_text = text_threads_max },
	{ .e_name = "version", .e_mode = PF_FILE | 0444, .e_text = text_version },
	{ .e_name = NULL }
};

static struct pf_entry vm_entries[] = {
	{ .e_name = "max_map_count", .e_mode = PF_FILE | 0444, .e_text = text_max_map_count },
	{ .e_name = "overcommit_memory", .e_mode = PF_FILE | 0444, .e_text = text_overcommit },
	{ .e_name = NULL }
};

static struct pf_entry fs_entries[] = {
	{ .e_name = "file-max", .e_mode = PF_FILE | 0444, .e_text = text_file_max },
	{ .e_name = "nr_open", .e_mode = PF_FILE | 0444, .e_text = text_nr_open },
	{ .e_name = "pipe-max-size", .e_mode = PF_FILE | 0444, .e_text = text_pipe_max_size },
	{ .e_name = NULL }
};

struct pf_entry pf_sys_entries[] = {
	{ .e_name = "fs", .e_mode = PF_DIR, .e_entries = fs_entries },
	{ .e_name = "kernel", .e_mode = PF_DIR, .e_entries = kernel_entries },
	{ .e_name = "vm", .e_mode = PF_DIR, .e_entries = vm_entries },
	{ .e_name = NULL }
};
