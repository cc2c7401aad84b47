/*
 * mm.c - the program's memory: brk, mmap and their family.
 *
 * Anonymous memory is given to the kernel in windows of 512 KiB of address space that it cannot merge, because their maximum
 * protections alternate: else the kernel makes one object of neighbours, frees nothing of what is unmapped in part, and copies
 * after fork in quadratic time. Memory mapped PROT_NONE is not given to the kernel at all until it is made accessible. Execute
 * permission is not the kernel's matter (the processor has none); it is kept in the list only.
 *
 * Pages of private memory are discarded in place (vm_object_sync) only when no fork child can share them; otherwise the mapping is
 * replaced.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "file_calls.h"
#include "core_calls.h"
#include "mach.h"
#include "gnumach.h"

#define E(name)		(-MX_ERRNO(MX_##name))

#define WINDOW		0x00080000u
#define LOWEST		0x00010000u		/* below, nothing can be mapped */
#define STACK_GAP	0x00100000u		/* between the stack's lowest possible page and mappings */
#define MMAP_TOP	(EM_STACK_TOP - EM_STACK_MAX - STACK_GAP)
#define DISCARD_MIN	0x10000u		/* smaller parts of a window are not worth a kernel call */

enum { PROT_GROWSDOWN = 0x01000000, PROT_GROWSUP = 0x02000000 };
enum { MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_SHARED_VALIDATE = 3, MAP_TYPE = 15, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20,
	MAP_GROWSDOWN = 0x100, MAP_NORESERVE = 0x4000, MAP_FIXED_NOREPLACE = 0x100000 };
enum { MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2 };

static volatile uint32_t mm_lock;
static struct em_vmas mm_list;
static uint32_t mm_brk_start, mm_brk;
static uint32_t mm_stack_limit = EM_STACK_TOP - EM_STACK_MAX;	/* the stack may grow down to here */

void
em_mm_lock(void)
{
	em_lock(&mm_lock);
}

void
em_mm_unlock(void)
{
	em_unlock(&mm_lock);
}

/* Room for one more change of the list. Errors: -ENOMEM. Locks: mm_lock held. */
static int32_t
list_room(void)
{
	uint32_t room = mm_list.vl_room != 0 ? 2 * mm_list.vl_room : 84;	/* 84 entries are a block of 1 KiB */
	struct em_vma *e;

	if (mm_list.vl_count + 4 <= mm_list.vl_room)
		return 0;
	if (mm_list.vl_room >= 65536)
		return E(ENOMEM);
	e = em_alloc(room * sizeof(*e));
	if (e == NULL)
		return E(ENOMEM);
	memcpy(e, mm_list.vl_entry, mm_list.vl_count * sizeof(*e));
	if (mm_list.vl_entry != NULL)
		em_free(mm_list.vl_entry, mm_list.vl_room * sizeof(*e));
	mm_list.vl_entry = e;
	mm_list.vl_room = room;
	return 0;
}

/* ---- The kernel's side; mm_lock is held ---- */

static vm_prot_t
prot_of(uint32_t flags)
{
	if (flags & EM_VMA_WRITE)
		return VM_PROT_READ | VM_PROT_WRITE;
	return flags & (EM_VMA_READ | EM_VMA_EXEC) ? VM_PROT_READ : VM_PROT_NONE;
}

static uint32_t
window_end(uint32_t at, uint32_t end)
{
	uint32_t next = (at & ~(WINDOW - 1)) + WINDOW;

	return next < end ? next : end;
}

static int32_t
kernel_map_anon(uint32_t start, uint32_t end, uint32_t flags)
{
	vm_inherit_t inherit = flags & EM_VMA_SHARED ? VM_INHERIT_SHARE : VM_INHERIT_COPY;
	vm_address_t at;
	vm_prot_t max;
	kern_return_t kr;

	for (uint32_t from = start, to; from < end; from = to) {
		to = window_end(from, end);
		max = from & WINDOW ? VM_PROT_ALL : VM_PROT_READ | VM_PROT_WRITE;
		at = from;
		kr = syscall_vm_map(em_task, &at, to - from, 0, FALSE, MACH_PORT_NULL, 0, FALSE, prot_of(flags), max, inherit);
		if (kr != KERN_SUCCESS) {
			if (from > start)
				(void)syscall_vm_deallocate(em_task, start, from - start);
			return E(ENOMEM);
		}
	}
	return 0;
}

