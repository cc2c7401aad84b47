/*
 * data.c - contents: read, write, mapping, truncation, pipes; and what they cost.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include <masix/abi.h>
#include <masix/mach.h>
#include <masix/ring.h>
#include <masix/server.h>
#include "io.h"
#include "mach.h"
#include "mx.h"
#include "test.h"
#include "vfs.h"

#define PAGE	4096u

/* Map LEN bytes of an open file from OFFSET on; NULL. */
static char *
map(mach_port_t io, uint32_t offset, size_t len, bool copy, bool writable, const volatile struct mx_inode **inode)
{
	mach_port_t memory, info;
	int32_t max;
	uint32_t info_offset;
	vm_address_t at = 0, in = 0;
	kern_return_t kr = io_map(io, &memory, &max, &info, &info_offset);

	if (kr != KERN_SUCCESS) {
		tap_print("# io_map: %#x\n", kr);
		return NULL;
	}
	kr = syscall_vm_map(mx_task, &at, len, 0, TRUE, memory, offset, copy,
		VM_PROT_READ | (writable ? VM_PROT_WRITE : 0), VM_PROT_READ | (writable ? VM_PROT_WRITE : 0), VM_INHERIT_NONE);
	if (kr == KERN_SUCCESS && inode != NULL) {
		kr = syscall_vm_map(mx_task, &in, PAGE, 0, TRUE, info, 0, FALSE, VM_PROT_READ, VM_PROT_READ, VM_INHERIT_NONE);
		*inode = (const volatile struct mx_inode *)(in + info_offset);
	}
	mx_port_release(memory);
	mx_port_release(info);
	if (kr != KERN_SUCCESS)
		tap_print("# vm_map: %#x\n", kr);
	return kr == KERN_SUCCESS ? (char *)at : NULL;
}

static void
unmap(void *p, size_t len)
{
	(void)syscall_vm_deallocate(mx_task, (vm_address_t)p, len);
}

static void
fill(char *buf, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = (char)((i + seed) * 2654435761u >> 13);
}

static bool
is_filled(const char *buf, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i] != (char)((i + seed) * 2654435761u >> 13))
			return false;
	return true;
}

static bool
is_zero(const char *buf, size_t len)
{
	while (len > 0 && *buf == 0) {
		buf++;
		len--;
	}
	return len == 0;
}

static void
test_readwrite(void)
{
	static char out[MX_DATA_MAX], in[MX_DATA_MAX];
	struct t_file f;

	tap_is(t_open(ctx_root, "/tmp/data", MX_O_RDWR | MX_O_CREAT, 0644, &f), KERN_SUCCESS, "a file for data");
	fill(out, 1000, 1);
	tap_is(t_write(f.io, 0, out, 1000), KERN_SUCCESS, "a little is written");
	tap_ok(t_read(f.io, 0, in, sizeof(in)) == 1000 && is_filled(in, 1000, 1), "and read");
	fill(out, sizeof(out), 2);
	tap_is(t_write(f.io, 10000, out, sizeof(out)), KERN_SUCCESS, "more, behind a hole");
	tap_ok(t_read(f.io, 10000, in, sizeof(in)) == sizeof(in) && is_filled(in, sizeof(in), 2), "and read");
	tap_ok(t_read(f.io, 1000, in, sizeof(in)) == sizeof(in) && is_zero(in, sizeof(in)), "the hole is zeros");
	tap_is(io_truncate(f.io, 10001), KERN_SUCCESS, "it is cut");
	tap_is(io_truncate(f.io, 20000), KERN_SUCCESS, "and made longer");
	tap_ok(t_read(f.io, 10000, in, 4096) == 4096 && in[0] == out[0] && is_zero(in + 1, 4095), "what was cut is zeros");
	tap_is(t_open(ctx_root, "/tmp/data", MX_O_RDWR | MX_O_TRUNC, 0, &f), KERN_SUCCESS, "opened with O_TRUNC");
	tap_ok(f.attr.at_size == 0, "it is empty");
	mx_port_release(f.io);
}

