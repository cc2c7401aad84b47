/*
 * swap.c - pages to and from disks.
 *
 * One fibril, the saver, writes what is oldest to swap when the store is nearly full. A few readers bring back what the kernel asks
 * for; there are few, as each has a wired stack, and the disk does not get faster by more of them. No request to a disk needs any
 * memory that is not here already, except what the driver takes from the kernel's reserve for one request.
 *
 * A disk that cannot be read harms who has pages there: it gets SIGBUS. One that cannot be written gets no more pages; those that it
 * should have had stay in the store.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <masix/blk.h>
#include <masix/mach.h>
#include "server.h"

#define READERS		4
#define ERRORS_MAX	8u		/* of writing, after which an area is given no more */
#define FETCH_MAX	32u
#define SHORT		4u		/* percent of free memory below which requests are small */
#define SMALL		2u		/* pages of a request that the driver needs no memory for */
#define AHEADS		8u
#define POLL_NS		10000000u
#define PRIORITY_FIRST	(-2)		/* of areas whose priority nobody chose: each one lower, as on Linux */

struct job {				/* what data_read_begin chose */
	struct job	*jb_next;
	struct data_port *jb_port;	/* a reference */
	uint32_t	jb_page, jb_n;
	data_word	jb_slot;
};

static struct job *first_job, **last_job = &first_job;
static struct mx_cond jobs, to_save;
static struct mx_mutex admin;		/* areas are added and removed one at a time */
static int32_t next_priority = PRIORITY_FIRST;
static bool saver_waits;
static uint32_t busy;			/* requests to disks */
static char save_buffer[DATA_SAVE_MAX * DATA_PAGE] __attribute__((aligned(DATA_PAGE)));

static struct data_port *
port_of(struct data_object *ob)
{
	return (struct data_port *)((char *)ob - offsetof(struct data_port, dp_pages));
}

/* ---- Read ahead ---- */

/* Pages that were read with others, because they probably will be asked for next. */
static struct ahead {
	data_word	ah_slot;	/* of the first */
	uint32_t	ah_n;		/* 0: none */
	uint32_t	ah_left;	/* bits: those that are still there */
	char		*ah_pages;
} aheads[AHEADS];
static unsigned int next_ahead;

static void
ahead_free(struct ahead *ah)
{
	for (uint32_t i = 0; i < ah->ah_n; i++)
		if (ah->ah_left >> i & 1)
			mx_pages_free(ah->ah_pages + i * DATA_PAGE, DATA_PAGE);
	ah->ah_n = 0;
}

/* The N slots from SLOT on are to be written: what was read of them is out of date. */
static void
ahead_forget(data_word slot, uint32_t n)
{
	for (struct ahead *ah = aheads; ah < aheads + AHEADS; ah++)
		if (ah->ah_n > 0 && ah->ah_slot < data_slot_next(slot, n) && slot < data_slot_next(ah->ah_slot, ah->ah_n))
			ahead_free(ah);
}

/* Keep those of the N pages at PAGES whose bits are in LEFT. */
static void
ahead_keep(data_word slot, char *pages, uint32_t n, uint32_t left)
{
	struct ahead *ah = &aheads[next_ahead++ % AHEADS];

	ahead_free(ah);
	*ah = (struct ahead){ slot, n, left, pages };
	if (mx_memory_is_short(SHORT))
		ahead_free(ah);
}

/* The page of SLOT, if it was read already: the caller's from now on. */
static void *
ahead_take(data_word slot)
{
	for (struct ahead *ah = aheads; ah < aheads + AHEADS; ah++) {
		uint32_t i = (slot - ah->ah_slot) >> DATA_VALUE_SHIFT;

		if (slot >= ah->ah_slot && i < ah->ah_n && (ah->ah_left >> i & 1)) {
			ah->ah_left &= ~(1u << i);
			return ah->ah_pages + i * DATA_PAGE;
		}
	}
	return NULL;
}

