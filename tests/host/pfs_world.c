/*
 * pfs_world.c - see pfs_world.h.
 *
 * The kernel here keeps pages per memory object as the real one does: it asks for one page at a time, takes what is supplied up to
 * the first page that it has, moves pages out of the "task" when told to (its memory is cleared, so that a use after the
 * move is seen), returns dirty and precious ones when it evicts, and forgets the others.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include "pfs_world.h"
#undef malloc
#undef calloc
#undef realloc
#undef free
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <masix/pager.h>
#include <masix/pfs.h>
#include <masix/server.h>
#include "page_pool.h"
#include "pfs_lib.h"
#include "tmpfs.h"

/* ---- Memory ---- */

unsigned int world_fail_at, world_live;
bool world_fail_sticky;

static bool
fails(void)
{
	if (world_fail_at == 0)
		return false;
	if (world_fail_at > 1) {
		world_fail_at--;
		return false;
	}
	if (!world_fail_sticky)
		world_fail_at = 0;
	return true;
}

void *
world_malloc(size_t n)
{
	void *p = fails() ? NULL : malloc(n != 0 ? n : 1);

	world_live += p != NULL;
	return p;
}

void *
world_calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : calloc(n, size);

	world_live += p != NULL;
	return p;
}

void *
world_realloc(void *p, size_t n)
{
	void *q;

	if (p == NULL)
		return world_malloc(n);
	q = fails() ? NULL : realloc(p, n);
	return q;
}

void
world_free(void *p)
{
	world_live -= p != NULL;
	free(p);
}

/* ---- libmasix ---- */

uint64_t
mx_real_ns(void)
{
	static uint64_t now = 1700000000000000000ull;

	return now += 1000000;
}

void
mx_panic(const char *file, int line, const char *what)
{
	printf("not ok - %s:%d: panic: %s\n", file, line, what);
	abort();
}

/* There is one fibril: a lock that is held would never be free again. */
static struct mx_fibril *const self = (struct mx_fibril *)8;

void
mx_mutex_lock(struct mx_mutex *m)
{
	mx_assert(m->mm_owner == NULL);
	m->mm_owner = self;
}

void
mx_mutex_unlock(struct mx_mutex *m)
{
	mx_assert(m->mm_owner == self);
	m->mm_owner = NULL;
}

/* Nobody else would ever wake who waits here. */
void __attribute__((weak)) mx_cond_wait(struct mx_cond *c) { (void)c; mx_panic(__FILE__, __LINE__, "waiting for ever"); }
void __attribute__((weak)) mx_cond_signal(struct mx_cond *c) { (void)c; }
void __attribute__((weak)) mx_cond_broadcast(struct mx_cond *c) { (void)c; }
void mx_rwlock_rdlock(struct mx_rwlock *l) { mx_assert(l->rw_writer == NULL); l->rw_readers++; }

void
mx_rwlock_wrlock(struct mx_rwlock *l)
{
	mx_assert(l->rw_writer == NULL && l->rw_readers == 0);
	l->rw_writer = self;
}

void
mx_rwlock_unlock(struct mx_rwlock *l)
{
	mx_assert(l->rw_writer == self || l->rw_readers > 0);
	if (l->rw_writer != NULL)
		l->rw_writer = NULL;
	else
		l->rw_readers--;
}

unsigned int world_logged;