void
test_mapping(const char *path)
{
	static char in[MX_DATA_MAX], out[MX_DATA_MAX];
	const volatile struct mx_inode *inode = NULL;
	struct t_file f;
	char *p, *q;

	tap_is(t_open(ctx_root, path, MX_O_RDWR | MX_O_CREAT, 0644, &f), KERN_SUCCESS, "a file to be mapped");
	fill(out, sizeof(out), 3);
	(void)t_write(f.io, 0, out, sizeof(out));
	(void)t_write(f.io, 8192, out, 5000);
	p = map(f.io, 0, 16 * PAGE, false, true, &inode);
	tap_ok(p != NULL, "it is mapped");
	if (p == NULL)
		return;
	tap_ok(inode->in_attr.at_size == 13192, "its inode page tells the size");
	tap_ok(is_filled(p, 8192, 3) && is_filled(p + 8192, 5000, 3), "memory shows what was written");
	tap_ok(is_zero(p + 13192, 16384 - 13192), "and zeros behind the end");
	memcpy(p + 100, "hello", 5);
	tap_ok(t_read(f.io, 100, in, 5) == 5 && memcmp(in, "hello", 5) == 0, "read sees what memory wrote");
	tap_is(t_write(f.io, 4000, "world-across-pages", 18), KERN_SUCCESS, "write to what is mapped");
	tap_ok(memcmp(p + 4000, "world-across-pages", 18) == 0, "memory sees it");
	p[13300] = 'x';
	tap_is(t_write(f.io, 30000, "end", 3), KERN_SUCCESS, "grow a mapped file");
	tap_ok(inode->in_attr.at_size == 30003, "the inode page follows");
	tap_ok(p[13300] == 0, "what was scribbled behind the old end is gone");
	tap_ok(memcmp(p + 30000, "end", 3) == 0 && is_zero(p + 16384, 13000), "new pages appear, holes are zeros");
	p[20000] = 'y';
	tap_ok(t_read(f.io, 20000, in, 1) == 1 && in[0] == 'y', "a hole that memory filled is read");
	q = map(f.io, 0, 2 * PAGE, true, true, NULL);
	tap_ok(q != NULL && memcmp(q + 100, "hello", 5) == 0, "a private mapping");
	if (q != NULL) {
		q[100] = 'j';
		tap_ok(p[100] == 'h', "its changes stay private");
		unmap(q, 2 * PAGE);
	}
	tap_is(io_truncate(f.io, 5000), KERN_SUCCESS, "cut a mapped file");
	tap_is(io_truncate(f.io, 30000), KERN_SUCCESS, "and grow it");
	tap_ok(is_zero(p + 5000, 25000) && memcmp(p + 4000, "world-across-pages", 18) == 0, "memory shows zeros where it was cut");
	tap_is(vfs_unlink(ctx_root, 0, MACH_PORT_NULL, path, strlen(path), 0), KERN_SUCCESS, "remove it while it is mapped");
	mx_port_release(f.io);
	mx_sleep_ns(50000000);
	tap_ok(memcmp(p + 100, "hello", 5) == 0, "the mapping lives");
	unmap(p, 16 * PAGE);
}

static void
test_program(void)
{
	static char in[MX_DATA_MAX];
	struct t_file f;
	size_t size, at, n;
	bool same = true;
	char *p;

	tap_is(t_open(ctx_root, "/bin/busybox", MX_O_RDONLY, 0, &f), KERN_SUCCESS, "busybox opens");
	size = (size_t)f.attr.at_size;
	p = map(f.io, 0, (size + PAGE - 1) & ~(PAGE - 1), false, false, NULL);
	tap_ok(p != NULL, "it is mapped");
	for (at = 0; p != NULL && at < size; at += n) {
		n = size - at < sizeof(in) ? size - at : sizeof(in);
		same = same && t_read(f.io, (int64_t)at, in, n) == (int)n && memcmp(in, p + at, n) == 0;
	}
	tap_ok(same, "memory and read agree on all of its %u bytes", (unsigned int)size);
	if (p != NULL) {
		tap_ok(is_zero(p + size, -size & (PAGE - 1)), "zeros follow");
		unmap(p, (size + PAGE - 1) & ~(PAGE - 1));
	}
	mx_port_release(f.io);
}

