/*
 * test_hw - the PCI half of the server hw, and virtio queues, on the host.
 *
 * The bus is an array of configuration spaces that behaves as PCI does where it matters: address bits that are not implemented read
 * as zero, the interrupt-disable bit sticks or not. The queue's device is played here too, honestly and not.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "hw.h"
#include <masix/virtio.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tests, failures;

static void
ok(bool cond, const char *what)
{
	printf("%s %d - %s\n", cond ? "ok" : "not ok", ++tests, what);
	failures += !cond;
}

/* ---- A bus ---- */

#define SPACES 8

static struct space {
	uint32_t sp_bdf;
	uint32_t sp_word[64];
	uint32_t sp_bar_mask[6];	/* bits of a base address register that can be written */
	bool	sp_old;			/* no interrupt-disable bit */
} spaces[SPACES];
static unsigned int nspaces;
static unsigned int writes_elsewhere;

static struct space *
space_find(uint32_t bdf)
{
	for (unsigned int i = 0; i < nspaces; i++)
		if (spaces[i].sp_bdf == bdf)
			return &spaces[i];
	return NULL;
}

static uint32_t
bus_read(void *arg, uint32_t bdf, uint32_t offset)
{
	struct space *s = space_find(bdf);

	(void)arg;
	if (offset & 3 || offset >= 256)
		writes_elsewhere++;
	return s == NULL ? 0xffffffff : s->sp_word[offset / 4];
}

static void
bus_write(void *arg, uint32_t bdf, uint32_t offset, uint32_t value)
{
	struct space *s = space_find(bdf);
	uint32_t *w;

	(void)arg;
	if (s == NULL || offset & 3 || offset >= 256) {
		writes_elsewhere++;
		return;
	}
	w = &s->sp_word[offset / 4];
	if (offset == 4)
		*w = (*w & 0xffff0000) | (value & (s->sp_old ? 0xfbff : 0xffff));
	else if (offset >= 0x10 && offset < 0x28)
		*w = (*w & ~s->sp_bar_mask[(offset - 0x10) / 4]) | (value & s->sp_bar_mask[(offset - 0x10) / 4]);
	else if (offset >= 0x40 || offset == 0x0c)
		*w = value;
}

static struct space *
space_add(uint32_t bdf, uint32_t id, uint32_t class, uint32_t header, uint32_t line)
{
	struct space *s = &spaces[nspaces++];

	memset(s, 0, sizeof *s);
	s->sp_bdf = bdf;
	s->sp_word[0] = id;
	s->sp_word[1] = 0x00100007;	/* capabilities; I/O, memory, master */
	s->sp_word[2] = class << 8;
	s->sp_word[3] = header << 16;
	s->sp_word[15] = line;
	return s;
}

static struct hw_machine machine;

static void
machine_make(void)
{
	struct space *s;

	nspaces = 0;
	(void)space_add(0x00 << 3, 0x12378086, 0x060000, 0x00, 0);
	(void)space_add(0x01 << 3 | 0, 0x70008086, 0x060100, 0x80, 0);
	(void)space_add(0x01 << 3 | 3, 0x71138086, 0x068000, 0x80, 9);
	spaces[2].sp_word[0x10] = 0x601;
	s = space_add(0x02 << 3, 0x00011b36, 0x060400, 0x01, 0);
	s->sp_word[6] = 5 << 8;
	/* A virtio console behind the bridge: a port register, a small one, a wide one that firmware did not place. */
	s = space_add(5 << 8 | 0x03 << 3, 0x10031af4, 0x078000, 0x00, 11);
	s->sp_word[4] = 0xc001;
	s->sp_bar_mask[0] = 0xffffffc0;
	s->sp_word[5] = 0xfebd1000;
	s->sp_bar_mask[1] = 0xfffff000;
	s->sp_word[8] = 0x0000000c;
	s->sp_bar_mask[4] = 0xffffc000;
	s->sp_bar_mask[5] = 0xffffffff;
	s->sp_word[13] = 0x40;			/* capabilities: MSI-X at 0x40, vendor at 0x50 */
	s->sp_word[0x10] = 0x00035011;
	s->sp_word[0x14] = 0x01100009;
	machine.hm_ops = (struct hw_config_ops){ bus_read, bus_write, NULL };
	hw_machine_scan(&machine);
}

static void
test_scan(void)
{
	struct hw_function *f = NULL;

	machine_make();
	ok(machine.hm_nfunctions == 5, "the scan finds every function, behind bridges too");
	ok(hw_function_find(&machine, 0x1af4, 0x1003, 0, &f) == KERN_SUCCESS && f->hf_bdf == (5 << 8 | 3 << 3) && f->hf_line == 11,
		"a function is found by its numbers");
	ok(hw_function_find(&machine, 0x1af4, 0x1003, 1, &f) == MX_ENODEV, "there is no second one");
	ok(hw_function_find(&machine, 0x8086, HW_ANY, 0, &f) == MX_EPERM, "bridges are nobody's");
	ok(hw_machine_power_ports(&machine) == 0x600, "the power registers' ports are those of the chipset");
}

