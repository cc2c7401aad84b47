/*
 * od_cache.c - cached units of a disk's metadata.
 *
 * A hash table and a list in order of use. Clean units beyond the limit are dropped, the longest unused first; dirty ones stay until
 * they are flushed: their owner decides when and in which order, because that is what makes a power cut harmless. Reads that
 * miss park; whoever comes back first puts the units in, and the others take his.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/ondisk.h>
#include <masix/server.h>

#define CHAINS		256u
#define RUN_MAX		(64u << 10)	/* bytes that a flush writes at once */

struct unit {
	struct unit	*un_hash;
	struct unit	*un_newer, *un_older;
	uint64_t	un_number;
	unsigned int	un_class;	/* 0: clean */
	uint8_t		un_data[];
};

struct od_cache {
	struct blk_disk	*oc_disk;
	uint64_t	oc_bytes;	/* of the disk */
	uint32_t	oc_unit, oc_ahead, oc_max;
	uint32_t	oc_count;
	uint32_t	oc_dirty[OD_CLASSES + 1];	/* [0]: clean ones */
	struct unit	*oc_newest, *oc_oldest;
	struct unit	*oc_chain[CHAINS];
};

struct od_cache *
od_cache_create(struct blk_disk *disk, uint32_t unit, uint32_t ahead, uint32_t max)
{
	struct od_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->oc_disk = disk;
	c->oc_bytes = blk_disk_bytes(disk);
	c->oc_unit = unit;
	c->oc_ahead = ahead;
	c->oc_max = max;
	return c;
}

/* ---- The list and the table ---- */

static void
list_remove(struct od_cache *c, struct unit *un)
{
	if (un->un_newer != NULL)
		un->un_newer->un_older = un->un_older;
	else
		c->oc_newest = un->un_older;
	if (un->un_older != NULL)
		un->un_older->un_newer = un->un_newer;
	else
		c->oc_oldest = un->un_newer;
}

static void
list_insert(struct od_cache *c, struct unit *un)
{
	un->un_newer = NULL;
	un->un_older = c->oc_newest;
	if (c->oc_newest != NULL)
		c->oc_newest->un_newer = un;
	else
		c->oc_oldest = un;
	c->oc_newest = un;
}

static struct unit *
unit_find(struct od_cache *c, uint64_t number)
{
	struct unit *un;

	for (un = c->oc_chain[number % CHAINS]; un != NULL; un = un->un_hash)
		if (un->un_number == number)
			return un;
	return NULL;
}

static void
unit_free(struct od_cache *c, struct unit *un)
{
	struct unit **p = &c->oc_chain[un->un_number % CHAINS];

	while (*p != un)
		p = &(*p)->un_hash;
	*p = un->un_hash;
	list_remove(c, un);
	c->oc_count--;
	c->oc_dirty[un->un_class]--;
	free(un);
}

static void
unit_class_set(struct od_cache *c, struct unit *un, unsigned int class)
{
	c->oc_dirty[un->un_class]--;
	un->un_class = class;
	c->oc_dirty[class]++;
}

/* Drop clean units until at most the limit of them are left. */
static void
cache_shrink(struct od_cache *c)
{
	struct unit *un, *newer;

	for (un = c->oc_oldest; un != NULL && c->oc_dirty[0] > c->oc_max; un = newer) {
		newer = un->un_newer;
		if (un->un_class == 0)
			unit_free(c, un);
	}
}

/* A new unit with DATA, clean. NULL: no memory. */
static struct unit *
unit_add(struct od_cache *c, uint64_t number, const void *data)
{
	struct unit *un;

	cache_shrink(c);
	un = malloc(sizeof(*un) + c->oc_unit);
	if (un == NULL)
		return NULL;
	un->un_number = number;
	un->un_class = 0;
	memcpy(un->un_data, data, c->oc_unit);
	un->un_hash = c->oc_chain[number % CHAINS];
	c->oc_chain[number % CHAINS] = un;
	list_insert(c, un);
	c->oc_count++;
	c->oc_dirty[0]++;
	return un;
}

void
od_cache_destroy(struct od_cache *c)
{
	while (c->oc_oldest != NULL)
		unit_free(c, c->oc_oldest);
	free(c);
}

/* ---- Reading ---- */

/* Read NUMBER and some units after it, and put in those that are not there. */
static kern_return_t
units_load(struct od_cache *c, uint64_t number, uint32_t n)
{
	uint64_t offset = number * c->oc_unit;
	size_t bytes = (size_t)n * c->oc_unit, there = bytes;
	uint8_t *buf = malloc(bytes);
	kern_return_t kr;
	uint32_t i;

	if (buf == NULL)
		return MX_ENOMEM;
	if (there > c->oc_bytes - offset)
		there = (size_t)(c->oc_bytes - offset);
	kr = blk_read(c->oc_disk, offset, buf, there);
	memset(buf + there, 0, bytes - there);
	for (i = n; i-- > 0 && kr == KERN_SUCCESS; )	/* the first one last: it is the newest */
		if (unit_find(c, number + i) == NULL && unit_add(c, number + i, buf + (size_t)i * c->oc_unit) == NULL && i == 0)
			kr = MX_ENOMEM;
	free(buf);
	return kr;
}

