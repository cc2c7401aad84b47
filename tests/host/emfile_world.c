/*
 * emfile_world.c - what the file half of emulib asks of the rest, in memory of the host.
 *
 * The file server is a flat table of paths; a file's data lie in a memfd, so that windows are real shared mappings. A port is an index into
 * a table of objects; a right is a count. Faults of user memory are found by asking the host's kernel.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#include <asm/ldt.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "emfile_world.h"
#include "vfs.h"
#include "io.h"
#include "proc.h"
#include <mach/mig_support.h>
#include <mach/notify.h>

#define NODES	64
#define PORTS	512
#define PAGE	4096u

struct node {
	char		path[256];
	char		target[256];	/* of a symbolic link */
	struct mx_attr	attr;
	uint32_t	kind;
	int		data;		/* memfd */
	struct mx_inode	*inode;		/* its inode page */
	int		info;
	bool		is_gone;
};

unsigned int world_touches;

enum port_type { PORT_FREE, PORT_CONTEXT, PORT_OPEN, PORT_MEMORY, PORT_PIPE, PORT_RECEIVE };

struct port {
	enum port_type	type;
	unsigned int	refs;
	struct node	*node;
	uint32_t	flags;
	int		fd;		/* memory */
	struct mx_ring	*ring;		/* a pipe end's */
	bool		is_writer;
	char		cwd[256];
	/* registered pollers */
	uint32_t	cookie, events;
	mach_port_t	notify;
};

static struct node nodes[NODES];
static unsigned int nnodes;
static struct port ports[PORTS];
static uint64_t next_ino = 1000;
static char tty_in[4096], tty_out[65536];
static size_t tty_in_len, tty_out_len;

bool world_tty_is_background, world_no_map;
kern_return_t world_fail_next;
unsigned int world_rpcs, world_given;
volatile bool world_signal;
int world_last_signal, world_alloc_fails = -1;
struct em_process world_process;
static struct em_thread world_thread;
struct em_public em_public;
mach_port_t em_task = 1;

/* ---- Ports ---- */

static mach_port_t
port_new(enum port_type type, struct node *node)
{
	for (unsigned int i = 16; i < PORTS; i++) {
		if (ports[i].type == PORT_FREE) {
			ports[i] = (struct port){ .type = type, .refs = 1, .node = node, .fd = -1 };
			return i;
		}
	}
	abort();
}

static struct port *
port_get(mach_port_t name, enum port_type type)
{
	if (name >= PORTS || ports[name].type != type) {
		fprintf(stderr, "port %u is of type %d, not %d\n", name, name < PORTS ? (int)ports[name].type : -1, (int)type);
		abort();
	}
	return &ports[name];
}

unsigned int
world_rights(void)
{
	unsigned int n = 0;

	for (unsigned int i = 16; i < PORTS; i++)
		if (ports[i].type != PORT_FREE && ports[i].type != PORT_RECEIVE)
			n += ports[i].refs;
	return n;
}

static void
pipe_hangup(struct port *p)
{
	volatile uint32_t *word = p->is_writer ? &p->ring->rg_readers_wait : &p->ring->rg_writers_wait;

	if (p->is_writer)
		p->ring->rg_no_writers = 1;
	else
		p->ring->rg_no_readers = 1;
	if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) != 0)
		em_gsync_wake(word, true, true);
}

kern_return_t syscall_mach_port_deallocate(mach_port_t task, mach_port_t name);
kern_return_t
syscall_mach_port_deallocate(mach_port_t task, mach_port_t name)
{
	struct port *p = &ports[name];

	(void)task;
	if (name >= PORTS || p->type == PORT_FREE || p->refs == 0)
		abort();
	if (--p->refs == 0) {
		if (p->type == PORT_PIPE)
			pipe_hangup(p);
		if (p->type == PORT_MEMORY)
			close(p->fd);
		p->type = PORT_FREE;
	}
	return KERN_SUCCESS;
}

kern_return_t syscall_mach_port_insert_right(mach_port_t task, mach_port_t name, mach_port_t right, int type);
kern_return_t
syscall_mach_port_insert_right(mach_port_t task, mach_port_t name, mach_port_t right, int type)
{
	(void)task, (void)name, (void)right, (void)type;
	world_given++;
	return KERN_SUCCESS;
}

kern_return_t mach_port_allocate_name(mach_port_t task, mach_port_right_t right, mach_port_t name);
kern_return_t
mach_port_allocate_name(mach_port_t task, mach_port_right_t right, mach_port_t name)
{
	(void)task, (void)right, (void)name;
	return KERN_SUCCESS;
}

kern_return_t syscall_mach_port_allocate(mach_port_t task, mach_port_right_t right, mach_port_t *name);
kern_return_t
syscall_mach_port_allocate(mach_port_t task, mach_port_right_t right, mach_port_t *name)
{
	(void)task, (void)right;
	*name = port_new(PORT_RECEIVE, NULL);
	return KERN_SUCCESS;
}

/* ---- Memory ---- */

void *
em_alloc(size_t n)
{
	if (world_alloc_fails == 0)
		return NULL;
	if (world_alloc_fails > 0)
		world_alloc_fails--;
	return calloc(1, n);
}

void
em_free(void *p, size_t n)
{
	(void)n;
	free(p);
}

