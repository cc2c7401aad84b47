/*
 * main.c - a client of a disk that writes, reads and compares, as fast as it can, while somebody kills the driver.
 *
 * Not part of the system: tests/areas/blk adds it to a running one. Arguments: the disk ("blk:254:0"), how many seconds, how many fibrils.
 * Each has a part of the disk to itself and knows what must be there. What is wrong goes to the log, which the area reads; so does
 * the checksum of all parts at the end, which must be the image's.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/blk.h>
#include <masix/server.h>

#define PART		(1u << 20)	/* bytes of a fibril */
#define WORKERS_MAX	16u
#define NS		1000000000ull

struct worker {
	uint32_t	wo_random;
	uint64_t	wo_at;		/* its part of the disk */
	uint8_t		*wo_model;	/* what is there */
	uint8_t		*wo_buf;
};

static struct worker workers[WORKERS_MAX];
static unsigned int nworkers, running;
static uint64_t until;
static struct blk_disk *disk;
static unsigned long done, errors, wrong, bytes;
static struct mx_cond all_done;

static uint32_t
random_next(struct worker *wo)
{
	wo->wo_random ^= wo->wo_random << 13;
	wo->wo_random ^= wo->wo_random >> 17;
	wo->wo_random ^= wo->wo_random << 5;
	return wo->wo_random;
}

static void
result_note(kern_return_t kr, const char *what, uint64_t at, size_t n)
{
	done++;
	bytes += n;
	if (kr != KERN_SUCCESS && errors++ < 10)
		mx_log(MX_LOG_ERROR, "%s of %lu bytes at %lu: error 0x%x", what, (unsigned long)n, (unsigned long)at, kr);
}

static void
compare(const struct worker *wo, uint32_t at, const void *data, size_t n)
{
	if (memcmp(wo->wo_model + at, data, n) != 0 && wrong++ < 10)
		mx_log(MX_LOG_ERROR, "%lu bytes at %lu are not what was written", (unsigned long)n, (unsigned long)(wo->wo_at + at));
}

static void
do_read(struct worker *wo, uint32_t at, size_t n)
{
	kern_return_t kr = blk_read(disk, wo->wo_at + at, wo->wo_buf, n);

	result_note(kr, "read", wo->wo_at + at, n);
	if (kr == KERN_SUCCESS)
		compare(wo, at, wo->wo_buf, n);
}

static void
do_read_pages(struct worker *wo, uint32_t at, size_t n)
{
	void *pages;
	kern_return_t kr = blk_read_pages(disk, wo->wo_at + at, n, &pages);

	result_note(kr, "read of pages", wo->wo_at + at, n);
	if (kr != KERN_SUCCESS)
		return;
	compare(wo, at, pages, n);
	mx_pages_free(pages, n);
}

static void
do_write(struct worker *wo, uint32_t at, size_t n, bool durable)
{
	uint32_t *p = (uint32_t *)(void *)(wo->wo_model + at);
	kern_return_t kr;

	for (size_t i = 0; i < n / 4; i++)
		p[i] = random_next(wo);
	kr = (durable ? blk_write_durable : blk_write)(disk, wo->wo_at + at, p, n);
	result_note(kr, "write", wo->wo_at + at, n);
}

static void
work(void *arg)
{
	struct worker *wo = arg;

	while (mx_now_ns() < until) {
		uint32_t what = random_next(wo) % 16, sectors = random_next(wo) % (random_next(wo) % 4 == 0 ? 512 : 17) + 1;
		uint32_t at = random_next(wo) % (PART / BLK_SECTOR - sectors + 1) * BLK_SECTOR;

		if (what < 5)
			do_read(wo, at, sectors * BLK_SECTOR);
		else if (what < 10)
			do_read_pages(wo, at, sectors * BLK_SECTOR);
		else if (what < 15)
			do_write(wo, at, sectors * BLK_SECTOR, what == 10);
		else
			result_note(blk_flush(disk), "flush", 0, 0);
	}
	if (--running == 0)
		mx_cond_signal(&all_done);
}

static kern_return_t
workers_start(void)
{
	for (unsigned int i = 0; i < nworkers; i++) {
		struct worker *wo = &workers[i];
		kern_return_t kr;

		wo->wo_random = 2463534242u + i;
		wo->wo_at = (uint64_t)i * PART;
		wo->wo_model = mx_pages_alloc(PART);
		wo->wo_buf = mx_pages_alloc(PART);
		if (wo->wo_model == NULL || wo->wo_buf == NULL)
			return MX_ENOMEM;
		do_write(wo, 0, PART, false);
		kr = mx_fibril_start(work, wo, "worker");
		if (kr != KERN_SUCCESS)
			return kr;
		running++;
	}
	return KERN_SUCCESS;
}

/* As cksum -a crc would, were it of the bytes alone: the usual CRC-32. */
static uint32_t
checksum(void)
{
	uint32_t crc = ~0u;

	for (unsigned int i = 0; i < nworkers; i++)
		for (unsigned int j = 0; j < PART; j++) {
			crc ^= workers[i].wo_model[j];
			for (int k = 0; k < 8; k++)
				crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
		}
	return ~crc;
}

/* All parts once more, from the disk. */
static void
all_compare(void)
{
	for (unsigned int i = 0; i < nworkers; i++)
		do_read(&workers[i], 0, PART);
}

static kern_return_t
fresh(int argc, char **argv)
{
	uint64_t begin = mx_now_ns();
	kern_return_t kr;

	if (argc != 4)
		return MX_EINVAL;
	until = begin + strtoul(argv[2], NULL, 10) * NS;
	nworkers = strtoul(argv[3], NULL, 10) % (WORKERS_MAX + 1);
	kr = blk_disk_open(argv[1], strlen(argv[1]), true, &disk);
	if (kr == KERN_SUCCESS)
		mx_server_ready();
	if (kr == KERN_SUCCESS)
		kr = workers_start();
	if (kr != KERN_SUCCESS)
		return kr;
	while (running > 0)
		mx_cond_wait(&all_done);
	all_compare();
	mx_log(MX_LOG_INFO, "end: %lu requests, %lu KiB, %lu ms, %lu errors, %lu wrong, crc %08lx", done, bytes / 1024,
		(unsigned long)((mx_now_ns() - begin) / 1000000), errors, wrong, (unsigned long)checksum());
	blk_disk_close(disk);
	exit(0);
}

static const struct mx_server server = { "blktest", fresh, NULL };

int
main(int argc, char **argv)
{
	mx_server_main(&server, argc, argv);
}