/* Throw away the pages of private memory that no other process can see; it reads as zeros then. */
static void
kernel_discard(uint32_t start, uint32_t end)
{
	vm_address_t at = start;
	vm_size_t size;
	vm_prot_t prot, max;
	vm_inherit_t inherit;
	boolean_t shared;
	memory_object_name_t name;
	vm_offset_t offset;
	uint32_t from, to;

	while (at < end) {
		if (vm_region(em_task, &at, &size, &prot, &max, &inherit, &shared, &name, &offset) != KERN_SUCCESS)
			return;
		from = at > start ? at : start;
		to = at + size < end ? at + size : end;
		if (name != MACH_PORT_NULL) {
			if (from < to)
				(void)vm_object_sync(name, offset + (from - at), to - from, TRUE, FALSE, FALSE);
			(void)syscall_mach_port_deallocate(em_task, name);
		}
		at += size;
	}
}

static bool
is_own_anon(const struct em_vma *v)
{
	return !(v->vm_flags & (EM_VMA_FILE | EM_VMA_SHARED | EM_VMA_FORKED | EM_VMA_LAZY));
}

/* Before a part of a window goes: the kernel would keep its pages as long as the window's object lives. */
static void
unmap_prepare(uint32_t start, uint32_t end)
{
	const struct em_vma *v;
	uint32_t from, to, first, last;

	for (uint32_t i = em_vma_above(&mm_list, start); i < mm_list.vl_count; i++) {
		v = &mm_list.vl_entry[i];
		if (v->vm_start >= end)
			return;
		if (!is_own_anon(v))
			continue;
		from = v->vm_start > start ? v->vm_start : start;
		to = v->vm_end < end ? v->vm_end : end;
		first = window_end(from, to);
		last = to & ~(WINDOW - 1);
		if (from > v->vm_start && first - from >= DISCARD_MIN && from % WINDOW != 0)
			kernel_discard(from, first);
		if (last > first && to < v->vm_end && to - last >= DISCARD_MIN)
			kernel_discard(last, to);
	}
}

static void
unmap_locked(uint32_t start, uint32_t end)
{
	if (!em_vma_any(&mm_list, start, end))
		return;
	unmap_prepare(start, end);
	em_vma_remove(&mm_list, start, end);
	(void)syscall_vm_deallocate(em_task, start, end - start);	/* fails for nothing that the list held */
}

/* ---- Faults (called by the service thread) ---- */

#define SEGV_MAPERR	1
#define SEGV_ACCERR	2

/* Does the kernel's map allow what the list allows? Then the fault came while they differed. */
static bool
kernel_agrees(uint32_t addr, uint32_t flags)
{
	vm_address_t at = addr;
	vm_size_t size;
	vm_prot_t prot, max;
	vm_inherit_t inherit;
	boolean_t shared;
	memory_object_name_t name;
	vm_offset_t offset;

	if (vm_region(em_task, &at, &size, &prot, &max, &inherit, &shared, &name, &offset) != KERN_SUCCESS)
		return false;
	if (name != MACH_PORT_NULL)
		(void)syscall_mach_port_deallocate(em_task, name);
	return at <= addr && (prot & prot_of(flags)) == prot_of(flags);
}

static bool
stack_grow(uint32_t addr)
{
	uint32_t i = em_vma_above(&mm_list, addr), floor;
	struct em_vma *v = i < mm_list.vl_count ? &mm_list.vl_entry[i] : NULL;

	if (v == NULL || !(v->vm_flags & EM_VMA_STACK) || addr < mm_stack_limit)
		return false;
	floor = addr & ~(WINDOW - 1);
	if (floor < mm_stack_limit)
		floor = mm_stack_limit;
	if (i > 0 && mm_list.vl_entry[i - 1].vm_end > floor)
		floor = addr & ~(EM_PAGE - 1);
	if (i > 0 && mm_list.vl_entry[i - 1].vm_end > floor)
		return false;
	if (kernel_map_anon(floor, v->vm_start, v->vm_flags) < 0)
		return false;
	v->vm_start = floor;
	return true;
}

int
em_mm_fault(uint32_t addr, int kind)
{
	struct em_vma *v;
	int code = SEGV_MAPERR;

	if (addr >= EM_USER_END)
		return addr >= EM_USER_END && kind == KERN_PROTECTION_FAILURE ? SEGV_ACCERR : SEGV_MAPERR;
	em_mm_lock();
	v = em_vma_at(&mm_list, addr);
	if (v == NULL) {
		if (stack_grow(addr))
			code = 0;
	} else if (prot_of(v->vm_flags) == VM_PROT_NONE) {
		code = SEGV_ACCERR;
	} else if (kind == KERN_PROTECTION_FAILURE) {
		code = (v->vm_flags & EM_VMA_WRITE) && kernel_agrees(addr, v->vm_flags) ? 0 : SEGV_ACCERR;
	} else if (kernel_agrees(addr, v->vm_flags)) {
		code = 0;
	}
	em_mm_unlock();
	return code;
}

