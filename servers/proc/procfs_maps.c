/*
 * procfs_maps.c - /proc/PID/maps, smaps and smaps_rollup: what the kernel tells of an address space.
 *
 * A mapping shows an object of the kernel, which may lie as a shadow (what was written since a copy) before others. A page counts as resident
 * when one of them has it in memory: unlike Linux's figure this has pages of a file that the process has not touched itself, because the kernel
 * does not tell what is in a task's page tables. A page counts as shared when anybody else refers to an object on the way to it.
 * How many there are is not known, so there is no Pss.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <stdlib.h>
#include <string.h>
#include <mach_debug/vm_info.h>
#include <masix/mach.h>
#include "procfs.h"
#include "../../emulib/emulib.h"
#include "mach_debug.h"

#define PAGE		4096u
#define REGIONS_MAX	65536u
#define SHADOWS_MAX	64
#define PAGES_MAX	262144u		/* looked at for one text: a process could map the same large object very often */

/* A piece of the address space, neighbours of the same kind taken together. */
struct region {
	uint32_t	r_start, r_end;
	vm_prot_t	r_prot;
	bool		r_shared;
	/* Of smaps; pages. */
	bool		r_unknown;	/* that is not all: too much to look at */
	uint32_t	r_pages[2][2];	/* [shared][dirty] */
	uint32_t	r_anonymous;	/* of no file */
};

/* A look at the whole address space of TASK. */
struct survey {
	struct proc	*s_proc;
	struct pfs_text	*s_text;
	void		(*s_print)(struct survey *s, const struct region *r, const char *name);
	bool		s_counts;	/* fill in what smaps has */
	uint32_t	s_left;		/* pages that may still be looked at */
	uint32_t	*s_objects;	/* of all regions, in order */
	uint32_t	s_nobjects;
	struct region	s_sum;
};

/* ---- Pages ---- */

static int
object_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* How often the task itself maps OBJECT. */
static uint32_t
object_uses(const struct survey *s, uint32_t object)
{
	uint32_t low = 0, high = s->s_nobjects, n = 0;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (s->s_objects[mid] < object)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < s->s_nobjects && s->s_objects[low] == object; low++)
		n++;
	return n;
}

/* All objects that TASK maps. False: no memory. */
static bool
objects_collect(struct survey *s, mach_port_t task)
{
	vm_region_info_t info;
	uint32_t at = 0, n = 0;
	mach_port_t object;

	s->s_objects = calloc(REGIONS_MAX, sizeof(*s->s_objects));
	if (s->s_objects == NULL)
		return false;
	for (; n < REGIONS_MAX && mach_vm_region_info(task, at, &info, &object) == KERN_SUCCESS; at = info.vri_end) {
		mx_port_release(object);
		s->s_objects[n++] = info.vri_object;
	}
	s->s_nobjects = n;
	qsort(s->s_objects, n, sizeof(*s->s_objects), object_compare);
	return true;
}

/* Where in an object a region's pages are, and which of them were found in one before it. */
struct window {
	uint32_t	w_offset, w_size;
	uint8_t		*w_found;	/* a bit for each page */
};

static void
pages_add(struct region *r, struct window *w, const vm_page_info_t *page, mach_msg_type_number_t n, bool shared, bool anonymous)
{
	for (; n-- > 0; page++) {
		uint32_t i = (page->vpi_offset - w->w_offset) / PAGE;
		uint8_t bit = (uint8_t)(1u << i % 8);

		if (page->vpi_offset - w->w_offset >= w->w_size || (page->vpi_state & (VPI_STATE_ABSENT | VPI_STATE_FICTITIOUS)) ||
		    (w->w_found[i / 8] & bit))
			continue;
		w->w_found[i / 8] |= bit;
		r->r_pages[shared][(page->vpi_state & VPI_STATE_DIRTY) != 0]++;
		r->r_anonymous += anonymous;
	}
}

