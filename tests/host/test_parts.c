/*
 * test_parts - partition tables on the host: good ones, damaged ones, and bytes turned over at random.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTORS		8192u

static uint8_t image[SECTORS * PARTS_SECTOR];
static uint64_t bad_sector = UINT64_MAX;	/* this one cannot be read */
static unsigned int outside, reads;
static int tests, failures;

static void
ok(bool cond, const char *what)
{
	printf("%s %d - %s\n", cond ? "ok" : "not ok", ++tests, what);
	failures += !cond;
}

static kern_return_t
image_read(void *arg, uint64_t sector, void *buf)
{
	(void)arg;
	reads++;
	if (sector >= SECTORS) {
		outside++;
		return MX_EIO;
	}
	if (sector == bad_sector)
		return MX_EIO;
	memcpy(buf, image + sector * PARTS_SECTOR, PARTS_SECTOR);
	return KERN_SUCCESS;
}

static struct parts_disk disk = { image_read, NULL, SECTORS, 512 };
static struct parts_entry found[PARTS_MAX + 1];

static unsigned int
count(void)
{
	unsigned int n = 0;

	for (int i = 0; i <= PARTS_MAX; i++)
		n += found[i].pt_sectors != 0;
	return n;
}

static bool
is(unsigned int n, uint64_t start, uint64_t sectors)
{
	if (found[n].pt_start == start && found[n].pt_sectors == sectors)
		return true;
	printf("# partition %u: %llu, %llu\n", n, (unsigned long long)found[n].pt_start, (unsigned long long)found[n].pt_sectors);
	return false;
}

static void
put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void
put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)v);
	put32(p + 4, (uint32_t)(v >> 32));
}

/* ---- MBR ---- */

static void
mbr_entry(uint32_t sector, unsigned int i, uint8_t type, uint32_t start, uint32_t sectors)
{
	uint8_t *p = image + sector * PARTS_SECTOR;

	p[510] = 0x55;
	p[511] = 0xaa;
	p += 446 + 16 * i;
	p[4] = type;
	put32(p + 8, start);
	put32(p + 12, sectors);
}

static void
test_mbr(void)
{
	memset(image, 0, sizeof image);
	ok(parts_read(&disk, found) == KERN_SUCCESS && count() == 0, "an empty disk has no partitions");
	mbr_entry(0, 0, 0x83, 64, 1000);
	mbr_entry(0, 2, 0x0c, 2000, 100000);
	ok(parts_read(&disk, found) == KERN_SUCCESS && count() == 2 && is(1, 64, 1000) && is(3, 2000, SECTORS - 2000),
		"primary partitions, one cut at the end of the disk");
	mbr_entry(0, 1, 0x83, SECTORS, 10);
	ok(parts_read(&disk, found) == KERN_SUCCESS && count() == 2, "one that begins behind the end is left out");
	image[446 + 16] = 0x11;
	ok(parts_read(&disk, found) == KERN_SUCCESS && count() == 0, "what is no flag makes it no table");
	image[446 + 16] = 0x80;
	bad_sector = 0;
	ok(parts_read(&disk, found) == MX_EIO, "a disk that cannot be read");
	bad_sector = UINT64_MAX;
	image[510] = 0;
	ok(parts_read(&disk, found) == KERN_SUCCESS && count() == 0, "no signature, no table");
}

static void
test_extended(void)
{
	memset(image, 0, sizeof image);
	mbr_entry(0, 0, 0x83, 64, 100);
	mbr_entry(0, 3, 0x05, 1000, 4000);
	mbr_entry(1000, 0, 0x83, 8, 100);
	mbr_entry(1000, 1, 0x05, 500, 1000);
	mbr_entry(1500, 0, 0x82, 16, 200);
	mbr_entry(1500, 1, 0x0f, 2000, 1000);
	mbr_entry(3000, 0, 0x83, 1, 2);
	ok(parts_read(&disk, found) == KERN_SUCCESS && count() == 5 && is(1, 64, 100) && is(4, 1000, 2) && is(5, 1008, 100) &&
		is(6, 1516, 200) && is(7, 3001, 2), "logical partitions count from their table, links from the first");
	mbr_entry(3000, 1, 0x05, 0, 1000);
	reads = 0;
	ok(parts_read(&disk, found) == KERN_SUCCESS && found[PARTS_MAX].pt_sectors != 0 && reads < 200, "a chain in a circle ends");
	mbr_entry(3000, 0, 0, 0, 0);
	mbr_entry(1500, 0, 0, 0, 0);
	mbr_entry(1000, 0, 0, 0, 0);
	reads = 0;
	ok(parts_read(&disk, found) == KERN_SUCCESS && count() == 2 && reads < 200, "one without a partition in it, too");
	mbr_entry(1500, 1, 0x05, 0xfffffff0, 1000);
	ok(parts_read(&disk, found) == KERN_SUCCESS && count() == 2, "a link that leads out of the disk ends it");
}

/* ---- GPT ---- */

#define GPT_TABLE	2u
#define GPT_BACKUP_TABLE (SECTORS - 33)

static uint32_t
crc(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;

	for (; n > 0; n--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
	}
	return ~c;
}