/* ---- For exec ---- */

/* Only once, in a fresh task: no memory that the kernel places may come to lie where a null pointer points. */
void
em_mm_init(void)
{
	vm_address_t at = 0;

	(void)syscall_vm_map(em_task, &at, LOWEST, 0, FALSE, MACH_PORT_NULL, 0, FALSE, VM_PROT_NONE, VM_PROT_NONE,
			     VM_INHERIT_COPY);
}

void
em_mm_clear(void)
{
	em_mm_lock();
	mm_list.vl_count = 0;
	mm_brk_start = mm_brk = 0;
	(void)syscall_vm_deallocate(em_task, LOWEST, EM_USER_END - LOWEST);
	em_mm_unlock();
}

void
em_mm_exec(uint32_t brk)
{
	uint64_t limit = em_proc()->p_rlimit_stack;

	mm_brk_start = mm_brk = EM_PAGE_ALIGN(brk);
	mm_stack_limit = EM_STACK_TOP - (limit < EM_STACK_MAX ? EM_PAGE_ALIGN((uint32_t)limit) : EM_STACK_MAX);
}

int32_t
em_mm_map_anon(uint32_t addr, uint32_t size, uint32_t flags)
{
	int32_t err;

	em_mm_lock();
	err = list_room();
	if (err == 0)
		err = kernel_map_anon(addr, addr + size, flags);
	if (err == 0)
		em_vma_insert(&mm_list, addr, addr + size, flags);
	em_mm_unlock();
	return err;
}

int32_t
em_mm_map_object(uint32_t addr, uint32_t size, uint32_t flags, mach_port_t memory, uint32_t offset, vm_prot_t maxprot)
{
	bool shared = (flags & EM_VMA_SHARED) != 0;
	vm_address_t at = addr;
	kern_return_t kr;
	int32_t err;

	em_mm_lock();
	err = list_room();
	if (err == 0) {
		kr = syscall_vm_map(em_task, &at, size, 0, FALSE, memory, offset, !shared, prot_of(flags),
				    shared ? (vm_prot_t)(maxprot | prot_of(flags)) : VM_PROT_ALL,
				    shared ? VM_INHERIT_SHARE : VM_INHERIT_COPY);
		err = kr == KERN_SUCCESS ? 0 : kr == KERN_PROTECTION_FAILURE ? E(EACCES) : E(ENOMEM);
	}
	if (err == 0)
		em_vma_insert(&mm_list, addr, addr + size, flags | EM_VMA_FILE);
	em_mm_unlock();
	return err;
}

uint32_t
em_mm_find(uint32_t size)
{
	uint32_t at;

	em_mm_lock();
	at = em_vma_find(&mm_list, size, LOWEST, MMAP_TOP);
	em_mm_unlock();
	return at;
}

bool
em_mm_lookup(uint32_t addr, struct em_vma *out)
{
	struct em_vma *v;

	em_mm_lock();
	v = em_vma_at(&mm_list, addr);
	if (v != NULL)
		*out = *v;
	em_mm_unlock();
	return v != NULL;
}

/* Before fork, mm_lock held: from now on pages may be shared with a child. */
void
em_mm_fork(void)
{
	bool changed = false;

	for (uint32_t i = 0; i < mm_list.vl_count; i++) {
		if (mm_list.vl_entry[i].vm_flags & (EM_VMA_SHARED | EM_VMA_LAZY | EM_VMA_FORKED))
			continue;
		mm_list.vl_entry[i].vm_flags |= EM_VMA_FORKED;
		changed = true;
	}
	if (changed)
		em_vma_merge(&mm_list);
}

void
em_mm_inherit(bool yes)
{
	const struct em_vma *v;

	(void)vm_inherit(em_task, LOWEST, EM_USER_END - LOWEST, yes ? VM_INHERIT_COPY : VM_INHERIT_NONE);
	for (uint32_t i = 0; yes && i < mm_list.vl_count; i++) {
		v = &mm_list.vl_entry[i];
		if (v->vm_flags & EM_VMA_DONTFORK)
			(void)vm_inherit(em_task, v->vm_start, v->vm_end - v->vm_start, VM_INHERIT_NONE);
		else if (v->vm_flags & EM_VMA_SHARED)
			(void)vm_inherit(em_task, v->vm_start, v->vm_end - v->vm_start, VM_INHERIT_SHARE);
	}
}