static int32_t
copy_foreign(void *to, const void *from, size_t n, bool writes)
{
	struct iovec local = { writes ? (void *)(uintptr_t)from : to, n }, remote = { writes ? to : (void *)(uintptr_t)from, n };
	ssize_t k = n == 0 ? 0 : writes ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0) :
	    process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	return k == (ssize_t)n ? 0 : EM_E(EFAULT);
}

int32_t em_copyin(void *to, uint32_t from, size_t n) { return copy_foreign(to, (void *)from, n, false); }
int32_t em_copyout(uint32_t to, const void *from, size_t n) { return copy_foreign((void *)to, from, n, true); }
int32_t em_touch_copy(void *to, const void *from, size_t n) { return copy_foreign(to, from, n, false); }

int32_t
em_copyin_str(char *to, uint32_t from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (em_copyin(to + i, from + i, 1) < 0)
			return EM_E(EFAULT);
		if (to[i] == '\0')
			return (int32_t)i;
	}
	return EM_E(ENAMETOOLONG);
}

kern_return_t syscall_vm_map(mach_port_t task, vm_address_t *addr, vm_size_t size, vm_address_t mask, boolean_t anywhere,
	mach_port_t object, vm_offset_t offset, boolean_t copy, vm_prot_t cur, vm_prot_t max, vm_inherit_t inherit);
kern_return_t
syscall_vm_map(mach_port_t task, vm_address_t *addr, vm_size_t size, vm_address_t mask, boolean_t anywhere, mach_port_t object,
	vm_offset_t offset, boolean_t copy, vm_prot_t cur, vm_prot_t max, vm_inherit_t inherit)
{
	int fd = object == MACH_PORT_NULL ? -1 : port_get(object, PORT_MEMORY)->fd;
	void *p;

	(void)task, (void)mask, (void)anywhere, (void)copy, (void)max, (void)inherit;
	p = mmap((void *)*addr, size, (cur & VM_PROT_READ ? PROT_READ : 0) | (cur & VM_PROT_WRITE ? PROT_WRITE : 0),
	    MAP_SHARED | MAP_FIXED_NOREPLACE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, (off_t)offset);
	return p == (void *)*addr ? KERN_SUCCESS : KERN_NO_SPACE;
}

kern_return_t syscall_vm_deallocate(mach_port_t task, vm_address_t addr, vm_size_t size);
kern_return_t
syscall_vm_deallocate(mach_port_t task, vm_address_t addr, vm_size_t size)
{
	(void)task;
	return munmap((void *)addr, size) == 0 ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
}

/* ---- Locks, time, signals ---- */

void
em_lock(volatile uint32_t *word)
{
	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE) != 0)
		sched_yield();
}

void
em_unlock(volatile uint32_t *word)
{
	if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) != 1)
		abort();
}

uint64_t
em_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t
em_real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Signals are looked for every 2 ms. */
int32_t
em_gsync_wait(volatile uint32_t *word, uint32_t value, uint64_t deadline, bool shared)
{
	struct timespec slice = { 0, 2000000 };

	(void)shared;
	for (;;) {
		if (world_signal)
			return EM_E(EINTR);
		if (deadline != 0 && em_now_ns() >= deadline)
			return EM_E(ETIMEDOUT);
		if (syscall(SYS_futex, word, FUTEX_WAIT, value, &slice, NULL, 0) == 0)
			return 0;
		if (errno == EAGAIN)
			return EM_E(EAGAIN);
	}
}

void
em_gsync_wake(volatile uint32_t *word, bool all, bool shared)
{
	(void)shared;
	syscall(SYS_futex, word, FUTEX_WAKE, all ? 1000 : 1, NULL, NULL, 0);
}

bool em_signal_waiting(void) { return world_signal; }
int32_t em_signal_self(int signo, int code, uint32_t value) { (void)code, (void)value; world_last_signal = signo; return 0; }
void world_ignore(int signo, bool ignored) { world_process.p_action[signo - 1].sa_handler = ignored; }
int32_t em_signal_group(int signo) { world_last_signal = signo; return 0; }
uint32_t em_block_begin(mach_port_t port) { return 100 + port; }
void em_block_end(void) { }
int em_signal_take(struct em_process *p, struct em_thread *t, em_sigset which, struct mx_siginfo *info);
int
em_signal_take(struct em_process *p, struct em_thread *t, em_sigset which, struct mx_siginfo *info)
{
	em_sigset ready = (p->p_pending | t->t_pending) & which;
	int signo = ready == 0 ? 0 : __builtin_ctzll(ready) + 1;

	if (signo == 0)
		return 0;
	p->p_pending &= ~(1ull << (signo - 1));
	*info = (struct mx_siginfo){ .si_signo = (uint32_t)signo, .si_code = MX_SI_QUEUE, .si_value = 77 };
	return signo;
}

void em_mask_begin(em_sigset mask) { em_self()->t_saved_mask = em_self()->t_mask; em_self()->t_mask = mask; }
void em_mask_end(void) { em_self()->t_mask = em_self()->t_saved_mask; }
uint64_t em_restart_deadline(uint64_t deadline) { return deadline; }

int32_t
em_timespec_in(uint64_t *ns, uint32_t from)
{
	struct { int32_t sec, nsec; } ts;

	if (em_copyin(&ts, from, sizeof ts) < 0)
		return EM_E(EFAULT);
	if (ts.sec < 0 || (uint32_t)ts.nsec > 999999999)
		return EM_E(EINVAL);
	*ns = (uint32_t)ts.sec * 1000000000ull + (uint32_t)ts.nsec;
	return 0;
}