static void
test_full(void)
{
	struct t_file f;
	char data[MX_DATA_MAX];
	kern_return_t kr = KERN_SUCCESS;
	int64_t at;

	tap_is(vfs_mount(ctx_root, 0, "/mnt", 4, "none", 4, "tmpfs", 5, 0, "size=256k", 9), KERN_SUCCESS, "a small volume");
	tap_is(t_open(ctx_root, "/mnt/big", MX_O_RDWR | MX_O_CREAT, 0644, &f), KERN_SUCCESS, "a file on it");
	memset(data, 'z', sizeof(data));
	for (at = 0; kr == KERN_SUCCESS && at < 1 << 20; at += sizeof(data))
		kr = t_write(f.io, at, data, sizeof(data));
	tap_ok(kr == MX_ENOSPC && at >= 250000 && at < 300000, "it is full where it should be (%u)", (unsigned int)at);
	tap_is(vfs_umount(ctx_root, 0, "/mnt", 4, 0), MX_EBUSY, "a volume in use stays");
	mx_port_release(f.io);
	mx_sleep_ns(50000000);
	tap_is(vfs_umount(ctx_root, 0, "/mnt", 4, 0), KERN_SUCCESS, "and goes when it is not");
}

void
test_data(void)
{
	test_readwrite();
	test_mapping("/tmp/map");
	test_program();
	test_full();
}

/* A pipe with its ring mapped; NULL. */
static struct mx_ring *
pipe_map(mach_port_t *reader, mach_port_t *writer, uint64_t *ino)
{
	mach_port_t memory;
	vm_address_t at = 0;
	kern_return_t kr = vfs_pipe(ctx_root, 0, reader, writer, &memory, ino);

	if (kr != KERN_SUCCESS)
		return NULL;
	kr = syscall_vm_map(mx_task, &at, MX_RING_SIZE, 0, TRUE, memory, 0, FALSE, VM_PROT_READ | VM_PROT_WRITE,
		VM_PROT_READ | VM_PROT_WRITE, VM_INHERIT_SHARE);
	mx_port_release(memory);
	return kr == KERN_SUCCESS ? (struct mx_ring *)at : NULL;
}

void
test_pipes(void)
{
	mach_port_t reader, writer;
	struct mx_ring *ring, *other;
	struct mx_attr attr;
	uint64_t ino;

	ring = pipe_map(&reader, &writer, &ino);
	tap_ok(ring != NULL, "a pipe, its ring is mapped");
	if (ring == NULL)
		return;
	tap_ok(!ring->rg_no_readers && !ring->rg_no_writers, "both sides are there");
	memset(ring->rg_data, 7, MX_RING_BYTES);
	tap_ok(io_stat(reader, &attr) == KERN_SUCCESS && attr.at_ino == ino, "it has an inode number");
	mx_port_release(writer);
	mx_sleep_ns(50000000);
	tap_ok(ring->rg_no_writers && !ring->rg_no_readers, "writers that go are noticed");
	mx_port_release(reader);
	other = pipe_map(&reader, &writer, &ino);
	tap_ok(other != NULL && is_zero((const char *)other->rg_data, MX_RING_BYTES), "the next pipe is empty");
	if (other == NULL)
		return;
	mx_port_release(reader);
	mx_sleep_ns(50000000);
	tap_ok(other->rg_no_readers && !other->rg_no_writers, "readers that go are noticed");
	tap_ok(ring->rg_data[1000] == 7, "the first ring lives while it is mapped");
	mx_port_release(writer);
	unmap(ring, MX_RING_SIZE);
	unmap(other, MX_RING_SIZE);
}