/* ---- brk ---- */

/* More than all there is, at once: nobody can mean that. As Linux's vm.overcommit_memory 0. */
static bool
is_overcommitted(uint32_t size)
{
	return size / 1024 > MX_SYS->sy_mem_kb + (uint64_t)MX_SYS->sy_swap_kb;
}

int32_t
sys_brk(uint32_t to, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_process *p = em_proc();
	uint32_t old, new;
	const struct em_vma *v;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	em_mm_lock();
	old = EM_PAGE_ALIGN(mm_brk);
	if (to < mm_brk_start || to > MMAP_TOP || to - mm_brk_start > p->p_rlimit_data || list_room() < 0)
		goto out;
	new = EM_PAGE_ALIGN(to);
	if (new > old) {
		if (em_vma_any(&mm_list, old, new) || em_vma_total(&mm_list, 0, 0) + (uint64_t)(new - old) > p->p_rlimit_as ||
		    is_overcommitted(new - old))
			goto out;
		if (kernel_map_anon(old, new, EM_VMA_READ | EM_VMA_WRITE) < 0)
			goto out;
		v = em_vma_at(&mm_list, old - 1);
		em_vma_insert(&mm_list, old, new, EM_VMA_READ | EM_VMA_WRITE | EM_VMA_HEAP |
			      (v != NULL && (v->vm_flags & EM_VMA_HEAP) ? v->vm_flags & EM_VMA_FORKED : 0));
	} else if (new < old) {
		unmap_locked(new, old);
	}
	mm_brk = to;
out:
	to = mm_brk;
	em_mm_unlock();
	return (int32_t)to;
}

/* ---- mmap ---- */

struct map_request {
	uint32_t	addr, size, flags;	/* flags EM_VMA_* */
	bool		fixed, replace, noreserve;
	mach_port_t	memory;
	uint32_t	offset;
	int		maxprot;
};

/* Decide the place; the old mappings there go. Locks: mm_lock held. */
static int32_t
map_place(struct map_request *r)
{
	struct em_process *p = em_proc();
	int32_t err = list_room();

	if (err < 0)
		return err;
	if (r->fixed) {
		if (r->addr < LOWEST)
			return E(EPERM);
		if (r->size > EM_USER_END || r->addr > EM_USER_END - r->size)
			return E(ENOMEM);
		if (!r->replace && em_vma_any(&mm_list, r->addr, r->addr + r->size))
			return E(EEXIST);
	} else if (r->addr < LOWEST || r->size > MMAP_TOP || r->addr > MMAP_TOP - r->size ||
		   em_vma_any(&mm_list, r->addr, r->addr + r->size)) {
		r->addr = em_vma_find(&mm_list, r->size, LOWEST, MMAP_TOP);
		if (r->addr == 0)
			return E(ENOMEM);
	}
	if (em_vma_total(&mm_list, 0, 0) + (uint64_t)r->size > p->p_rlimit_as)
		return E(ENOMEM);
	unmap_locked(r->addr, r->addr + r->size);
	return 0;
}

static int32_t
map_do(struct map_request *r)
{
	bool shared = (r->flags & EM_VMA_SHARED) != 0;
	uint32_t end;
	vm_address_t at;
	kern_return_t kr;
	int32_t err;

	em_mm_lock();
	err = map_place(r);
	end = r->addr + r->size;
	if (err < 0)
		goto out;
	if (r->memory != MACH_PORT_NULL) {
		at = r->addr;
		kr = syscall_vm_map(em_task, &at, r->size, 0, FALSE, r->memory, r->offset, !shared, prot_of(r->flags),
				    shared ? (vm_prot_t)r->maxprot | prot_of(r->flags) : VM_PROT_ALL,
				    shared ? VM_INHERIT_SHARE : VM_INHERIT_COPY);
		err = kr == KERN_SUCCESS ? 0 : kr == KERN_PROTECTION_FAILURE ? E(EACCES) : E(ENOMEM);
		r->flags |= EM_VMA_FILE;
	} else if (prot_of(r->flags) == VM_PROT_NONE && !shared) {
		r->flags |= EM_VMA_LAZY;
	} else if ((r->flags & EM_VMA_WRITE) && !r->noreserve && is_overcommitted(r->size)) {
		err = E(ENOMEM);
	} else {
		err = kernel_map_anon(r->addr, end, r->flags);
	}
	if (err == 0)
		em_vma_insert(&mm_list, r->addr, end, r->flags);
out:
	em_mm_unlock();
	return err < 0 ? err : (int32_t)r->addr;
}