int32_t
em_timespec_out(uint32_t to, uint64_t ns)
{
	uint32_t ts[2] = { (uint32_t)(ns / 1000000000u), (uint32_t)(ns % 1000000000u) };

	return em_copyout(to, ts, sizeof ts);
}

int32_t
em_timespec64_in(uint64_t *ns, uint32_t from)
{
	struct { int64_t sec; uint32_t nsec, pad; } ts;

	if (em_copyin(&ts, from, sizeof ts) < 0)
		return EM_E(EFAULT);
	*ns = (uint64_t)ts.sec * 1000000000ull + ts.nsec;
	return 0;
}

int32_t
em_timespec64_out(uint32_t to, uint64_t ns)
{
	uint64_t ts[2] = { ns / 1000000000u, ns % 1000000000u };

	return em_copyout(to, ts, sizeof ts);
}

void
em_random(void *to, size_t n)
{
	static uint32_t seed = 1;

	for (size_t i = 0; i < n; i++)
		((unsigned char *)to)[i] = (unsigned char)((seed = seed * 1103515245u + 12345u) >> 16);
}

int32_t
em_errno(kern_return_t kr)
{
	return kr == KERN_SUCCESS ? 0 : MX_IS_ERR(kr) ? -MX_ERRNO(kr) : EM_E(EIO);
}

/* ---- Messages to a thread's poll port ---- */

struct queued { mach_port_t port; uint32_t id, cookie, revents; };
static struct queued queue[64];
unsigned int world_messages;		/* queued at poll ports */
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;

static void
queue_put(mach_port_t port, uint32_t id, uint32_t cookie, uint32_t revents)
{
	pthread_mutex_lock(&queue_lock);
	if (world_messages == 64)
		abort();
	queue[world_messages++] = (struct queued){ port, id, cookie, revents };
	pthread_mutex_unlock(&queue_lock);
}

static bool
queue_get(mach_port_t port, mach_msg_header_t *msg)
{
	uint32_t *words = (uint32_t *)(msg + 1);
	bool found = false;

	pthread_mutex_lock(&queue_lock);
	for (unsigned int i = 0; i < world_messages && !found; i++) {
		if (queue[i].port != port)
			continue;
		msg->msgh_id = (int)queue[i].id;
		words[1] = queue[i].cookie;
		words[3] = queue[i].revents;
		memmove(&queue[i], &queue[i + 1], (world_messages - i - 1) * sizeof queue[0]);
		world_messages--;
		found = true;
	}
	pthread_mutex_unlock(&queue_lock);
	return found;
}

mach_port_t mig_get_reply_port(void) { return 2; }

mach_msg_return_t
mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size, mach_msg_size_t rcv_size, mach_port_t rcv_name,
	mach_msg_timeout_t timeout, mach_port_t notify)
{
	(void)send_size, (void)rcv_size, (void)notify;
	if (option & MACH_SEND_MSG) {
		queue_put(msg->msgh_remote_port, (uint32_t)msg->msgh_id, 0, 0);
		return MACH_MSG_SUCCESS;
	}
	if (queue_get(rcv_name, msg))
		return MACH_MSG_SUCCESS;
	usleep(timeout * 1000);
	return MACH_RCV_TIMED_OUT;
}

int32_t
em_wait_message(mach_port_t port, mach_msg_header_t *msg, size_t size, uint64_t deadline)
{
	(void)size;
	for (;;) {
		if (world_signal)
			return EM_E(EINTR);
		if (queue_get(port, msg))
			return 0;
		if (deadline != 0 && em_now_ns() >= deadline)
			return EM_E(ETIMEDOUT);
		usleep(500);
	}
}

/* ---- The file server ---- */

#define RPC() do { \
	world_rpcs++; \
	if (world_fail_next != KERN_SUCCESS) { kern_return_t kr_ = world_fail_next; world_fail_next = KERN_SUCCESS; return kr_; } \
} while (0)

static struct node *
node_find(const char *path)
{
	for (unsigned int i = 0; i < nnodes; i++)
		if (!nodes[i].is_gone && strcmp(nodes[i].path, path) == 0)
			return &nodes[i];
	return NULL;
}

static struct node *
node_new(const char *path, uint32_t kind, uint32_t mode)
{
	struct node *n = &nodes[nnodes++];

	if (nnodes > NODES)
		abort();
	*n = (struct node){ .kind = kind };
	snprintf(n->path, sizeof n->path, "%s", path);
	n->attr.at_ino = next_ino++;
	n->attr.at_mode = mode;
	n->attr.at_nlink = 1;
	n->attr.at_dev_major = 8;
	n->attr.at_blksize = 4096;
	n->data = memfd_create("data", 0);
	n->info = memfd_create("info", 0);
	if (ftruncate(n->data, 64 << 20) < 0 || ftruncate(n->info, PAGE) < 0)
		abort();
	n->inode = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, n->info, 0);
	return n;
}

static void
node_changed(struct node *n)
{
	n->inode->in_seq++;
	n->inode->in_attr = n->attr;
	n->inode->in_seq++;
}