static unsigned int
free_pages(void)
{
	struct vm_statistics st;

	return vm_statistics(mx_task, &st) == KERN_SUCCESS ? (unsigned int)st.free_count : 0;
}

static void
churn(unsigned int rounds)
{
	static char data[MX_DATA_MAX];
	mach_port_t r, w;
	struct mx_ring *ring;
	struct t_file f;
	uint64_t ino;
	char *p;

	while (rounds-- > 0) {
		ring = pipe_map(&r, &w, &ino);
		if (ring != NULL) {
			memset(ring->rg_data, 1, 20000);
			unmap(ring, MX_RING_SIZE);
		}
		mx_port_release(r);
		mx_port_release(w);
		(void)t_open(ctx_root, "/tmp/churn", MX_O_RDWR | MX_O_CREAT, 0644, &f);
		(void)t_write(f.io, 0, data, sizeof(data));
		(void)t_write(f.io, 50000, data, sizeof(data));
		p = map(f.io, 0, 16 * PAGE, false, true, NULL);
		if (p != NULL) {
			memset(p, 1, 50000);
			unmap(p, 16 * PAGE);
		}
		mx_port_release(f.io);
		(void)vfs_unlink(ctx_root, 0, MACH_PORT_NULL, "/tmp/churn", 10, 0);
	}
	mx_sleep_ns(100000000);
}

void
test_leaks(void)
{
	unsigned int before, after;

	churn(50);
	before = free_pages();
	churn(200);
	after = free_pages();
	tap_ok(after + 60 > before, "200 pipes and mapped files later memory is back (%u pages free, %u before)", after, before);
}

/* ---- Costs ---- */

static uint64_t
tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static void
do_ping(void)
{
	char name[MX_NAME_MAX + 1];
	mach_msg_type_number_t n = sizeof(name);

	(void)mx_ping(ctx_root, name, &n);
}

static void
do_stat(void)
{
	struct mx_attr attr;

	(void)t_stat(ctx_root, "/etc/passwd", 0, &attr);
}

static void
do_open(void)
{
	struct t_file f;

	(void)t_open(ctx_root, "/etc/passwd", MX_O_RDONLY, 0, &f);
	mx_port_release(f.io);
}

static void
do_null(void)
{
	struct t_file f;

	(void)t_open(ctx_root, "/dev/null", MX_O_RDONLY, 0, &f);
}

static void
do_create(void)
{
	struct t_file f;

	(void)t_open(ctx_root, "/tmp/speed", MX_O_RDWR | MX_O_CREAT, 0644, &f);
	mx_port_release(f.io);
	(void)vfs_unlink(ctx_root, 0, MACH_PORT_NULL, "/tmp/speed", 10, 0);
}

static void
do_pipe(void)
{
	mach_port_t r, w, m;
	uint64_t ino;

	(void)vfs_pipe(ctx_root, 0, &r, &w, &m, &ino);
	mx_port_release(r);
	mx_port_release(w);
	mx_port_release(m);
}

/* The best of 20 batches: others use the machine, too. */
static void
speed(const char *what, void (*fn)(void), unsigned int n)
{
	uint64_t best = UINT64_MAX, t;
	unsigned int batch, i;

	for (batch = 0; batch < 20; batch++) {
		t = tsc();
		for (i = 0; i < n; i++)
			fn();
		t = tsc() - t;
		if (t < best)
			best = t;
	}
	if (mx_tsc_hz() != 0)
		tap_print("# %-32s %5u ns\n", what, (unsigned int)(best * 1000000000ull / mx_tsc_hz() / n));
}

void
test_speed(void)
{
	mx_sleep_ns(200000000);
	speed("null RPC", do_ping, 100);
	speed("stat of a cached name", do_stat, 100);
	speed("open of /dev/null", do_null, 100);
	speed("open and close", do_open, 100);
	speed("create, close and unlink", do_create, 50);
	speed("pipe and close", do_pipe, 20);
}