static void
gpt_header(uint32_t block, uint32_t table, uint32_t unit)
{
	uint8_t *p = image + block * unit * PARTS_SECTOR;

	memset(p, 0, PARTS_SECTOR);
	memcpy(p, "EFI PART", 8);
	put32(p + 8, 0x10000);
	put32(p + 12, 92);
	put64(p + 24, block);
	put64(p + 32, block == 1 ? SECTORS / unit - 1 : 1);
	put64(p + 40, 34);
	put64(p + 48, SECTORS / unit - 34);
	put64(p + 72, table);
	put32(p + 80, 128);
	put32(p + 84, 128);
	put32(p + 88, crc(image + table * unit * PARTS_SECTOR, 128 * 128));
	put32(p + 16, crc(p, 92));
}

static void
gpt_entry(uint32_t table, unsigned int i, uint64_t first, uint64_t last, uint32_t unit)
{
	uint8_t *p = image + table * unit * PARTS_SECTOR + 128 * i;

	memset(p, 0x5a, 32);
	put64(p + 32, first);
	put64(p + 40, last);
}

static void
gpt_make(uint32_t unit)
{
	uint32_t blocks = SECTORS / unit;
	const uint32_t tables[2] = { GPT_TABLE, blocks - 33 };

	memset(image, 0, sizeof image);
	mbr_entry(0, 0, 0xee, 1, blocks - 1);
	for (int i = 0; i < 2; i++) {
		gpt_entry(tables[i], 0, 40, 139, unit);
		gpt_entry(tables[i], 4, 200, 200, unit);
		gpt_entry(tables[i], 5, 20, 300, unit);		/* begins in the table */
		gpt_entry(tables[i], 6, 300, 299, unit);
		gpt_entry(tables[i], 14, 500, 599, unit);
		gpt_entry(tables[i], 127, 600, 601, unit);	/* no minor for it */
		gpt_header(i == 0 ? 1 : blocks - 1, tables[i], unit);
	}
}

static bool
gpt_is(uint64_t unit)
{
	return count() == 3 && is(1, 40 * unit, 100 * unit) && is(5, 200 * unit, unit) && is(15, 500 * unit, 100 * unit);
}

static void
test_gpt(void)
{
	gpt_make(1);
	ok(parts_read(&disk, found) == KERN_SUCCESS && gpt_is(1), "GPT");
	image[PARTS_SECTOR + 60]++;
	ok(parts_read(&disk, found) == KERN_SUCCESS && gpt_is(1), "its copy, when the header's sum is wrong");
	gpt_make(1);
	image[GPT_TABLE * PARTS_SECTOR + 40]++;
	ok(parts_read(&disk, found) == KERN_SUCCESS && gpt_is(1), "... when the table's is");
	image[GPT_BACKUP_TABLE * PARTS_SECTOR + 40]++;
	ok(parts_read(&disk, found) == KERN_SUCCESS && count() == 0, "none, when both are");
	gpt_make(1);
	bad_sector = GPT_TABLE;
	ok(parts_read(&disk, found) == MX_EIO, "a table that cannot be read");
	bad_sector = UINT64_MAX;
	disk.pd_block = 2048;
	gpt_make(4);
	ok(parts_read(&disk, found) == KERN_SUCCESS && gpt_is(4), "blocks of 2 KiB");
	disk.pd_block = 512;
}

/* ---- Anything ---- */

static bool
all_inside(void)
{
	for (int i = 0; i <= PARTS_MAX; i++)
		if (found[i].pt_sectors > SECTORS || found[i].pt_start > SECTORS - found[i].pt_sectors)
			return false;
	return true;
}

/* Turn a few bytes of the header over and make its sum right again, so that what it says is looked at. */
static void
header_damage(void)
{
	uint8_t *p = image + PARTS_SECTOR;

	for (int i = rand() % 4; i >= 0; i--)
		p[rand() % 92] = (uint8_t)(rand() % 3 ? rand() : 0xff);
	put32(p + 12, 92);
	memset(p + 16, 0, 4);
	put32(p + 16, crc(p, 92));
}

static void
test_anything(void)
{
	bool good = true;

	for (int i = 0; i < 20000 && good; i++) {
		if (i % 50 == 0)
			gpt_make(1);
		if (i % 3 == 0)
			header_damage();
		else if (i % 3 == 1)
			image[446 + rand() % 64] = (uint8_t)rand();
		else
			mbr_entry((uint32_t)rand() % 40, (unsigned int)rand() % 4, rand() % 2 ? 5 : 0x83, (uint32_t)rand() % 100,
				(uint32_t)rand());
		disk.pd_block = rand() % 8 == 0 ? 4096 : 512;
		disk.pd_sectors = rand() % 8 == 0 ? (uint64_t)rand() % SECTORS : SECTORS;
		reads = 0;
		(void)parts_read(&disk, found);
		good = all_inside() && outside == 0 && reads < 20000;
	}
	ok(good, "20000 tables of nonsense: nothing outside the disk is read or believed");
}

int
main(void)
{
	test_mbr();
	test_extended();
	test_gpt();
	test_anything();
	printf("1..%d\n", tests);
	return failures != 0;
}