static void
node_resize(struct node *n, uint64_t size)
{
	n->attr.at_size = size;
	node_changed(n);
}

struct node *
world_file(const char *path, const void *content, size_t size)
{
	struct node *n = node_new(path, MX_KIND_FILE, MX_S_IFREG | 0644);

	if (content != NULL && pwrite(n->data, content, size, 0) != (ssize_t)size)
		abort();
	node_resize(n, size);
	return n;
}

void world_dir(const char *path) { node_new(path, MX_KIND_DIR, MX_S_IFDIR | 0755); }
void world_special(const char *path, uint32_t kind) { node_new(path, kind, MX_S_IFCHR | 0666); }

size_t
world_size(const char *path)
{
	struct node *n = node_find(path);

	return n == NULL ? (size_t)-1 : (size_t)n->attr.at_size;
}

/* The absolute path that DIR and PATH mean. */
static void
path_join(char out[512], mach_port_t ctx, mach_port_t dir, const char *path, uint32_t n)
{
	const char *base = dir != MACH_PORT_NULL ? port_get(dir, PORT_OPEN)->node->path : port_get(ctx, PORT_CONTEXT)->cwd;

	if (n > 0 && path[0] == '/')
		snprintf(out, 512, "%.*s", (int)n, path);
	else if (n == 0)
		snprintf(out, 512, "%s", base);
	else
		snprintf(out, 512, "%s/%.*s", strcmp(base, "/") == 0 ? "" : base, (int)n, path);
}

static struct node *
node_at(mach_port_t ctx, mach_port_t dir, const char *path, uint32_t n)
{
	char full[512];

	if (n == 0 && dir != MACH_PORT_NULL)
		return port_get(dir, PORT_OPEN)->node;
	path_join(full, ctx, dir, path, n);
	return node_find(full);
}

kern_return_t
vfs_open(mach_port_t ctx, uint32_t tag, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t flags,
	uint32_t mode, uint32_t *kind, mach_port_t *io, mx_attr_t *attr, mx_stamp_t *stamp, mx_blob_t data,
	mach_msg_type_number_t *ndata)
{
	struct node *node = node_at(ctx, dir, path, n);
	char full[512];

	(void)tag, (void)who, (void)data;
	RPC();
	*stamp = (mx_stamp_t){ 0, 0, 0, 0 };
	if (node == NULL && !(flags & MX_O_CREAT))
		return MX_ENOENT;
	if (node != NULL && (flags & (MX_O_CREAT | MX_O_EXCL)) == (MX_O_CREAT | MX_O_EXCL))
		return MX_EEXIST;
	if (node == NULL) {
		path_join(full, ctx, dir, path, n);
		node = world_file(full, NULL, 0);
		node->attr.at_mode = MX_S_IFREG | mode;
	}
	if (node->kind == MX_KIND_DIR && (flags & MX_O_ACCMODE) != MX_O_RDONLY)
		return MX_EISDIR;
	if (flags & MX_O_TRUNC)
		node_resize(node, 0);
	*ndata = 0;
	*attr = node->attr;
	*kind = flags & MX_O_PATH ? MX_KIND_PATH : node->kind;
	*io = MACH_PORT_NULL;
	if (*kind < MX_KIND_NULL || *kind == MX_KIND_PATH) {
		*io = port_new(PORT_OPEN, node);
		ports[*io].flags = flags;
	}
	return KERN_SUCCESS;
}

kern_return_t
vfs_stat(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t flags, mx_attr_t *attr,
	mx_stamp_t *stamp)
{
	struct node *node = node_at(ctx, dir, path, n);

	(void)who, (void)flags;
	RPC();
	if (node == NULL)
		return MX_ENOENT;
	*attr = node->attr;
	*stamp = (mx_stamp_t){ 0, 0, 0, 0 };
	return KERN_SUCCESS;
}

/* Nothing is counted: every question is asked. */
kern_return_t
vfs_changes(mach_port_t ctx, mach_port_t *memory)
{
	(void)ctx, (void)memory;
	return MX_ENODEV;
}

kern_return_t
vfs_access(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t mode, uint32_t flags)
{
	(void)who, (void)mode, (void)flags;
	RPC();
	return node_at(ctx, dir, path, n) == NULL ? MX_ENOENT : KERN_SUCCESS;
}

kern_return_t
vfs_readlink(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, mx_path_t target,
	mach_msg_type_number_t *ntarget)
{
	struct node *node = node_at(ctx, dir, path, n);

	(void)who;
	RPC();
	if (node == NULL)
		return MX_ENOENT;
	if ((node->attr.at_mode & MX_S_IFMT) != MX_S_IFLNK)
		return MX_EINVAL;
	*ntarget = strlen(node->target);
	memcpy(target, node->target, *ntarget);
	return KERN_SUCCESS;
}

kern_return_t
vfs_mknod(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t mode,
	uint32_t major, uint32_t minor)
{
	char full[512];
	struct node *node;

	(void)who;
	RPC();
	if (node_at(ctx, dir, path, n) != NULL)
		return MX_EEXIST;
	path_join(full, ctx, dir, path, n);
	node = node_new(full, (mode & MX_S_IFMT) == MX_S_IFDIR ? MX_KIND_DIR : MX_KIND_FILE, mode);
	node->attr.at_rdev_major = major;
	node->attr.at_rdev_minor = minor;
	return KERN_SUCCESS;
}