/* ---- Writing ---- */

/* Is the store so full that some of it should go? */
static bool
want_save(bool is_saving)
{
	uint64_t all, left;
	uint32_t limit = data_store_stats.ss_limit;

	data_slots_count(&all, &left);
	if (left == 0)
		return false;
	return data_waiting() > 0 || data_store_stats.ss_live > (is_saving ? limit / 2 : limit / 8 * 5);
}

uint32_t
data_swap_busy(void)
{
	return busy;
}

void
data_swap_balance(void)
{
	if (saver_waits && want_save(false))
		mx_cond_signal(&to_save);
}

static void
write_failed(struct data_area *ar, kern_return_t kr)
{
	mx_log(MX_LOG_ERROR, "swap on %s: cannot write: error %#x", ar->ar_path, kr);
	if (++ar->ar_errors < ERRORS_MAX || ar->ar_closing)
		return;
	mx_log(MX_LOG_ERROR, "swap on %s: too many errors, nothing more is written to it", ar->ar_path);
	ar->ar_closing = true;
}

static bool
save_some(void)
{
	static struct data_save sv;
	struct data_area *ar;
	struct mx_object *port;
	kern_return_t kr;

	if (!data_save_begin(&sv, save_buffer, mx_memory_is_short(SHORT) ? SMALL : DATA_SAVE_MAX))
		return false;
	port = &port_of(sv.sv_object)->dp_object;
	ar = data_slot_area(sv.sv_slot);
	ahead_forget(sv.sv_slot, sv.sv_n);
	mx_object_hold(port);
	busy++;
	kr = blk_write(ar->ar_disk, data_slot_offset(sv.sv_slot), save_buffer, sv.sv_n * DATA_PAGE);
	busy--;
	data_save_end(&sv, kr == KERN_SUCCESS);
	mx_object_release(port);
	if (kr != KERN_SUCCESS)
		write_failed(ar, kr);
	data_room_made();
	return true;
}

/* A fibril. */
static void
saver(void *arg)
{
	(void)arg;
	for (;;) {
		bool is_saving = false;

		while (want_save(is_saving) && save_some())
			is_saving = true;
		saver_waits = true;
		mx_cond_wait(&to_save);
		saver_waits = false;
	}
}

/* ---- Reading ---- */

/* Into new pages. A few are read into a buffer of the driver's and copied, which needs no memory there. */
static kern_return_t
pages_read_now(const struct data_area *ar, data_word slot, uint32_t n, void **pages)
{
	kern_return_t kr;

	if (n > SMALL)
		return blk_read_pages(ar->ar_disk, data_slot_offset(slot), n * DATA_PAGE, pages);
	*pages = mx_pages_alloc(n * DATA_PAGE);
	if (*pages == NULL)
		return MX_ENOMEM;
	kr = blk_read(ar->ar_disk, data_slot_offset(slot), *pages, n * DATA_PAGE);
	if (kr != KERN_SUCCESS)
		mx_pages_free(*pages, n * DATA_PAGE);
	return kr;
}

static kern_return_t
pages_read(const struct data_area *ar, data_word slot, uint32_t n, void **pages)
{
	kern_return_t kr;

	busy++;
	kr = pages_read_now(ar, slot, n, pages);
	busy--;
	return kr;
}

/* What JOB read is at PAGES. */
static void
read_done(const struct job *job, char *pages)
{
	struct data_port *dp = job->jb_port;
	uint32_t good, wanted;

	data_read_end(&dp->dp_pages, job->jb_page, job->jb_n, job->jb_slot, true, &good, &wanted);
	for (uint32_t i = 0; i < job->jb_n; i++) {
		if (wanted >> i & 1)
			data_supply(dp, job->jb_page + i, pages + i * DATA_PAGE, true,
				data_page_given(&dp->dp_pages, job->jb_page + i));
		else if (!(good >> i & 1))
			mx_pages_free(pages + i * DATA_PAGE, DATA_PAGE);
	}
	if ((good & ~wanted) != 0)
		ahead_keep(job->jb_slot, pages, job->jb_n, good & ~wanted);
}