static int32_t
map_decode(struct map_request *r, uint32_t addr, uint32_t size, uint32_t prot, uint32_t flags)
{
	uint32_t type = flags & MAP_TYPE;

	if (size == 0 || (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE))
		return E(EINVAL);
	if (size > 0u - EM_PAGE)
		return E(ENOMEM);
	memset(r, 0, sizeof(*r));
	r->fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
	r->replace = !(flags & MAP_FIXED_NOREPLACE);
	r->noreserve = (flags & MAP_NORESERVE) != 0;
	if (r->fixed && addr % EM_PAGE != 0)
		return E(EINVAL);
	r->addr = r->fixed ? addr : EM_PAGE_ALIGN(addr);
	r->size = EM_PAGE_ALIGN(size);
	r->flags = (prot & EM_VMA_PROT) | (type != MAP_PRIVATE ? EM_VMA_SHARED : 0);
	return 0;
}

static int32_t
map(uint32_t addr, uint32_t size, uint32_t prot, uint32_t flags, int32_t fd, uint64_t offset)
{
	struct map_request r;
	int32_t err = map_decode(&r, addr, size, prot, flags);

	if (err < 0)
		return err;
	if (!(flags & MAP_ANONYMOUS)) {
		if (offset + r.size > 0xfffff000u)
			return E(EOVERFLOW);	/* the kernel's objects have 32-bit offsets */
		r.offset = (uint32_t)offset;
		err = em_file_memory(fd, (int)prot, (int)flags, &r.memory, &r.maxprot);
		if (err < 0)
			return err;
	}
	err = map_do(&r);
	if (r.memory != MACH_PORT_NULL)
		(void)syscall_mach_port_deallocate(em_task, r.memory);
	return err;
}

int32_t
sys_mmap2(uint32_t addr, uint32_t size, uint32_t prot, uint32_t flags, uint32_t fd, uint32_t page)
{
	return map(addr, size, prot, flags, (int32_t)fd, (uint64_t)page * EM_PAGE);
}

int32_t
sys_mmap(uint32_t args, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t a[6];

	(void)b, (void)c, (void)d, (void)e, (void)f;
	if (em_copyin(a, args, sizeof(a)) < 0)
		return E(EFAULT);
	if (a[5] % EM_PAGE != 0)
		return E(EINVAL);
	return map(a[0], a[1], a[2], a[3], (int32_t)a[4], a[5]);
}

/* START, SIZE as munmap and its like take them: page-aligned range inside the program's part. */
static int32_t
range_decode(uint32_t start, uint32_t size, uint32_t *end)
{
	if (start % EM_PAGE != 0 || size > EM_USER_END || start > EM_USER_END - EM_PAGE_ALIGN(size))
		return E(EINVAL);
	*end = start + EM_PAGE_ALIGN(size);
	return 0;
}

int32_t
sys_munmap(uint32_t start, uint32_t size, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t end;
	int32_t err = range_decode(start, size, &end);

	(void)c, (void)d, (void)e, (void)f;
	if (err < 0 || size == 0)
		return E(EINVAL);
	em_mm_lock();
	err = list_room();
	if (err == 0)
		unmap_locked(start, end);
	em_mm_unlock();
	return err;
}

/* ---- mprotect ---- */

static int32_t
protect_one(struct em_vma *v, uint32_t prot)
{
	uint32_t flags = (v->vm_flags & ~EM_VMA_PROT) | prot;
	kern_return_t kr;

	if (prot_of(flags) == prot_of(v->vm_flags)) {
		v->vm_flags = flags;
		return 0;
	}
	if (v->vm_flags & EM_VMA_LAZY) {
		flags &= ~EM_VMA_LAZY;
		if (kernel_map_anon(v->vm_start, v->vm_end, flags) < 0)
			return E(ENOMEM);
	} else {
		kr = vm_protect(em_task, v->vm_start, v->vm_end - v->vm_start, FALSE, prot_of(flags));
		if (kr != KERN_SUCCESS)
			return kr == KERN_PROTECTION_FAILURE ? E(EACCES) : E(ENOMEM);
	}
	v->vm_flags = flags;
	return 0;
}