void
mx_log(enum mx_level level, const char *fmt, ...)
{
	va_list ap;

	world_logged += level <= MX_LOG_WARNING;
	if (getenv("WORLD_LOG") == NULL)
		return;
	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

void
mx_spin_lock(struct mx_spin *s)
{
	mx_assert(s->sp_word == 0);
	s->sp_word = 1;
}

void
mx_spin_unlock(struct mx_spin *s)
{
	mx_assert(s->sp_word == 1);
	s->sp_word = 0;
}

void
pfs_inode_detach(struct pfs_node *node)
{
	(void)node;
}

void pfs_lease_look(struct pfs_node *node);
void
pfs_lease_look(struct pfs_node *node)
{
	(void)node;
}

void pfs_lease_end(struct pfs_node *node);
void
pfs_lease_end(struct pfs_node *node)
{
	(void)node;
}


kern_return_t pfs_claim_check(struct pfs_node *node, bool is_program);
kern_return_t
pfs_claim_check(struct pfs_node *node, bool is_program)
{
	(void)node, (void)is_program;
	return KERN_SUCCESS;
}

void
pfs_node_changed(struct pfs_node *node)
{
	(void)node;
}

/* ---- Chunks for the pool ---- */

#define CHUNKS_MAX 4096

static struct { uint8_t *base; size_t left; } chunks[CHUNKS_MAX];
static unsigned int nchunks;
static unsigned int loose;		/* pages that the kernel gave back */

void *
mx_page_chunk_map(size_t size)
{
	uint8_t *base, *p;
	size_t cut;

	if (fails() || nchunks == CHUNKS_MAX)
		return NULL;
	base = mmap(NULL, size * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mx_assert(base != MAP_FAILED);
	p = (uint8_t *)(((uintptr_t)base + size - 1) & ~(size - 1));
	cut = (size_t)(p - base);
	if (cut > 0)
		munmap(base, cut);
	if (size - cut > 0)
		munmap(p + size, size - cut);
	chunks[nchunks].base = p;
	chunks[nchunks++].left = size;
	return p;
}

/* N bytes at P are no part of the task any more. */
static void
memory_gone(uint8_t *p, size_t n)
{
	unsigned int i;

	mx_assert(munmap(p, n) == 0);
	for (i = 0; i < nchunks; i++) {
		if (p < chunks[i].base || p >= chunks[i].base + (1u << 18))
			continue;
		chunks[i].left -= n;
		if (chunks[i].left == 0)
			chunks[i] = chunks[--nchunks];
		return;
	}
	loose -= n / MX_PAGE;
}

void
mx_page_unmap(void *addr, size_t size)
{
	memory_gone(addr, size);
}

bool
mx_memory_is_low(void)
{
	return false;
}

unsigned int
world_chunks(void)
{
	return nchunks;
}

/* A page for the task that comes from the kernel. */
static uint8_t *
page_into_task(const uint8_t *data)
{
	uint8_t *p = mmap(NULL, MX_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mx_assert(p != MAP_FAILED);
	memcpy(p, data, MX_PAGE);
	loose++;
	return p;
}

void *
world_pages_new(size_t n)
{
	void *p = fails() ? MAP_FAILED : mmap(NULL, n * MX_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	loose += n;
	return p;
}

/* ---- The kernel ---- */

#define PAGES_MAX 8192u			/* of one object */

struct kernel_page { uint8_t *data; bool dirty, precious; };

struct mx_pager {
	const struct mx_pager_ops *ops;
	void		*owner;
	struct kernel_page *pages[PAGES_MAX];
	bool		is_error, retired, written;
	struct mx_pager	*next;		/* to be told that it is unused */
};

static struct mx_pager *unused;
static unsigned int npages;

unsigned int
world_pages(void)
{
	return npages + loose;
}

static struct kernel_page *
page_add(struct mx_pager *pg, uint32_t page)
{
	struct kernel_page *kp = calloc(1, sizeof(*kp));

	mx_assert(page < PAGES_MAX && pg->pages[page] == NULL);
	kp->data = calloc(1, MX_PAGE);
	pg->pages[page] = kp;
	npages++;
	return kp;
}

static void
page_drop(struct mx_pager *pg, uint32_t page)
{
	struct kernel_page *kp = pg->pages[page];

	if (kp == NULL)
		return;
	free(kp->data);
	free(kp);
	pg->pages[page] = NULL;
	npages--;
}

kern_return_t
mx_pager_create(const struct mx_pager_ops *ops, void *owner, struct mx_pager **out)
{
	if (fails())
		return MX_ENOMEM;
	*out = calloc(1, sizeof(**out));
	(*out)->ops = ops;
	(*out)->owner = owner;
	return KERN_SUCCESS;
}

void *mx_pager_owner(const struct mx_pager *pg) { return pg->owner; }
bool mx_pager_may_be_written(const struct mx_pager *pg) { return pg->written; }

void *
mx_pager_supply(struct mx_pager *pg, uint32_t page, void *addr, uint32_t n, bool move, bool precious)
{
	uint8_t *from = addr;
	uint32_t i;

	for (i = 0; i < n && page + i < PAGES_MAX && pg->pages[page + i] == NULL; i++) {
		struct kernel_page *kp = page_add(pg, page + i);

		memcpy(kp->data, from + i * MX_PAGE, MX_PAGE);
		kp->precious = precious;
	}
	mx_assert(i == n);		/* the owner knows what the kernel has */
	if (move)
		memory_gone(addr, n * MX_PAGE);
	return NULL;
}

void
mx_pager_zero(struct mx_pager *pg, uint32_t page)
{
	(void)page_add(pg, page);
}

void
mx_pager_error(struct mx_pager *pg, uint32_t page)
{
	(void)page;
	pg->is_error = true;
}

/* Page PAGE, asked for when it is missing; NULL: an error. */
static struct kernel_page *
page_get(struct mx_pager *pg, uint32_t page)
{
	if (page >= PAGES_MAX)
		return NULL;
	if (pg->pages[page] == NULL) {
		pg->is_error = false;
		pg->ops->pg_request(pg, page, 1);
		mx_assert((pg->pages[page] != NULL) != pg->is_error);
	}
	return pg->pages[page];
}

static bool
transfer(struct mx_pager *pg, uint64_t offset, void *buf, size_t n, bool write)
{
	uint8_t *b = buf;
	struct kernel_page *kp;
	size_t k;

	for (; n > 0; offset += k, b += k, n -= k) {
		k = MX_PAGE - (size_t)(offset % MX_PAGE) < n ? MX_PAGE - (size_t)(offset % MX_PAGE) : n;
		kp = page_get(pg, (uint32_t)(offset / MX_PAGE));
		if (kp == NULL)
			return false;
		if (write && buf != NULL)
			memcpy(kp->data + offset % MX_PAGE, b, k);
		else if (write)
			memset(kp->data + offset % MX_PAGE, 0, k);
		else
			memcpy(b, kp->data + offset % MX_PAGE, k);
		kp->dirty |= write;
	}
	return true;
}

bool
world_touch(struct mx_pager *pg, uint64_t offset, void *buf, size_t n, bool write)
{
	pg->written |= write;
	return transfer(pg, offset, buf, n, write);
}

kern_return_t
mx_pager_read(struct mx_pager *pg, uint64_t offset, void *buf, size_t n)
{
	mx_assert(transfer(pg, offset, buf, n, false));
	return KERN_SUCCESS;
}

kern_return_t
mx_pager_write(struct mx_pager *pg, uint64_t offset, const void *buf, size_t n)
{
	mx_assert(transfer(pg, offset, (void *)(uintptr_t)buf, n, true));
	return KERN_SUCCESS;
}

void
mx_pager_discard(struct mx_pager *pg, uint32_t first, uint32_t end)
{
	for (; first < end && first < PAGES_MAX; first++)
		page_drop(pg, first);
}

void
world_evict(struct mx_pager *pg, uint32_t page)
{
	struct kernel_page *kp = page < PAGES_MAX ? pg->pages[page] : NULL;
	uint8_t *data;
	bool dirty;

	if (kp == NULL)
		return;
	dirty = kp->dirty;
	data = dirty || kp->precious ? page_into_task(kp->data) : NULL;
	page_drop(pg, page);
	if (data != NULL)
		pg->ops->pg_return(pg, page, data, 1, dirty, false);
}

void
world_clean(struct mx_pager *pg, uint32_t page)
{
	struct kernel_page *kp = page < PAGES_MAX ? pg->pages[page] : NULL;

	if (kp == NULL || !kp->dirty)
		return;
	kp->dirty = false;
	pg->ops->pg_return(pg, page, page_into_task(kp->data), 1, true, true);
}

void
world_terminate(struct mx_pager *pg)
{
	uint32_t page;

	for (page = 0; page < PAGES_MAX; page++)
		world_evict(pg, page);
	pg->ops->pg_terminated(pg);
}

void
mx_pager_retire(struct mx_pager *pg)
{
	mx_assert(!pg->retired);
	pg->retired = true;
	pg->next = unused;
	unused = pg;
}

void
mx_pager_destroy(struct mx_pager *pg)
{
	free(pg);
}

void
world_run(void)
{
	struct mx_pager *pg;

	while ((pg = unused) != NULL) {
		unused = pg->next;
		world_terminate(pg);
		pg->ops->pg_unused(pg);
	}
}

/* ---- Checks ---- */

unsigned int checks, failures;
static unsigned int tests, failures_before;
uint64_t rnd_state = 1;

void
check(bool ok, const char *what, const char *where, int line)
{
	checks++;
	if (ok)
		return;
	failures++;
	printf("# %s:%d: %s\n", where, line, what);
	fflush(stdout);
	if (failures > 20)
		exit(1);
}

uint32_t
rnd(uint32_t n)
{
	rnd_state = rnd_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(rnd_state >> 33) % n;
}

void
tap(const char *what)
{
	printf("%sok %u - %s\n", failures != failures_before ? "not " : "", ++tests, what);
	failures_before = failures;
}

int
tap_end(void)
{
	printf("1..%u\n# %u checks\n", tests, checks);
	return failures != 0;
}