/* It could not be read: each page that is wanted is tried alone; one that was alone cannot be had. */
static void
read_failed(const struct job *job)
{
	struct data_port *dp = job->jb_port;
	uint32_t good, wanted;

	data_read_end(&dp->dp_pages, job->jb_page, job->jb_n, job->jb_slot, false, &good, &wanted);
	for (uint32_t i = 0; i < job->jb_n; i++) {
		if (!(wanted >> i & 1))
			continue;
		if (job->jb_n == 1)
			data_fail(dp, job->jb_page + i);
		else
			data_answer(dp, job->jb_page + i, 1);
	}
}

static void
job_run(struct job *job)
{
	struct data_area *ar = data_slot_area(job->jb_slot);
	void *pages;
	kern_return_t kr = pages_read(ar, job->jb_slot, job->jb_n, &pages);

	if (kr == KERN_SUCCESS) {
		read_done(job, pages);
	} else {
		ar->ar_errors++;
		mx_log(MX_LOG_ERROR, "swap on %s: cannot read %u pages: error %#x", ar->ar_path, (unsigned int)job->jb_n, kr);
		read_failed(job);
	}
	mx_object_release(&job->jb_port->dp_object);
	free(job);
}

/* A fibril. */
static void
reader(void *arg)
{
	struct job *job;

	(void)arg;
	for (;;) {
		job = first_job;
		if (job == NULL) {
			mx_cond_wait(&jobs);
			continue;
		}
		first_job = job->jb_next;
		if (first_job == NULL)
			last_job = &first_job;
		job_run(job);
	}
}

void
data_swap_read(struct data_port *dp, uint32_t page, uint32_t max)
{
	void *here = ahead_take(data_page_slot(&dp->dp_pages, page));
	struct job *job;

	if (here != NULL) {
		data_supply(dp, page, here, true, data_page_given(&dp->dp_pages, page));
		return;
	}
	job = malloc(sizeof(*job));
	if (job == NULL) {
		data_fail(dp, page);
		return;
	}
	*job = (struct job){ .jb_port = dp, .jb_page = page };
	mx_object_hold(&dp->dp_object);
	if (mx_memory_is_short(SHORT) && max > SMALL)
		max = SMALL;
	job->jb_n = data_read_begin(&dp->dp_pages, page, max, &job->jb_slot);
	*last_job = job;
	last_job = &job->jb_next;
	mx_cond_signal(&jobs);
}

/* ---- Areas ---- */

static struct data_area *
area_find(const char *source, size_t length)
{
	for (struct data_area *ar = data_areas; ar < data_areas + DATA_AREAS; ar++)
		if (ar->ar_map != NULL && strlen(ar->ar_source) == length && memcmp(ar->ar_source, source, length) == 0)
			return ar;
	return NULL;
}

/* DISK becomes an area. Errors: MX_EINVAL it was not made for that, MX_EPERM, MX_ENOMEM, MX_EIO */
static kern_return_t
area_make(struct blk_disk *disk, int32_t priority, struct data_area **out)
{
	char header[DATA_PAGE];
	const char *wrong;
	uint32_t slots;
	kern_return_t kr;

	if (blk_disk_bytes(disk) < 2 * DATA_PAGE)
		return MX_EINVAL;
	kr = blk_read(disk, 0, header, sizeof(header));
	if (kr != KERN_SUCCESS)
		return kr;
	wrong = data_area_check(header, blk_disk_bytes(disk) / DATA_PAGE, &slots);
	if (wrong != NULL) {
		mx_log(MX_LOG_INFO, "no swap there: %s", wrong);
		return MX_EINVAL;
	}
	*out = data_area_add(header, slots, priority);
	return *out != NULL ? KERN_SUCCESS : MX_EPERM;
}

