/*
 * blk_file.h - disks on the host: masix/blk.h over image files, with a record of what was written and power that can be cut.
 *
 * The source "blk:254:N" is the image that blk_file_open gave the number N. Nothing parks. Image files may be sparse.
 *
 * A record holds every write and flush in order. The disk promises only what blk.h says: a write may be lost, or be done in part,
 * until a flush that came after it has returned, or it was written durable. So the image after a power cut is what was durable at
 * that moment and any choice of the sectors written since.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef BLK_FILE_H
#define BLK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLK_FILE_DISKS	8u

/* Disk N is the image file PATH from now on, or (PATH NULL) SIZE bytes of zeros in memory. READONLY: blk_disk_open refuses to write.
 * Exits when the file is not there. */
void blk_file_open(unsigned int n, const char *path, uint64_t size, bool readonly);
/* The disk is gone; its record, too. */
void blk_file_close(unsigned int n);
/* A path by which other programs can open disk N while it is open. */
const char *blk_file_path(unsigned int n);
/* The descriptor of disk N's image, to look at it or damage it behind the file system's back. */
int blk_file_fd(unsigned int n);
/* Disk TO, of the same size, gets the contents of disk FROM. */
void blk_file_copy(unsigned int from, unsigned int to);

/* Record disk N from now on; its contents now are what every cut begins from. */
void blk_file_record(unsigned int n);
void blk_file_record_stop(unsigned int n);
/* How many writes and flushes there are in the record. */
unsigned int blk_file_events(unsigned int n);

enum blk_file_loss {
	BLK_FILE_KEEP,		/* every write before the cut was done */
	BLK_FILE_LOSE,		/* none that was not durable was */
	BLK_FILE_ANY,		/* each of those was or was not, as SEED has it */
	BLK_FILE_TORN,		/* each sector of those was or was not */
};
/* Disk TO (same size, any contents) becomes what disk N holds when the power goes after the first EVENTS events of its record. */
void blk_file_cut(unsigned int n, unsigned int events, enum blk_file_loss loss, uint64_t seed, unsigned int to);

/* The N-th read (write, flush) from now fails with MX_EIO, and all after it when STICKY; 0: none does. */
extern unsigned int blk_file_fail_read, blk_file_fail_write, blk_file_fail_flush;
extern bool blk_file_fail_sticky;
/* Requests since the start. */
extern unsigned int blk_file_reads, blk_file_writes, blk_file_flushes;

#endif
