/*
 * target_data.c - the data pager: who asks for swap areas is hostile, disks are slow and fail, and the kernel pages all the time.
 *
 * memory.c, which speaks with the kernel, is replaced by a kernel that knows what each page should hold; store.c by a list of pages.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <masix/blk.h>
#include "client.h"
#include "message.h"
#include "../../pagers/data/server.h"

#define DISKS		2u
#define DISK_PAGES	200u
#define OBJECTS		4u
#define PAGES		120u
#define STORE_PAGES	100u

extern boolean_t data_server(mach_msg_header_t *in, mach_msg_header_t *out);
extern boolean_t mx_server(mach_msg_header_t *in, mach_msg_header_t *out);

const char *const fuzz_words[] = { "blk:254:0", "blk:254:1", "blk:254:0", "blk:254:2", "/dev/vda", "", NULL };
const uint32_t fuzz_numbers[] = { 0, 1, 2, 3, 4, 5, 0xffffffff, 0x7fffffff };
const unsigned int fuzz_nnumbers = sizeof(fuzz_numbers) / sizeof(fuzz_numbers[0]);

static const struct fuzz_subsystem subsystems[] = {
	{ "data", data_server }, { "mx", mx_server }, { NULL, NULL },
};

/* ---- Disks ---- */

struct blk_disk { unsigned int dk_number; bool dk_is_open; };

static struct blk_disk disks[DISKS] = { { 0, false }, { 1, false } };
static char image[DISKS][DISK_PAGES][DATA_PAGE];

static void
header_make(unsigned int i)
{
	const uint32_t words[3] = { 1, DISK_PAGES - 1 - (rand() % 4 == 0 ? 100u : 0), rand() % 2 ? 3 : 0 };

	memset(image[i][0], 0, DATA_PAGE);
	memcpy(image[i][0] + 1024, words, sizeof(words));
	for (uint32_t k = 0; k < words[2]; k++)
		memcpy(image[i][0] + 1536 + 4 * k, &(uint32_t){ 9 + 20 * k }, 4);
	memcpy(image[i][0] + 4086, rand() % 16 ? "SWAPSPACE2" : "SWAP-SPACE", 10);
}

kern_return_t
blk_disk_open(const char *source, size_t len, bool write, struct blk_disk **out)
{
	unsigned int i = len > 0 ? (unsigned char)source[len - 1] - '0' : 9;

	if (rand() % 4 == 0)
		mx_fibril_yield();
	if (len != 9 || i >= DISKS || !write)
		return MX_ENXIO;
	if (disks[i].dk_is_open)
		return MX_EBUSY;
	disks[i].dk_is_open = true;
	header_make(i);
	*out = &disks[i];
	return KERN_SUCCESS;
}

void
blk_disk_close(struct blk_disk *disk)
{
	disk->dk_is_open = false;
	memset(image[disk->dk_number], 0x5a, sizeof(image[0]));
}

uint64_t
blk_disk_bytes(const struct blk_disk *disk)
{
	(void)disk;
	return sizeof(image[0]);
}

static kern_return_t
transfer(struct blk_disk *disk, uint64_t offset, size_t bytes)
{
	if (!disk->dk_is_open || offset % DATA_PAGE != 0 || bytes % DATA_PAGE != 0 || offset + bytes > sizeof(image[0]))
		sim_fail("%zu bytes of disk %u at %llu", bytes, disk->dk_number, (unsigned long long)offset);
	for (int i = rand() % 4; i > 0; i--)
		mx_fibril_yield();
	return rand() % 64 == 0 ? MX_EIO : KERN_SUCCESS;
}

kern_return_t
blk_read(struct blk_disk *disk, uint64_t offset, void *buf, size_t bytes)
{
	kern_return_t kr = transfer(disk, offset, bytes);

	if (kr == KERN_SUCCESS)
		memcpy(buf, (char *)image[disk->dk_number] + offset, bytes);
	if (rand() % 4 == 0)
		mx_fibril_yield();
	return kr;
}

kern_return_t
blk_write(struct blk_disk *disk, uint64_t offset, const void *buf, size_t bytes)
{
	kern_return_t kr = transfer(disk, offset, bytes);

	if (offset == 0)
		sim_fail("the header is overwritten");
	memcpy((char *)image[disk->dk_number] + offset, buf, kr == KERN_SUCCESS ? bytes : bytes / 2);
	if (rand() % 4 == 0)
		mx_fibril_yield();
	return kr;
}

kern_return_t
blk_read_pages(struct blk_disk *disk, uint64_t offset, size_t bytes, void **pages)
{
	kern_return_t kr;

	*pages = sim_map(bytes);
	kr = blk_read(disk, offset, *pages, bytes);
	if (kr != KERN_SUCCESS)
		sim_unmap(*pages, bytes);
	return kr;
}

/* ---- The store ---- */

struct data_store_stats data_store_stats = { .ss_limit = STORE_PAGES * DATA_PAGE };

bool
data_store_put(const void *page, data_word *word)
{
	void *copy;

	if (data_store_stats.ss_pages == STORE_PAGES || posix_memalign(&copy, 64, DATA_PAGE) != 0)
		return false;
	memcpy(copy, page, DATA_PAGE);
	data_store_stats.ss_pages++;
	data_store_stats.ss_live += DATA_PAGE;
	*word = (data_word)(uintptr_t)copy | DATA_RAW;
	return true;
}