kern_return_t
data_swap_add(const char *source, size_t length, const char *path, size_t path_length, int32_t priority)
{
	struct data_area *ar = NULL;
	struct blk_disk *disk;
	kern_return_t kr;

	if (length >= sizeof(ar->ar_source))
		return MX_ENOTBLK;
	mx_mutex_lock(&admin);
	kr = area_find(source, length) != NULL ? MX_EBUSY : blk_disk_open(source, length, true, &disk);
	if (kr == KERN_SUCCESS) {
		kr = area_make(disk, priority < 0 ? next_priority : priority, &ar);
		if (kr != KERN_SUCCESS)
			blk_disk_close(disk);
	}
	if (kr == KERN_SUCCESS) {
		next_priority -= priority < 0;
		ar->ar_disk = disk;
		memcpy(ar->ar_source, source, length);
		memcpy(ar->ar_path, path, path_length < DATA_PATH_MAX ? path_length : DATA_PATH_MAX);
		mx_log(MX_LOG_INFO, "swap on %s: %u KB, priority %d", ar->ar_path,
			(unsigned int)((ar->ar_slots - ar->ar_bad) * (DATA_PAGE / 1024)), (int)ar->ar_priority);
		data_swap_balance();
	}
	mx_mutex_unlock(&admin);
	return kr;
}

/* Read what FE has found, and put it into the store. */
static kern_return_t
fetch(struct data_fetch *fe, struct data_area *ar)
{
	struct mx_object *port = &port_of(fe->fe_object)->dp_object;
	void *pages;
	kern_return_t kr;

	mx_object_hold(port);
	kr = pages_read(ar, fe->fe_slot, fe->fe_n, &pages);
	if (kr == KERN_SUCCESS) {
		if (!data_fetch_end(fe, pages))
			kr = MX_ENOMEM;
		mx_pages_free(pages, fe->fe_n * DATA_PAGE);
	}
	mx_object_release(port);
	return kr;
}

/* Bring all back that is on AR. */
static kern_return_t
area_empty(struct data_area *ar)
{
	struct data_fetch fe;
	kern_return_t kr = KERN_SUCCESS;

	while (kr == KERN_SUCCESS && (ar->ar_used > ar->ar_bad || ar->ar_busy > 0)) {
		if (data_waiting() > 0)
			kr = MX_ENOMEM;		/* others need the room more */
		else if (mx_memory_is_short(SHORT + 1))
			kr = MX_ENOMEM;
		else if (data_fetch_begin(&fe, ar, FETCH_MAX))
			kr = fetch(&fe, ar);
		else
			mx_sleep_ns(POLL_NS);	/* what is left is on its way */
	}
	return kr;
}

kern_return_t
data_swap_remove(const char *source, size_t length)
{
	struct data_area *ar;
	bool was_closing;
	kern_return_t kr;

	mx_mutex_lock(&admin);
	ar = area_find(source, length);
	if (ar == NULL) {
		mx_mutex_unlock(&admin);
		return MX_EINVAL;
	}
	was_closing = ar->ar_closing;
	ar->ar_closing = true;
	kr = area_empty(ar);
	if (kr == KERN_SUCCESS) {
		mx_log(MX_LOG_INFO, "swap off %s", ar->ar_path);
		for (struct ahead *ah = aheads; ah < aheads + AHEADS; ah++)
			ahead_free(ah);
		blk_disk_close(ar->ar_disk);
		data_area_remove(ar);
	} else {
		ar->ar_closing = was_closing;
	}
	mx_mutex_unlock(&admin);
	return kr;
}

kern_return_t
data_swap_start(void)
{
	kern_return_t kr = mx_fibril_start(saver, NULL, "saver");

	for (int i = 0; i < READERS && kr == KERN_SUCCESS; i++)
		kr = mx_fibril_start(reader, NULL, "reader");
	return kr;
}