kern_return_t
vfs_symlink(mach_port_t ctx, int32_t who, const mx_path_t target, mach_msg_type_number_t ntarget, mach_port_t dir, const mx_path_t path,
	mach_msg_type_number_t n)
{
	char full[512];
	struct node *node;

	(void)who;
	RPC();
	path_join(full, ctx, dir, path, n);
	node = node_new(full, MX_KIND_FILE, MX_S_IFLNK | 0777);
	snprintf(node->target, sizeof node->target, "%.*s", (int)ntarget, target);
	return KERN_SUCCESS;
}

kern_return_t
vfs_link(mach_port_t ctx, int32_t who, mach_port_t dir1, const mx_path_t path1, mach_msg_type_number_t n1, mach_port_t dir2,
	const mx_path_t path2, mach_msg_type_number_t n2, uint32_t flags)
{
	(void)ctx, (void)who, (void)dir1, (void)path1, (void)n1, (void)dir2, (void)path2, (void)n2, (void)flags;
	RPC();
	return MX_EPERM;
}

kern_return_t
vfs_unlink(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t flags)
{
	struct node *node = node_at(ctx, dir, path, n);

	(void)who, (void)flags;
	RPC();
	if (node == NULL)
		return MX_ENOENT;
	node->is_gone = true;
	return KERN_SUCCESS;
}

kern_return_t
vfs_rename(mach_port_t ctx, int32_t who, mach_port_t dir1, const mx_path_t path1, mach_msg_type_number_t n1, mach_port_t dir2,
	const mx_path_t path2, mach_msg_type_number_t n2, uint32_t flags)
{
	struct node *node = node_at(ctx, dir1, path1, n1);
	char full[512];

	(void)who, (void)flags;
	RPC();
	if (node == NULL)
		return MX_ENOENT;
	path_join(full, ctx, dir2, path2, n2);
	snprintf(node->path, sizeof node->path, "%.255s", full);
	return KERN_SUCCESS;
}

kern_return_t
vfs_setattr(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t flags, mx_setattr_t set)
{
	struct node *node = node_at(ctx, dir, path, n);

	(void)who, (void)flags;
	RPC();
	if (node == NULL)
		return MX_ENOENT;
	if (set.sa_valid & MX_SET_MODE)
		node->attr.at_mode = (node->attr.at_mode & MX_S_IFMT) | set.sa_mode;
	if (set.sa_valid & MX_SET_SIZE)
		node_resize(node, set.sa_size);
	if (set.sa_valid & MX_SET_MTIME)
		node->attr.at_mtime = set.sa_mtime;
	node_changed(node);
	return KERN_SUCCESS;
}

/* One attribute for all. */
static char xattr_name[256], xattr_value[MX_DATA_MAX];
static mach_msg_type_number_t xattr_size;

kern_return_t
vfs_getxattr(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t flags,
	const mx_name_t name, mach_msg_type_number_t len, mx_data_t value, mach_msg_type_number_t *size)
{
	(void)who, (void)flags;
	RPC();
	if (node_at(ctx, dir, path, n) == NULL)
		return MX_ENOENT;
	if (len != strlen(xattr_name) || memcmp(name, xattr_name, len) != 0)
		return MX_ENODATA;
	memcpy(value, xattr_value, *size = xattr_size);
	return KERN_SUCCESS;
}

kern_return_t
vfs_setxattr(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t flags,
	const mx_name_t name, mach_msg_type_number_t len, const mx_data_t value, mach_msg_type_number_t size, uint32_t how)
{
	(void)who, (void)flags;
	RPC();
	if (node_at(ctx, dir, path, n) == NULL)
		return MX_ENOENT;
	snprintf(xattr_name, sizeof(xattr_name), "%.*s", how & MX_XATTR_REMOVE ? 0 : (int)len, name);
	memcpy(xattr_value, value, xattr_size = size);
	return KERN_SUCCESS;
}

kern_return_t
vfs_listxattr(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t flags,
	mx_data_t names, mach_msg_type_number_t *size)
{
	(void)who, (void)flags;
	RPC();
	if (node_at(ctx, dir, path, n) == NULL)
		return MX_ENOENT;
	*size = xattr_name[0] != '\0' ? strlen(xattr_name) + 1 : 0;
	memcpy(names, xattr_name, *size);
	return KERN_SUCCESS;
}

kern_return_t
vfs_statfs(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t flags, mx_statfs_t *sf)
{
	(void)ctx, (void)who, (void)dir, (void)path, (void)n, (void)flags;
	RPC();
	*sf = (struct mx_statfs){ .sf_type = 0x01021994, .sf_bsize = 4096, .sf_blocks = 1000 };
	return KERN_SUCCESS;
}

kern_return_t
vfs_chdir(mach_port_t ctx, int32_t who, mach_port_t dir, const mx_path_t path, mach_msg_type_number_t n, uint32_t flags, boolean_t root,
	mach_port_t *newctx)
{
	struct node *node = node_at(ctx, dir, path, n);

	(void)who, (void)flags, (void)root;
	RPC();
	if (node == NULL)
		return MX_ENOENT;
	if (node->kind != MX_KIND_DIR)
		return MX_ENOTDIR;
	*newctx = port_new(PORT_CONTEXT, NULL);
	strcpy(ports[*newctx].cwd, node->path);
	return KERN_SUCCESS;
}