int32_t
sys_mprotect(uint32_t start, uint32_t size, uint32_t prot, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t end;
	int32_t err = range_decode(start, size, &end);

	(void)d, (void)e, (void)f;
	if (prot & ~(EM_VMA_PROT | PROT_GROWSDOWN | PROT_GROWSUP | 8u))
		return E(EINVAL);
	if (err < 0)
		return start % EM_PAGE != 0 ? E(EINVAL) : E(ENOMEM);
	if (start == end)
		return 0;
	em_mm_lock();
	err = list_room();
	if (err == 0 && (prot & PROT_GROWSDOWN)) {
		struct em_vma *v = em_vma_at(&mm_list, start);

		if (v == NULL || !(v->vm_flags & EM_VMA_STACK))
			err = E(EINVAL);
		else
			start = v->vm_start;
	}
	if (err == 0 && !em_vma_all(&mm_list, start, end))
		err = E(ENOMEM);
	if (err == 0) {
		em_vma_split(&mm_list, start, end);
		for (uint32_t i = em_vma_above(&mm_list, start); err == 0 && i < mm_list.vl_count &&
		     mm_list.vl_entry[i].vm_start < end; i++)
			err = protect_one(&mm_list.vl_entry[i], prot & EM_VMA_PROT);
		em_vma_merge(&mm_list);
	}
	em_mm_unlock();
	return err;
}

/* ---- madvise, mincore, msync, mlock ---- */

enum { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE = 8, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK,
	MADV_DONTDUMP = 16, MADV_DODUMP, MADV_COLD = 20, MADV_PAGEOUT };

/* Private anonymous memory reads as zeros afterwards. */
static int32_t
dontneed(uint32_t start, uint32_t end)
{
	struct em_vma *v;
	uint32_t flags;

	em_vma_split(&mm_list, start, end);
	for (uint32_t i = em_vma_above(&mm_list, start); i < mm_list.vl_count; i++) {
		v = &mm_list.vl_entry[i];
		if (v->vm_start >= end)
			break;
		if (v->vm_flags & (EM_VMA_SHARED | EM_VMA_FILE | EM_VMA_LAZY))
			continue;	/* shared: stays, as on Linux; private file pages stay too (docs/emulib.md) */
		if (is_own_anon(v)) {
			kernel_discard(v->vm_start, v->vm_end);
			continue;
		}
		flags = v->vm_flags & ~EM_VMA_FORKED;
		(void)syscall_vm_deallocate(em_task, v->vm_start, v->vm_end - v->vm_start);
		if (kernel_map_anon(v->vm_start, v->vm_end, flags) < 0)
			return E(ENOMEM);
		v->vm_flags = flags;
	}
	em_vma_merge(&mm_list);
	return 0;
}

/* Whether a fork child gets the range. */
static void
dontfork(uint32_t start, uint32_t end, bool dont)
{
	struct em_vma *v;
	vm_inherit_t how;

	em_vma_split(&mm_list, start, end);
	for (uint32_t i = em_vma_above(&mm_list, start); i < mm_list.vl_count && mm_list.vl_entry[i].vm_start < end; i++) {
		v = &mm_list.vl_entry[i];
		v->vm_flags = dont ? v->vm_flags | EM_VMA_DONTFORK : v->vm_flags & ~EM_VMA_DONTFORK;
		how = dont ? VM_INHERIT_NONE : v->vm_flags & EM_VMA_SHARED ? VM_INHERIT_SHARE : VM_INHERIT_COPY;
		(void)vm_inherit(em_task, v->vm_start, v->vm_end - v->vm_start, how);
	}
	em_vma_merge(&mm_list);
}

int32_t
sys_madvise(uint32_t start, uint32_t size, uint32_t advice, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t end;
	int32_t err = range_decode(start, size, &end);

	(void)d, (void)e, (void)f;
	switch (advice) {
	case MADV_NORMAL: case MADV_RANDOM: case MADV_SEQUENTIAL: case MADV_WILLNEED: case MADV_DONTNEED: case MADV_FREE:
	case MADV_DONTFORK: case MADV_DOFORK: case MADV_DONTDUMP: case MADV_DODUMP: case MADV_COLD: case MADV_PAGEOUT:
		break;
	default:
		return E(EINVAL);
	}
	if (err < 0 || start == end)
		return err;
	em_mm_lock();
	err = em_vma_all(&mm_list, start, end) ? list_room() : E(ENOMEM);
	if (err == 0 && advice == MADV_DONTNEED)
		err = dontneed(start, end);
	if (err == 0 && (advice == MADV_DONTFORK || advice == MADV_DOFORK))
		dontfork(start, end, advice == MADV_DONTFORK);
	em_mm_unlock();
	return err;
}