void
data_store_get(data_word word, void *page)
{
	memcpy(page, (const void *)(uintptr_t)(word & DATA_VALUE), DATA_PAGE);
}

void
data_store_drop(data_word word)
{
	data_store_stats.ss_pages--;
	data_store_stats.ss_live -= DATA_PAGE;
	free((void *)(uintptr_t)(word & DATA_VALUE));
}

/* ---- The kernel ---- */

struct page { uint32_t version; bool is_resident, is_dirty, is_waited_for; };

struct object { struct data_port port; struct page pages[PAGES]; };

static struct mx_class object_class = { .mc_name = "memory", .mc_size = sizeof(struct object) };
static struct object *objects[OBJECTS];
static uint32_t last_version;

static void
page_make(uint32_t *to, uint32_t version)
{
	for (uint32_t i = 0; i < DATA_PAGE / 4; i++)
		to[i] = version % 7 == 0 ? 0 : version * 2654435761u + i;
}

static void
page_come(struct object *o, uint32_t page, const void *data, bool precious)
{
	static uint32_t want[DATA_PAGE / 4];
	struct page *pg = &o->pages[page];

	page_make(want, pg->version);
	if (o->port.dp_is_gone)
		return;
	if (!pg->is_waited_for || pg->is_resident || memcmp(data, want, DATA_PAGE) != 0)
		sim_fail("page %u: waited for %d, resident %d, or not what it should be", (unsigned int)page, pg->is_waited_for,
			pg->is_resident);
	pg->is_waited_for = false;
	pg->is_resident = true;
	pg->is_dirty = precious;
}

void
data_supply(struct data_port *dp, uint32_t page, void *addr, bool move, bool precious)
{
	page_come((struct object *)dp, page, addr, precious);
	if (move)
		sim_unmap(addr, DATA_PAGE);
}

void
data_fail(struct data_port *dp, uint32_t page)
{
	((struct object *)dp)->pages[page].is_waited_for = false;	/* it may be asked for again */
}

void
data_answer(struct data_port *dp, uint32_t page, uint32_t max)
{
	static uint32_t buf[DATA_PAGE / 4];
	struct page *pg = &((struct object *)dp)->pages[page];
	enum data_answer answer = data_page_ask(&dp->dp_pages, page, buf);

	switch (answer) {
	case DATA_IS_ABSENT:
		if (pg->version != 0)
			sim_fail("page %u is lost", (unsigned int)page);
		*pg = (struct page){ ++last_version, true, true, false };
		break;
	case DATA_IS_KEPT:
	case DATA_IS_GIVEN:
		page_come((struct object *)dp, page, buf, answer == DATA_IS_GIVEN);
		break;
	case DATA_IS_ON_SWAP:
		data_swap_read(dp, page, max);
		break;
	case DATA_IS_COMING:
		break;
	}
}

void
data_room_made(void)
{
}

uint32_t
data_waiting(void)
{
	return 0;
}

static void
page_touch(struct object *o, uint32_t page)
{
	static uint32_t buf[DATA_PAGE / 4];
	struct page *pg = &o->pages[page];

	if (!pg->is_resident && !pg->is_waited_for) {
		pg->is_waited_for = true;
		data_answer(&o->port, page, UINT32_MAX);
	} else if (pg->is_resident && rand() % 3 == 0) {
		pg->version = ++last_version;
		pg->is_dirty = true;
	} else if (pg->is_resident) {
		page_make(buf, pg->version);
		if (!pg->is_dirty || data_page_keep(&o->port.dp_pages, page, buf))
			pg->is_resident = false;
	}
	data_swap_balance();
}

static void
object_end(unsigned int i)
{
	struct object *o = objects[i];

	o->port.dp_is_gone = true;
	data_object_end(&o->port.dp_pages);
	mx_object_release(&o->port.dp_object);
	objects[i] = NULL;
}

static void
meanwhile(void)
{
	unsigned int i = (unsigned int)rand() % OBJECTS;
	uint32_t page;

	if (objects[i] == NULL) {
		objects[i] = mx_object_create(&object_class);
		if (objects[i] != NULL)
			data_object_begin(&objects[i]->port.dp_pages, PAGES);
		return;
	}
	if (rand() % 500 == 0) {
		object_end(i);
		return;
	}
	page = (uint32_t)rand() % PAGES;
	for (int n = rand() % 8; n >= 0 && page < PAGES; n--, page++)
		page_touch(objects[i], page);
}

/* The kernel gives all back. */
static void
afterwards(void)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		if (objects[i] != NULL)
			object_end(i);
}

static kern_return_t
fresh(int argc, char **argv)
{
	kern_return_t kr;

	(void)argc, (void)argv;
	kr = data_swap_start();
	if (kr == KERN_SUCCESS)
		kr = data_control_start();
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	return kr;
}

static const struct mx_server server = { "data", fresh, NULL };

const struct fuzz_target fuzz_target = {
	.ta_server = &server, .ta_subsystems = subsystems, .ta_meanwhile = meanwhile, .ta_afterwards = afterwards,
	.ta_names_slack = OBJECTS + 4, .ta_pages_slack = 8 * DATA_READ_MAX,
};