/* Count what OBJECT has of the window. *SHADOW is what lies behind it, or MACH_PORT_NULL. */
static void
object_count(struct survey *s, struct region *r, struct window *w, mach_port_t object, bool first, bool *shared, mach_port_t *shadow)
{
	mach_msg_type_number_t n = 0;
	vm_page_info_array_t pages = NULL;
	vm_object_info_t info;
	mach_port_t copy;

	*shadow = MACH_PORT_NULL;
	if (mach_vm_object_info(object, &info, shadow, &copy) != KERN_SUCCESS)
		return;
	mx_port_release(copy);
	if (info.voi_ref_count - 1 > (first ? object_uses(s, info.voi_object) : 1))	/* one is this call's */
		*shared = true;
	if (info.voi_resident_page_count > s->s_left) {
		r->r_unknown = true;
		return;
	}
	s->s_left -= info.voi_resident_page_count;
	if (mach_vm_object_pages(object, &pages, &n) == KERN_SUCCESS && n > 0) {
		pages_add(r, w, pages, n, *shared, (info.voi_state & VOI_STATE_INTERNAL) != 0);
		(void)syscall_vm_deallocate(mx_task, (vm_address_t)pages, n * sizeof(pages[0]));	/* ours: cannot fail */
	}
	w->w_offset += info.voi_shadow_offset;
}

/* Count R's pages, which begin at OFFSET of OBJECT. Rights: OBJECT is gone. */
static void
region_count(struct survey *s, struct region *r, mach_port_t object, uint32_t offset)
{
	struct window w = { offset, r->r_end - r->r_start, calloc(1, (r->r_end - r->r_start) / PAGE / 8 + 1) };
	mach_port_t shadow;
	bool shared = false;

	r->r_unknown = w.w_found == NULL;
	for (int i = 0; i < SHADOWS_MAX && MACH_PORT_VALID(object) && !r->r_unknown; i++, object = shadow) {
		object_count(s, r, &w, object, i == 0, &shared, &shadow);
		mx_port_release(object);
	}
	mx_port_release(object);
	free(w.w_found);
}

/* ---- Regions ---- */

static const char *
region_name(const struct proc *p, const struct region *r)
{
	if (r->r_start <= p->p_stack && p->p_stack < r->r_end)
		return "[stack]";
	if (r->r_start >= EM_TEXT)
		return "[vdso]";
	if (p->p_brk_start != 0 && r->r_start == p->p_brk_start)
		return "[heap]";
	return "";
}

static void
region_done(struct survey *s, const struct region *r)
{
	if (r->r_end == r->r_start || (r->r_start == 0 && r->r_prot == VM_PROT_NONE))
		return;				/* emulib keeps page 0 from being used */
	s->s_print(s, r, region_name(s->s_proc, r));
}

/* The region at or after AT; one that the break begins in is two. False: there is none. */
static bool
region_next(struct survey *s, mach_port_t task, uint32_t at, struct region *r)
{
	uint32_t brk = s->s_proc->p_brk_start;
	vm_region_info_t info;
	mach_port_t object;

	if (mach_vm_region_info(task, at, &info, &object) != KERN_SUCCESS)
		return false;
	*r = (struct region){ .r_start = info.vri_start, .r_end = info.vri_end, .r_prot = info.vri_protection };
	r->r_shared = info.vri_sharing && info.vri_inheritance == VM_INHERIT_SHARE && r->r_start < EM_TEXT;
	if (r->r_start < at)			/* the second part of one that was split */
		r->r_start = at;
	if (r->r_start < brk && brk < r->r_end)
		r->r_end = brk;
	if (s->s_counts && (r->r_start < EM_USER_END || r->r_start >= EM_TEXT))
		region_count(s, r, object, info.vri_offset + (r->r_start - info.vri_start));
	else
		mx_port_release(object);
	return true;
}

static void
region_add(struct region *to, const struct region *r)
{
	for (int i = 0; i < 4; i++)
		to->r_pages[i / 2][i % 2] += r->r_pages[i / 2][i % 2];
	to->r_anonymous += r->r_anonymous;
	to->r_unknown |= r->r_unknown;
}

static void
survey_run(struct survey *s, mach_port_t task)
{
	struct region all = { .r_start = 0 }, r;
	uint32_t at = 0;

	for (uint32_t i = 0; i < REGIONS_MAX && region_next(s, task, at, &r); i++) {
		if (r.r_start >= EM_USER_END && r.r_start < EM_TEXT) {
			at = EM_TEXT;			/* windows and stacks of emulib are no business of the program */
			continue;
		}
		if (r.r_start > EM_TEXT)
			break;
		if (r.r_start == all.r_end && r.r_prot == all.r_prot && r.r_shared == all.r_shared &&
		    r.r_start != s->s_proc->p_brk_start) {
			all.r_end = r.r_end;
			region_add(&all, &r);
		} else {
			region_done(s, &all);
			all = r;
		}
		at = r.r_end;
	}
	region_done(s, &all);
}