/* The kernel does not say what is resident; what is mapped is reported so. */
int32_t
sys_mincore(uint32_t start, uint32_t size, uint32_t vec, uint32_t d, uint32_t e, uint32_t f)
{
	uint32_t end;
	struct em_vma v;
	uint8_t bytes[64];
	int32_t err = range_decode(start, size, &end);

	(void)d, (void)e, (void)f;
	if (start % EM_PAGE != 0)
		return E(EINVAL);
	if (err < 0)
		return E(ENOMEM);
	for (uint32_t at = start, n; at < end; at += n * EM_PAGE, vec += n) {
		n = (end - at) / EM_PAGE < sizeof(bytes) ? (end - at) / EM_PAGE : sizeof(bytes);
		for (uint32_t i = 0; i < n; i++) {
			if (!em_mm_lookup(at + i * EM_PAGE, &v))
				return E(ENOMEM);
			bytes[i] = !(v.vm_flags & EM_VMA_LAZY);
		}
		if (em_copyout(vec, bytes, n) < 0)
			return E(EFAULT);
	}
	return 0;
}

/* Return dirty pages of shared file mappings to their pager. */
static void
sync_range(uint32_t start, uint32_t end)
{
	vm_address_t at = start;
	vm_size_t size;
	vm_prot_t prot, max;
	vm_inherit_t inherit;
	boolean_t shared;
	memory_object_name_t name;
	vm_offset_t offset;
	uint32_t from, to;

	while (at < end && vm_region(em_task, &at, &size, &prot, &max, &inherit, &shared, &name, &offset) == KERN_SUCCESS) {
		from = at > start ? at : start;
		to = at + size < end ? at + size : end;
		if (name != MACH_PORT_NULL) {
			if (from < to && inherit == VM_INHERIT_SHARE)
				(void)vm_object_sync(name, offset + (from - at), to - from, FALSE, TRUE, TRUE);
			(void)syscall_mach_port_deallocate(em_task, name);
		}
		at += size;
	}
}

int32_t
sys_msync(uint32_t start, uint32_t size, uint32_t flags, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_vma v;
	uint32_t end;
	bool is_file = false;
	int32_t err = range_decode(start, size, &end);

	(void)d, (void)e, (void)f;
	if ((flags & ~7u) || (flags & 5) == 5 || start % EM_PAGE != 0)
		return E(EINVAL);
	if (err < 0)
		return E(ENOMEM);
	for (uint32_t at = start; at < end; at = v.vm_end) {
		if (!em_mm_lookup(at, &v))
			return E(ENOMEM);
		if ((flags & 4) && (v.vm_flags & (EM_VMA_SHARED | EM_VMA_FILE)) == (EM_VMA_SHARED | EM_VMA_FILE)) {
			sync_range(at, v.vm_end < end ? v.vm_end : end);
			is_file = true;
		}
	}
	/* The servers have the pages; that they store them only vfs can have done, for all files, as nothing here tells which it was. */
	return is_file ? sys_sync(0, 0, 0, 0, 0, 0) : 0;
}

/* Nothing is ever paged out to a disk yet, so what is mapped is as locked as it can be. */
static int32_t
lock_range(uint32_t start, uint32_t size)
{
	uint32_t from = start & ~(EM_PAGE - 1), end;
	int32_t err = range_decode(from, size + (start - from), &end);

	if (err == 0) {
		em_mm_lock();
		err = em_vma_all(&mm_list, from, end) ? 0 : E(ENOMEM);
		em_mm_unlock();
	}
	return err;
}

int32_t
sys_mlock(uint32_t start, uint32_t size, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return lock_range(start, size);
}

int32_t
sys_mlock2(uint32_t start, uint32_t size, uint32_t flags, uint32_t d, uint32_t e, uint32_t f)
{
	(void)d, (void)e, (void)f;
	return flags & ~1u ? E(EINVAL) : lock_range(start, size);
}

int32_t
sys_munlock(uint32_t start, uint32_t size, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)c, (void)d, (void)e, (void)f;
	return lock_range(start, size);
}

int32_t
sys_mlockall(uint32_t flags, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return flags == 0 || (flags & ~7u) || flags == 4 ? E(EINVAL) : 0;
}

int32_t
sys_munlockall(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return 0;
}

/* ---- mremap ---- */