static kern_return_t
unit_get(struct od_cache *c, uint64_t number, struct unit **out)
{
	uint64_t left = (c->oc_bytes - number * c->oc_unit + c->oc_unit - 1) / c->oc_unit;
	kern_return_t kr;

	while ((*out = unit_find(c, number)) == NULL) {
		kr = units_load(c, number, left < c->oc_ahead ? (uint32_t)left : c->oc_ahead);
		if (kr != KERN_SUCCESS && c->oc_ahead > 1)
			kr = units_load(c, number, 1);		/* perhaps only one of the others is bad */
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (*out != c->oc_newest) {
		list_remove(c, *out);
		list_insert(c, *out);
	}
	return KERN_SUCCESS;
}

static bool
range_ok(const struct od_cache *c, uint64_t offset, size_t n)
{
	return offset <= c->oc_bytes && n <= c->oc_bytes - offset;
}

kern_return_t
od_read(struct od_cache *c, uint64_t offset, void *buf, size_t n)
{
	uint8_t *to = buf;
	struct unit *un;
	kern_return_t kr;
	size_t at, k;

	if (!range_ok(c, offset, n))
		return MX_EIO;
	for (; n > 0; offset += k, to += k, n -= k) {
		at = (size_t)(offset & (c->oc_unit - 1));
		k = c->oc_unit - at < n ? c->oc_unit - at : n;
		kr = unit_get(c, offset / c->oc_unit, &un);
		if (kr != KERN_SUCCESS)
			return kr;
		memcpy(to, un->un_data + at, k);
	}
	return KERN_SUCCESS;
}

/* ---- Writing ---- */

kern_return_t
od_write(struct od_cache *c, uint64_t offset, const void *buf, size_t n, unsigned int class)
{
	const uint8_t *from = buf;
	struct unit *un;
	kern_return_t kr;
	size_t at, k;

	mx_assert(class >= 1 && class <= OD_CLASSES);
	if (!range_ok(c, offset, n))
		return MX_EIO;
	for (; n > 0; offset += k, from += k, n -= k) {
		at = (size_t)(offset & (c->oc_unit - 1));
		k = c->oc_unit - at < n ? c->oc_unit - at : n;
		kr = unit_get(c, offset / c->oc_unit, &un);
		if (kr != KERN_SUCCESS)
			return kr;
		memcpy(un->un_data + at, from, k);
		if (un->un_class == 0)
			unit_class_set(c, un, class);
	}
	return KERN_SUCCESS;
}

kern_return_t
od_write_through(struct od_cache *c, uint64_t offset, const void *buf, size_t n)
{
	const uint8_t *from = buf;
	struct unit *un;
	kern_return_t kr;
	size_t i;

	mx_assert(offset % c->oc_unit == 0 && n % c->oc_unit == 0);
	if (!range_ok(c, offset, n))
		return MX_EIO;
	kr = blk_write(c->oc_disk, offset, buf, n);
	if (kr != KERN_SUCCESS)
		return kr;
	for (i = 0; i < n / c->oc_unit; i++) {
		un = unit_find(c, offset / c->oc_unit + i);
		if (un == NULL)
			continue;
		memcpy(un->un_data, from + i * c->oc_unit, c->oc_unit);
		unit_class_set(c, un, 0);
	}
	return KERN_SUCCESS;
}

uint32_t
od_dirty(const struct od_cache *c, unsigned int class)
{
	return c->oc_dirty[class];
}

/* ---- Flushing ---- */

static int
by_number(const void *a, const void *b)
{
	const struct unit *x = *(struct unit *const *)a, *y = *(struct unit *const *)b;

	return x->un_number < y->un_number ? -1 : x->un_number > y->un_number;
}

static kern_return_t
run_write(struct od_cache *c, uint64_t offset, const void *buf, size_t n, od_write_t *write, void *ctx)
{
	if (n > c->oc_bytes - offset)
		n = (size_t)(c->oc_bytes - offset);	/* the disk ends inside the last unit */
	return write != NULL ? write(ctx, offset, buf, n) : blk_write(c->oc_disk, offset, buf, n);
}

/* How many of the N units at UN follow each other on the disk and fit BUF. */
static uint32_t
run_gather(struct od_cache *c, struct unit **un, uint32_t n, uint8_t *buf)
{
	uint32_t i;

	for (i = 0; i < n && (i + 1) * c->oc_unit <= RUN_MAX && un[i]->un_number == un[0]->un_number + i; i++)
		memcpy(buf + (size_t)i * c->oc_unit, un[i]->un_data, c->oc_unit);
	return i;
}

/* All units of CLASS, in the order of the disk. NULL: no memory. */
static struct unit **
dirty_list(struct od_cache *c, unsigned int class)
{
	uint32_t n = c->oc_dirty[class], i = 0;
	struct unit **dirty = malloc(n * sizeof(dirty[0])), *un;

	if (dirty == NULL)
		return NULL;
	for (un = c->oc_newest; un != NULL; un = un->un_older)
		if (un->un_class == class)
			dirty[i++] = un;
	mx_assert(i == n);
	qsort(dirty, n, sizeof(dirty[0]), by_number);
	return dirty;
}

kern_return_t
od_flush(struct od_cache *c, unsigned int class, od_write_t *write, void *ctx)
{
	uint32_t n = c->oc_dirty[class], i, j, k;
	struct unit **dirty;
	kern_return_t kr = MX_ENOMEM;
	uint8_t *buf;

	if (n == 0)
		return KERN_SUCCESS;
	dirty = dirty_list(c, class);
	buf = malloc(RUN_MAX);
	if (dirty == NULL || buf == NULL)
		goto out_free;
	for (i = 0; i < n; i += k) {
		k = run_gather(c, dirty + i, n - i, buf);
		kr = run_write(c, dirty[i]->un_number * c->oc_unit, buf, (size_t)k * c->oc_unit, write, ctx);
		if (kr != KERN_SUCCESS)
			break;
		for (j = i; j < i + k; j++)
			unit_class_set(c, dirty[j], 0);
	}
out_free:
	free(buf);
	free(dirty);
	return kr;
}