/* ---- Texts ---- */

static void
line_print(struct survey *s, const struct region *r, const char *name)
{
	pfs_text_printf(s->s_text, "%08x-%08x %c%c%c%c 00000000 00:00 0 %*s%s\n", (unsigned int)r->r_start, (unsigned int)r->r_end,
		r->r_prot & VM_PROT_READ ? 'r' : '-', r->r_prot & VM_PROT_WRITE ? 'w' : '-',
		r->r_prot & VM_PROT_EXECUTE ? 'x' : '-', r->r_shared ? 's' : 'p', name[0] != '\0' ? 25 : 0, "", name);
}

static void
kb_print(struct survey *s, const char *what, uint32_t pages)
{
	pfs_text_printf(s->s_text, "%-15s %8lu kB\n", what, (unsigned long)pages * (PAGE / 1024));
}

/* What was counted; nothing when it is not all. */
static void
counts_print(struct survey *s, const struct region *r)
{
	const uint32_t (*pages)[2] = r->r_pages;

	if (r->r_unknown)
		return;
	kb_print(s, "Rss:", pages[0][0] + pages[0][1] + pages[1][0] + pages[1][1]);
	kb_print(s, "Shared_Clean:", pages[1][0]);
	kb_print(s, "Shared_Dirty:", pages[1][1]);
	kb_print(s, "Private_Clean:", pages[0][0]);
	kb_print(s, "Private_Dirty:", pages[0][1]);
	kb_print(s, "Anonymous:", r->r_anonymous);
}

static void
whole_print(struct survey *s, const struct region *r, const char *name)
{
	line_print(s, r, name);
	kb_print(s, "Size:", (r->r_end - r->r_start) / PAGE);
	kb_print(s, "KernelPageSize:", 1);
	kb_print(s, "MMUPageSize:", 1);
	counts_print(s, r);
	pfs_text_printf(s->s_text, "VmFlags:%s%s%s%s\n", r->r_prot & VM_PROT_READ ? " rd" : "", r->r_prot & VM_PROT_WRITE ? " wr" : "",
		r->r_prot & VM_PROT_EXECUTE ? " ex" : "", r->r_shared ? " sh" : "");
}

static void
sum_add(struct survey *s, const struct region *r, const char *name)
{
	(void)name;
	if (s->s_sum.r_end == 0)
		s->s_sum.r_start = r->r_start;
	s->s_sum.r_end = r->r_end;
	region_add(&s->s_sum, r);
}

kern_return_t
pf_text_maps(struct proc *p, int32_t n, struct pfs_text *text)
{
	struct survey s = { .s_proc = p, .s_text = text, .s_print = line_print };

	(void)n;
	if (p->p_task != MACH_PORT_NULL)
		survey_run(&s, p->p_task);
	return KERN_SUCCESS;
}

static kern_return_t
counts_get(struct survey *s)
{
	mach_port_t task = s->s_proc->p_task;

	s->s_counts = true;
	s->s_left = PAGES_MAX;
	if (!objects_collect(s, task))
		return MX_ENOMEM;
	survey_run(s, task);
	free(s->s_objects);
	return KERN_SUCCESS;
}

kern_return_t
pf_text_smaps(struct proc *p, int32_t n, struct pfs_text *text)
{
	struct survey s = { .s_proc = p, .s_text = text, .s_print = whole_print };

	(void)n;
	return p->p_task != MACH_PORT_NULL ? counts_get(&s) : KERN_SUCCESS;
}

kern_return_t
pf_text_smaps_rollup(struct proc *p, int32_t n, struct pfs_text *text)
{
	struct survey s = { .s_proc = p, .s_text = text, .s_print = sum_add };
	kern_return_t kr;

	(void)n;
	if (p->p_task == MACH_PORT_NULL)
		return KERN_SUCCESS;
	kr = counts_get(&s);
	if (kr != KERN_SUCCESS)
		return kr;
	line_print(&s, &s.s_sum, "[rollup]");
	counts_print(&s, &s.s_sum);
	return KERN_SUCCESS;
}