kern_return_t
vfs_getcwd(mach_port_t ctx, mx_path_t path, mach_msg_type_number_t *n)
{
	RPC();
	*n = strlen(port_get(ctx, PORT_CONTEXT)->cwd);
	memcpy(path, port_get(ctx, PORT_CONTEXT)->cwd, *n);
	return KERN_SUCCESS;
}

kern_return_t
vfs_mount(mach_port_t ctx, int32_t who, const mx_path_t path, mach_msg_type_number_t n, const mx_path_t source, mach_msg_type_number_t ns,
	const mx_name_t fstype, mach_msg_type_number_t nt, uint32_t flags, const mx_blob_t options, mach_msg_type_number_t no)
{
	(void)ctx, (void)who, (void)path, (void)n, (void)source, (void)ns, (void)fstype, (void)nt, (void)flags, (void)options, (void)no;
	RPC();
	return MX_ENODEV;
}

kern_return_t
vfs_umount(mach_port_t ctx, int32_t who, const mx_path_t path, mach_msg_type_number_t n, uint32_t flags)
{
	(void)ctx, (void)who, (void)path, (void)n, (void)flags;
	RPC();
	return MX_EINVAL;
}

kern_return_t
vfs_pipe(mach_port_t ctx, uint32_t flags, mach_port_t *reader, mach_port_t *writer, mach_port_t *ring, uint64_t *ino)
{
	int fd = memfd_create("ring", 0);
	struct mx_ring *r;

	(void)ctx, (void)flags;
	RPC();
	if (ftruncate(fd, MX_RING_SIZE) < 0)
		abort();
	r = mmap(NULL, MX_RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	*reader = port_new(PORT_PIPE, NULL);
	*writer = port_new(PORT_PIPE, NULL);
	*ring = port_new(PORT_MEMORY, NULL);
	ports[*ring].fd = fd;
	ports[*reader].ring = ports[*writer].ring = r;
	ports[*writer].is_writer = true;
	*ino = next_ino++;
	return KERN_SUCCESS;
}

kern_return_t vfs_sync(mach_port_t ctx) { (void)ctx; RPC(); return KERN_SUCCESS; }

kern_return_t
vfs_path_of(mach_port_t ctx, mach_port_t io, mx_path_t path, mach_msg_type_number_t *n)
{
	struct node *node = port_get(io, PORT_OPEN)->node;

	(void)ctx;
	RPC();
	if (node->is_gone)
		return MX_ENOENT;
	*n = strlen(node->path);
	memcpy(path, node->path, *n);
	return KERN_SUCCESS;
}

/* ---- Open objects ---- */

kern_return_t
io_read(mach_port_t io, uint32_t tag, int32_t pgrp, uint32_t flags, int64_t offset, uint32_t count, mx_data_t data,
	mach_msg_type_number_t *n)
{
	struct node *node = port_get(io, PORT_OPEN)->node;

	(void)tag;
	RPC();
	if (node->kind == MX_KIND_TTY) {
		if (world_tty_is_background && pgrp != 0)
			return MX_EBACKGROUND;
		if (tty_in_len == 0)
			return flags & MX_IO_NONBLOCK ? MX_EAGAIN : MX_EINTR;
		*n = count < tty_in_len ? count : tty_in_len;
		memcpy(data, tty_in, *n);
		memmove(tty_in, tty_in + *n, tty_in_len - *n);
		tty_in_len -= *n;
		return KERN_SUCCESS;
	}
	if (offset < 0 || (uint64_t)offset >= node->attr.at_size) {
		*n = 0;
		return KERN_SUCCESS;
	}
	if (count > node->attr.at_size - (uint64_t)offset)
		count = (uint32_t)(node->attr.at_size - (uint64_t)offset);
	*n = (mach_msg_type_number_t)pread(node->data, data, count, (off_t)offset);
	return KERN_SUCCESS;
}

kern_return_t
io_write(mach_port_t io, uint32_t tag, int32_t pgrp, uint32_t flags, int64_t *offset, const mx_data_t data, mach_msg_type_number_t n,
	uint32_t *written)
{
	struct node *node = port_get(io, PORT_OPEN)->node;

	(void)tag;
	RPC();
	if (n > MX_DATA_MAX)
		return MX_EINVAL;
	*written = n;
	if (node->kind == MX_KIND_TTY) {
		if (world_tty_is_background && pgrp != 0)
			return MX_EBACKGROUND;
		memcpy(tty_out + tty_out_len, data, n);
		tty_out_len += n;
		return KERN_SUCCESS;
	}
	if (flags & MX_IO_APPEND)
		*offset = (int64_t)node->attr.at_size;
	if (pwrite(node->data, data, n, (off_t)*offset) != (ssize_t)n)
		abort();
	if ((uint64_t)*offset + n > node->attr.at_size)
		node_resize(node, (uint64_t)*offset + n);
	return KERN_SUCCESS;
}

/* There are no disks here. */
kern_return_t
io_read_ool(mach_port_t io, uint32_t tag, int32_t pgrp, uint32_t flags, int64_t offset, uint32_t count, vm_offset_t *data,
	mach_msg_type_number_t *n)
{
	(void)io, (void)tag, (void)pgrp, (void)flags, (void)offset, (void)count, (void)data, (void)n;
	return MX_EIO;
}

void
mig_deallocate(vm_address_t addr, vm_size_t size)
{
	(void)addr, (void)size;
}

kern_return_t
io_write_ool(mach_port_t io, uint32_t tag, int32_t pgrp, uint32_t flags, int64_t *offset, vm_offset_t data, mach_msg_type_number_t n,
	uint32_t *written)
{
	struct node *node = port_get(io, PORT_OPEN)->node;
	char *copy = malloc(n);

	(void)tag, (void)pgrp;
	world_rpcs++;
	if (em_copyin(copy, data, n) < 0) {
		free(copy);
		return MX_EFAULT;
	}
	if (flags & MX_IO_APPEND)
		*offset = (int64_t)node->attr.at_size;
	if (pwrite(node->data, copy, n, (off_t)*offset) != (ssize_t)n)
		abort();
	if ((uint64_t)*offset + n > node->attr.at_size)
		node_resize(node, (uint64_t)*offset + n);
	*written = n;
	free(copy);
	return KERN_SUCCESS;
}

kern_return_t
io_stat(mach_port_t io, mx_attr_t *attr)
{
	RPC();
	if (ports[io].type == PORT_PIPE) {
		*attr = (struct mx_attr){ .at_mode = MX_S_IFIFO | 0600, .at_ino = io };
		return KERN_SUCCESS;
	}
	*attr = port_get(io, PORT_OPEN)->node->attr;
	return KERN_SUCCESS;
}

kern_return_t
io_truncate(mach_port_t io, uint64_t size)
{
	RPC();
	node_resize(port_get(io, PORT_OPEN)->node, size);
	return KERN_SUCCESS;
}

kern_return_t io_sync(mach_port_t io, boolean_t dataonly) { (void)io, (void)dataonly; RPC(); return KERN_SUCCESS; }

kern_return_t
io_getdents(mach_port_t io, uint64_t cookie, uint32_t count, mx_data_t data, mach_msg_type_number_t *n)
{
	struct node *dir = port_get(io, PORT_OPEN)->node;
	size_t base = strlen(dir->path);

	RPC();
	*n = 0;
	for (unsigned int i = (unsigned int)cookie; i < nnodes; i++) {
		const char *name = nodes[i].path + base + 1;
		struct mx_dirent de = { .de_ino = nodes[i].attr.at_ino, .de_cookie = i + 1, .de_type = MX_DT(nodes[i].attr.at_mode) };

		if (nodes[i].is_gone || strncmp(nodes[i].path, dir->path, base) != 0 || nodes[i].path[base] != '/')
			continue;
		de.de_namelen = (uint8_t)strlen(name);
		de.de_reclen = (uint16_t)((MX_DIRENT_NAME + de.de_namelen + 1 + 7) & ~7);
		if (*n + de.de_reclen > count)
			return *n == 0 ? MX_EINVAL : KERN_SUCCESS;
		memset(data + *n, 0, de.de_reclen);
		memcpy(data + *n, &de, MX_DIRENT_NAME);
		memcpy(data + *n + MX_DIRENT_NAME, name, de.de_namelen);
		*n += de.de_reclen;
	}
	return KERN_SUCCESS;
}

kern_return_t
io_map(mach_port_t io, mach_port_t *memory, int32_t *maxprot, mach_port_t *info, uint32_t *info_offset)
{
	struct node *node = port_get(io, PORT_OPEN)->node;

	RPC();
	if (world_no_map)
		return MX_ENODEV;
	*memory = port_new(PORT_MEMORY, NULL);
	ports[*memory].fd = dup(node->data);
	*info = port_new(PORT_MEMORY, NULL);
	ports[*info].fd = dup(node->info);
	*info_offset = 0;
	*maxprot = VM_PROT_READ | VM_PROT_WRITE;
	return KERN_SUCCESS;
}

kern_return_t
io_poll(mach_port_t io, uint32_t events, uint32_t cookie, mach_port_t notify, uint32_t *revents)
{
	struct port *p = &ports[io];

	RPC();
	if (p->type == PORT_PIPE) {
		*revents = 0;
		if (notify != MACH_PORT_NULL) {
			p->cookie = cookie;
			p->notify = notify;
			p->ring->rg_pollers = 1;
		}
		return KERN_SUCCESS;
	}
	*revents = (tty_in_len > 0 ? MX_POLLIN | MX_POLLRDNORM : 0) | MX_POLLOUT | MX_POLLWRNORM;
	*revents &= events;
	if (notify == MACH_PORT_NULL)
		return KERN_SUCCESS;
	if (*revents == 0) {
		p->cookie = cookie;
		p->notify = notify;
	} else {
		queue_put(notify, MACH_NOTIFY_SEND_ONCE, 0, 0);	/* the right is destroyed */
	}
	return KERN_SUCCESS;
}

kern_return_t
io_lease(mach_port_t io, boolean_t mapped, mach_port_t *memory)
{
	(void)io, (void)mapped, (void)memory;
	return MX_EOPNOTSUPP;
}

kern_return_t
io_touch(mach_port_t io, int64_t sec, uint32_t ns)
{
	struct node *node = port_get(io, PORT_OPEN)->node;

	world_touches++;
	node->attr.at_mtime = sec;
	node->attr.at_mtime_ns = ns;
	node_changed(node);
	return KERN_SUCCESS;
}

kern_return_t
io_kick(mach_port_t io)
{
	const struct mx_ring *ring = ports[io].ring;

	for (unsigned int i = 16; i < PORTS; i++) {
		if (ports[i].type == PORT_PIPE && ports[i].ring == ring && ports[i].notify != MACH_PORT_NULL) {
			queue_put(ports[i].notify, 411500, ports[i].cookie, MX_POLLIN);
			ports[i].notify = MACH_PORT_NULL;
		}
	}
	return KERN_SUCCESS;
}

void
world_tty_type(const char *text)
{
	memcpy(tty_in + tty_in_len, text, strlen(text));
	tty_in_len += strlen(text);
	for (unsigned int i = 16; i < PORTS; i++) {
		if (ports[i].type == PORT_OPEN && ports[i].node->kind == MX_KIND_TTY && ports[i].notify != MACH_PORT_NULL) {
			queue_put(ports[i].notify, 411500, ports[i].cookie, MX_POLLIN);
			ports[i].notify = MACH_PORT_NULL;
		}
	}
}

const char *
world_tty_output(void)
{
	tty_out[tty_out_len] = '\0';
	tty_out_len = 0;
	return tty_out;
}

kern_return_t
io_ioctl(mach_port_t io, uint32_t tag, int32_t pgrp, uint32_t cmd, uint32_t arg, const mx_blob_t in, mach_msg_type_number_t nin,
	mx_blob_t out, mach_msg_type_number_t *nout, int32_t *result)
{
	(void)io, (void)tag, (void)pgrp, (void)arg, (void)in, (void)nin;
	RPC();
	*result = 0;
	if (port_get(io, PORT_OPEN)->node->kind != MX_KIND_TTY || cmd != 0x5413)
		return MX_ENOTTY;
	memset(out, 7, 8);
	*nout = 8;
	return KERN_SUCCESS;
}

kern_return_t
io_lock(mach_port_t io, uint32_t tag, uint32_t kind, uint32_t cmd, int32_t owner, int32_t *ltype, uint64_t *start, uint64_t *length,
	int32_t *pid)
{
	(void)io, (void)tag, (void)kind, (void)owner, (void)start, (void)length, (void)pid;
	RPC();
	if (cmd == MX_LOCK_GET)
		*ltype = MX_F_UNLCK;
	return KERN_SUCCESS;
}

kern_return_t
io_seek(mach_port_t io, uint32_t whence, uint64_t *offset)
{
	uint64_t size = port_get(io, PORT_OPEN)->node->attr.at_size;

	RPC();
	if (*offset >= size)
		return MX_ENXIO;
	if (whence == 4)
		*offset = size;
	return KERN_SUCCESS;
}

kern_return_t
io_allocate(mach_port_t io, uint32_t mode, uint64_t offset, uint64_t length)
{
	struct node *node = port_get(io, PORT_OPEN)->node;

	RPC();
	if (mode == 0 && offset + length > node->attr.at_size)
		node_resize(node, offset + length);
	return KERN_SUCCESS;
}

kern_return_t
io_statfs(mach_port_t io, mx_statfs_t *sf)
{
	(void)io;
	RPC();
	*sf = (struct mx_statfs){ .sf_type = 0x01021994, .sf_bsize = 4096, .sf_blocks = 1000 };
	return KERN_SUCCESS;
}

kern_return_t
proc_ctty(mach_port_t proc, uint32_t op, mach_port_t tty, int32_t arg, mach_port_t *io)
{
	(void)proc, (void)tty, (void)arg, (void)io;
	RPC();
	return op == MX_CTTY_OPEN ? MX_ENXIO : KERN_SUCCESS;
}

/* ---- The process ---- */

static void
world_fs_register(void)
{
	struct user_desc d = { .entry_number = (unsigned int)-1, .base_addr = (unsigned int)(uintptr_t)&world_thread, .limit = 0xfffff,
		.seg_32bit = 1, .limit_in_pages = 1, .useable = 1 };

	if (syscall(SYS_set_thread_area, &d) < 0)
		abort();
	__asm__ volatile("movw %w0,%%fs" : : "r"(d.entry_number * 8 + 3));
}

void
world_begin(void)
{
	struct mx_sys *sys = mmap((void *)MX_SYS_BASE, MX_SYS_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);

	if (sys == MAP_FAILED)
		abort();
	sys->sy_proc[3] = (struct mx_sys_proc){ .sp_pid = 42, .sp_ppid = 41, .sp_pgrp = 42, .sp_sid = 40 };
	sys->sy_proc[4] = (struct mx_sys_proc){ .sp_pid = 41, .sp_ppid = 1, .sp_pgrp = 41, .sp_sid = 40 };
	world_thread.t_self = &world_thread;
	world_thread.t_process = &world_process;
	world_process.p_pid = 42;
	world_process.p_slot = 3;
	world_process.p_nthreads = 1;
	world_process.p_umask = 022;
	world_process.p_rlimit_nofile = 64;
	world_process.p_rlimit_fsize = MX_RLIM_INFINITY;
	strcpy(world_process.p_exe, "/bin/test");
	world_fs_register();
	world_process.p_vfs = port_new(PORT_CONTEXT, NULL);
	strcpy(ports[world_process.p_vfs].cwd, "/");
	world_dir("/");
	world_process.p_files = em_files_create();
}