static void
test_claim(void)
{
	struct hw_function *f = NULL;
	struct space *s;

	machine_make();
	(void)hw_function_find(&machine, 0x1af4, HW_ANY, 0, &f);
	s = space_find(f->hf_bdf);
	hw_function_claim(&machine, f);
	ok((s->sp_word[1] & 0xffff) == 0x400, "a claimed function is stopped and its interrupt disabled");
	ok(hw_function_find(&machine, 0x1af4, HW_ANY, 0, &f) == MX_EBUSY, "it cannot be claimed twice");
	ok(f->hf_bar[0].hb_is_io && f->hf_bar[0].hb_size == 64, "a port register is measured");
	ok(f->hf_bar[1].hb_size == 4096 && f->hf_bar[1].hb_base == 0xfebd1000 && s->sp_word[5] == 0xfebd1000,
		"a memory register is measured and as before");
	ok(f->hf_bar[4].hb_size == 0x4000 && f->hf_bar[4].hb_is_wide && f->hf_bar[5].hb_size == 0, "a wide one takes two");
	ok(hw_function_bar_place(&machine, f, 4) == KERN_SUCCESS && f->hf_bar[4].hb_base >= 0xe0000000 &&
		(s->sp_word[8] & ~15u) == f->hf_bar[4].hb_base, "one without an address gets one");
	ok(f->hf_bar[4].hb_base + 0x4000 <= 0xfebd1000 || f->hf_bar[4].hb_base >= 0xfebd2000, "where nobody else is");
	ok(hw_function_bar_place(&machine, f, 0) == MX_EOPNOTSUPP && hw_function_bar_place(&machine, f, 5) == MX_EINVAL &&
		hw_function_bar_place(&machine, f, 6) == MX_EINVAL, "ports, upper halves and nonsense are refused");
	hw_function_interrupt_enable(&machine, f, true);
	ok(!(s->sp_word[1] & 0x400), "the interrupt is enabled");
	s->sp_word[1] |= 0x00080000;
	ok(hw_function_interrupt_pending(&machine, f), "and seen");
	hw_function_release(&machine, f);
	ok((s->sp_word[1] & 0xffff) == 0x400 && hw_function_find(&machine, 0x1af4, HW_ANY, 0, &f) == KERN_SUCCESS,
		"a released function is stopped and free");
	s->sp_old = true;
	hw_function_claim(&machine, f);
	ok(!f->hf_can_disable, "a function without the disable bit is known");
}

static void
test_config(void)
{
	struct hw_function *f = NULL;
	struct space *s;
	uint32_t value = 0;

	machine_make();
	(void)hw_function_find(&machine, 0x1af4, HW_ANY, 0, &f);
	hw_function_claim(&machine, f);
	s = space_find(f->hf_bdf);
	ok(hw_function_config_read(&machine, f, 2, 2, &value) == KERN_SUCCESS && value == 0x1003, "parts of a word are read");
	ok(hw_function_config_write(&machine, f, 4, 2, 0xffff) == KERN_SUCCESS && (s->sp_word[1] & 0xffff) == 0x406,
		"of the command, memory and mastering are the driver's");
	ok(hw_function_config_write(&machine, f, 0x10, 4, 0) == MX_EPERM && hw_function_config_write(&machine, f, 0x3c, 1, 3) == MX_EPERM &&
		hw_function_config_write(&machine, f, 0x30, 4, 1) == MX_EPERM, "addresses and the line are not");
	ok(hw_function_config_write(&machine, f, 0x42, 2, 0x8000) == MX_EPERM, "nor are message interrupts");
	ok(hw_function_config_write(&machine, f, 0x54, 1, 0xab) == KERN_SUCCESS && (s->sp_word[0x15] & 0xff) == 0xab,
		"other capabilities are");
	ok(hw_function_config_read(&machine, f, 1, 2, &value) == MX_EINVAL && hw_function_config_read(&machine, f, 0, 3, &value) == MX_EINVAL &&
		hw_function_config_read(&machine, f, 256, 4, &value) == MX_EINVAL &&
		hw_function_config_write(&machine, f, 0xfffffffc, 4, 0) == MX_EINVAL, "nonsense is refused");
	ok(writes_elsewhere == 0, "nothing was written that is not there");
}

/* A configuration space of random words must not hang or crash anything. */
static void
test_random_bus(void)
{
	struct hw_function *f;
	uint32_t value;

	for (int round = 0; round < 2000; round++) {
		machine_make();
		for (unsigned int i = 0; i < nspaces; i++)
			for (int j = 0; j < 64; j++)
				if (rand() % 4 == 0)
					spaces[i].sp_word[j] = (uint32_t)rand() << 16 ^ (uint32_t)rand();
		hw_machine_scan(&machine);
		for (uint32_t i = 0; hw_function_find(&machine, HW_ANY, HW_ANY, i, &f) != MX_ENODEV; i++) {
			hw_function_claim(&machine, f);
			(void)hw_function_bar_place(&machine, f, (uint32_t)rand() % 7);
			(void)hw_function_config_read(&machine, f, (uint32_t)rand() % 300, 1u << rand() % 4, &value);
			(void)hw_function_config_write(&machine, f, (uint32_t)rand() % 300, 1u << rand() % 4, (uint32_t)rand());
		}
	}
	ok(true, "random configuration spaces do no harm");
}