/* Move OLD...OLD+SIZE (one entry, anonymous) to the free range at NEW. Locks: mm_lock held. */
static int32_t
remap_move(uint32_t old, uint32_t size, uint32_t new, uint32_t new_size, uint32_t flags)
{
	kern_return_t kr;

	flags &= ~EM_VMA_HEAP;
	if (flags & EM_VMA_LAZY)
		return 0;
	if (kernel_map_anon(new, new + new_size, flags | EM_VMA_READ | EM_VMA_WRITE) < 0)
		return E(ENOMEM);
	if (prot_of(flags) == VM_PROT_NONE)
		(void)vm_protect(em_task, old, size, FALSE, VM_PROT_READ);
	kr = vm_copy(em_task, old, size, new);
	if (kr != KERN_SUCCESS) {
		(void)syscall_vm_deallocate(em_task, new, new_size);
		return E(ENOMEM);
	}
	if (!(flags & EM_VMA_WRITE))
		(void)vm_protect(em_task, new, new_size, FALSE, prot_of(flags));
	return 0;
}

static int32_t
remap_locked(uint32_t old, uint32_t old_size, uint32_t new_size, uint32_t flags, uint32_t fixed_at)
{
	struct em_vma *v = em_vma_at(&mm_list, old), was;
	uint32_t new = 0;
	int32_t err;

	if (v == NULL || v->vm_end < old + old_size)
		return E(EFAULT);
	was = *v;
	if (!(flags & MREMAP_FIXED) && new_size <= old_size) {
		if (new_size < old_size)
			unmap_locked(old + new_size, old + old_size);
		return (int32_t)old;
	}
	if (was.vm_flags & (EM_VMA_FILE | EM_VMA_SHARED))
		return E(ENOMEM);	/* the memory object is not kept (docs/emulib.md) */
	if (!(flags & MREMAP_FIXED) && was.vm_end == old + old_size && new_size < EM_USER_END - old &&
	    !em_vma_any(&mm_list, old + old_size, old + new_size) && old + new_size <= MMAP_TOP) {
		if (!(was.vm_flags & EM_VMA_LAZY) && kernel_map_anon(old + old_size, old + new_size, was.vm_flags) < 0)
			return E(ENOMEM);
		em_vma_insert(&mm_list, old + old_size, old + new_size, was.vm_flags);
		return (int32_t)old;
	}
	if (!(flags & MREMAP_MAYMOVE))
		return E(ENOMEM);
	if (flags & MREMAP_FIXED) {
		new = fixed_at;
		unmap_locked(new, new + new_size);
	} else {
		new = em_vma_find(&mm_list, new_size, LOWEST, MMAP_TOP);
		if (new == 0)
			return E(ENOMEM);
	}
	err = remap_move(old, old_size < new_size ? old_size : new_size, new, new_size, was.vm_flags);
	if (err < 0)
		return err;
	/* Not unmap_locked, which discards pages of the window's object: they are NEW's now. */
	em_vma_remove(&mm_list, old, old + old_size);
	(void)syscall_vm_deallocate(em_task, old, old_size);
	em_vma_insert(&mm_list, new, new + new_size, (was.vm_flags & ~EM_VMA_HEAP) |
		      (was.vm_flags & EM_VMA_LAZY ? 0 : EM_VMA_FORKED));
	return (int32_t)new;
}

int32_t
sys_mremap(uint32_t old, uint32_t old_size, uint32_t new_size, uint32_t flags, uint32_t new, uint32_t f)
{
	uint32_t end;
	int32_t err;

	(void)f;
	if (flags & ~(uint32_t)(MREMAP_MAYMOVE | MREMAP_FIXED) || new_size == 0 || old_size == 0 ||
	    ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE)) || range_decode(old, old_size, &end) < 0 ||
	    new_size > EM_USER_END)
		return E(EINVAL);
	old_size = EM_PAGE_ALIGN(old_size);
	new_size = EM_PAGE_ALIGN(new_size);
	if (flags & MREMAP_FIXED) {
		if (range_decode(new, new_size, &end) < 0 || new < LOWEST || (new < old + old_size && old < new + new_size))
			return E(EINVAL);
	}
	em_mm_lock();
	err = list_room();
	if (err == 0 && new_size > old_size && em_vma_total(&mm_list, 0, 0) + (uint64_t)(new_size - old_size) > em_proc()->p_rlimit_as)
		err = E(ENOMEM);
	if (err == 0)
		err = remap_locked(old, old_size, new_size, flags, new);
	em_mm_unlock();
	return err;
}