/* ---- Queues ---- */

static uint8_t memory[16384] __attribute__((aligned(4096)));

/* What the device would do with one available chain. Answers its head, -1 for none. */
static int
device_take(struct virtq *q, uint16_t *seen)
{
	if (q->vq_avail[1] == *seen)
		return -1;
	return q->vq_avail[2 + ((*seen)++ & (q->vq_size - 1))];
}

static void
device_done(struct virtq *q, uint32_t id, uint32_t len)
{
	uint16_t at = q->vq_used[1];

	q->vq_used_ring[at & (q->vq_size - 1)].qu_id = id;
	q->vq_used_ring[at & (q->vq_size - 1)].qu_len = len;
	q->vq_used[1] = (uint16_t)(at + 1);
}

static void
test_queue(void)
{
	struct virtq_buf b[3] = { { 0x1000, 16 }, { 0x2000, 512 }, { 0x3000, 1 } };
	struct virtq q;
	uint16_t seen = 0;
	uint32_t len = 0;
	int a = 1, c = 2, head, other;
	bool good = true;

	memset(memory, 0, sizeof memory);
	virtq_init(&q, memory, 0x100000, 8);
	ok(virtq_bytes(8) <= sizeof memory && virtq_bytes(256) <= 8192, "a queue takes what it says");
	ok(virtq_add(&q, b, 1, 2, &a) && virtq_add(&q, b, 2, 1, &c) && !virtq_add(&q, b, 2, 1, &c) && virtq_add(&q, b, 1, 1, &c),
		"requests are queued while descriptors are free");
	head = device_take(&q, &seen);
	ok(q.vq_desc[head].qd_addr == 0x1000 && q.vq_desc[head].qd_flags == 1 && q.vq_desc[q.vq_desc[head].qd_next].qd_flags == 3,
		"the chain says which pieces are written");
	other = device_take(&q, &seen);
	ok(virtq_take(&q, &len) == NULL, "nothing is done before the device says so");
	device_done(&q, (uint32_t)other, 7);
	ok(virtq_take(&q, &len) == &c && len == 7, "what is done second may come first");
	device_done(&q, (uint32_t)head, 5);
	ok(virtq_take(&q, &len) == &a && len == 5 && q.vq_nfree == 6, "and frees its descriptors");
	for (int i = 0; i < 100000; i++) {
		good = good && virtq_add(&q, b, 1, (unsigned int)i % 3, &a);
		head = device_take(&q, &seen);
		if (i == 0)
			head = device_take(&q, &seen);		/* the one of before stays in flight */
		device_done(&q, (uint32_t)head, (uint32_t)i);
		good = good && virtq_take(&q, &len) == &a && len == (uint32_t)i;
	}
	ok(good && q.vq_nfree == 6, "positions wrap");
	device_done(&q, 200, 0);
	ok(virtq_take(&q, &len) == NULL && q.vq_broken && !virtq_add(&q, b, 1, 0, &a), "an id out of range breaks the queue");
	virtq_init(&q, memset(memory, 0, sizeof memory), 0, 8);
	device_done(&q, 3, 0);
	ok(virtq_take(&q, NULL) == NULL && q.vq_broken, "and so does one that is not in flight");
}

static void
test_quiet(void)
{
	struct hw_function *f = NULL;
	uint32_t physical = 0;
	struct space *s;

	machine_make();
	(void)hw_function_find(&machine, 0x1af4, HW_ANY, 0, &f);
	s = space_find(f->hf_bdf);
	s->sp_word[0x15] = 1;		/* the common structure: base address register 1, from 0x100 on */
	s->sp_word[0x16] = 0x100;
	ok(!hw_function_status_register(&machine, f, &physical), "a device that nobody claimed has no status register yet");
	hw_function_claim(&machine, f);
	ok(hw_function_status_register(&machine, f, &physical) && physical == 0xfebd1114, "the status register of a virtio device");
	ok(!hw_function_memory_enable(&machine, f), "one that does not master the bus need not be stopped");
	(void)hw_function_config_write(&machine, f, 4, 2, 4);
	ok(hw_function_memory_enable(&machine, f) && (s->sp_word[1] & 0x406) == 0x406, "one that does answers, to be stopped");
	s->sp_word[0x16] = 0xff0;
	ok(!hw_function_status_register(&machine, f, &physical), "a register outside of the device's memory is none");
	s->sp_word[0x16] = 0x100;
	s->sp_word[0x15] = 7;
	ok(!hw_function_status_register(&machine, f, &physical), "nor one without a base address");
	s->sp_word[0x14] = 0x01500009;	/* a list that goes round */
	s->sp_word[0x14] &= 0x00ffffff;
	ok(!hw_function_status_register(&machine, f, &physical), "capabilities in a circle end");
}

int
main(void)
{
	printf("1..%d\n", 41);
	test_scan();
	test_claim();
	test_config();
	test_random_bus();
	test_quiet();
	test_queue();
	return failures != 0;
}
