/*
 * carry.c - a process goes over into a fresh task (carry.h).
 *
 * The old side runs when all that execve takes away is gone: other threads, caught signals, descriptors to be closed. While it writes,
 * proc keeps signals back, so none is lost between the two tasks.
 *
 * What stays behind: epoll sets, names that sockets were bound to. Descriptions lie in shared memory; the fresh task inherits the pages,
 * so a position is still one with that of whoever inherited it before.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "carry.h"
#include "ring.h"
#include "boot.h"
#include "mach_port.h"
#include "proc.h"

#define E(name)		(-MX_ERRNO(MX_##name))
#define PORTS_MAX	16384u
#define PERSONALITY_SAFE 0xff8bffffu	/* without what would make the new program's addresses known */

/* ---- Writing ---- */

struct writer {
	struct em_process *w_process;
	struct em_carry	*w_carry;
	uint32_t	w_room;		/* bytes in all */
	uint32_t	w_at;		/* bytes used */
	mach_port_t	*w_ports;
	uint32_t	w_nports;
	bool		w_is_full;
};

static void *
put(struct writer *w, const void *from, uint32_t n)
{
	char *to = (char *)w->w_carry + w->w_at;

	if (n > w->w_room - w->w_at) {
		w->w_is_full = true;
		return NULL;
	}
	memcpy(to, from, n);
	w->w_at += n;
	return to;
}

static uint32_t
put_port(struct writer *w, mach_port_t port)
{
	if (port == MACH_PORT_NULL || port == MACH_PORT_DEAD)
		return 0;
	if (w->w_nports == PORTS_MAX) {
		w->w_is_full = true;
		return 0;
	}
	w->w_ports[w->w_nports++] = port;
	return w->w_nports;
}

static bool
is_carried(const struct em_file *f)
{
	return f->f_kind != EM_KIND_EPOLL;
}

static void
put_file(struct writer *w, struct em_file *f)
{
	struct em_carry_file cf = { .cf_kind = f->f_kind, .cf_desc = (uint32_t)f->f_desc, .cf_is_seekable = f->f_is_seekable,
		.cf_attr = f->f_attr };

	em_window_flush(f);
	(void)em_pipe_ready(f);		/* what has no right is left out there */
	cf.cf_port = put_port(w, f->f_port);
	cf.cf_port2 = put_port(w, f->f_port2);
	em_event_save(f, cf.cf_word);
	em_socket_save(f, cf.cf_word);
	(void)put(w, &cf, sizeof(cf));
}

static void
serials_set(const struct em_files *fs, bool fresh)
{
	for (uint32_t fd = 0; fd < fs->fs_size; fd++)
		if (fs->fs_fd[fd].fd_file != NULL)
			fs->fs_fd[fd].fd_file->f_serial = fresh ? em_file_serial() : 0;
}

/* Each file once; f_serial is its number meanwhile, from 1. */
static void
put_files(struct writer *w)
{
	struct em_files *fs = w->w_process->p_files;
	struct em_carry_fd cd;
	struct em_file *f;

	serials_set(fs, false);
	for (uint32_t fd = 0; fd < fs->fs_size; fd++) {
		f = fs->fs_fd[fd].fd_file;
		if (f == NULL || f->f_serial != 0 || !is_carried(f))
			continue;
		f->f_serial = ++w->w_carry->ca_nfiles;
		put_file(w, f);
	}
	for (uint32_t fd = 0; fd < fs->fs_size; fd++) {
		f = fs->fs_fd[fd].fd_file;
		if (f == NULL || !is_carried(f))
			continue;
		cd = (struct em_carry_fd){ fd, f->f_serial - 1, fs->fs_fd[fd].fd_flags };
		(void)put(w, &cd, sizeof(cd));
		w->w_carry->ca_nfds++;
	}
}

static void
put_pages(struct writer *w)
{
	uint32_t addr = 0;

	while ((addr = em_desc_page_next(addr)) != 0) {
		(void)put(w, &addr, sizeof(addr));
		w->w_carry->ca_npages++;
	}
}

static void
put_signals(struct writer *w, struct em_thread *t)
{
	struct em_process *p = w->w_process;
	struct em_carry *c = w->w_carry;
	struct mx_siginfo info;

	c->ca_mask = t->t_mask;
	for (unsigned int i = 0; i < ARRAY_LEN(p->p_action); i++)
		if (p->p_action[i].sa_handler == 1)
			c->ca_ignored |= 1ull << i;
	em_lock(&p->p_lock);
	while (em_signal_take(p, t, ~0ull, &info) != 0) {
		(void)put(w, &info, sizeof(info));
		c->ca_nsignals++;
	}
	em_unlock(&p->p_lock);
}

static uint64_t
left_of(uint64_t deadline, uint64_t now)
{
	return deadline == 0 ? 0 : deadline > now ? deadline - now : 1;
}

static void
put_rest(struct writer *w)
{
	const struct em_process *p = w->w_process;
	struct em_carry *c = w->w_carry;
	uint64_t cpu = em_cpu_ns(MACH_PORT_NULL);

	c->ca_umask = p->p_umask;
	c->ca_personality = p->p_personality;
	c->ca_conts = p->p_conts;
	c->ca_has_locks = em_lock_any();
	c->ca_alarm_ns = p->p_alarm_ns;
	c->ca_alarm_interval_ns = p->p_alarm_interval_ns;
	for (int i = 0; i < 2; i++) {
		c->ca_virtual_left_ns[i] = left_of(p->p_virtual_ns[i], cpu);
		c->ca_virtual_interval_ns[i] = p->p_virtual_interval_ns[i];
	}
}

static int32_t
write_all(struct writer *w, struct em_thread *t, const char *path, const char *name, const struct em_args *a)
{
	w->w_carry->ca_magic = EM_CARRY_MAGIC;
	w->w_at = sizeof(*w->w_carry);
	put_rest(w);
	put_files(w);
	put_pages(w);
	put_signals(w, t);
	(void)put(w, path, (uint32_t)strlen(path) + 1);
	(void)put(w, name, (uint32_t)strlen(name) + 1);
	(void)put(w, a->ea_first, (uint32_t)(a->ea_end - a->ea_first));
	w->w_carry->ca_argc = a->ea_argc;
	w->w_carry->ca_envc = a->ea_envc;
	w->w_carry->ca_size = w->w_at;
	return w->w_is_full ? E(E2BIG) : 0;
}

static void
signals_hold(const struct em_process *p, bool yes)
{
	mach_msg_type_number_t n = MX_BLOB_MAX;
	char out[MX_BLOB_MAX];
	int32_t result;

	/* When proc does not answer, neither will it do what comes next. */
	(void)proc_misc(p->p_port, MX_MISC_HOLD, yes, NULL, 0, out, &n, &result);
	if (yes)
		em_service_sync();
}

/* Pending signals were taken out to be written: they are still pending. */
static void
signals_put_back(struct writer *w, struct em_thread *t)
{
	const struct em_carry *c = w->w_carry;
	const char *end = (const char *)c + sizeof(*c) + c->ca_nfiles * sizeof(struct em_carry_file) +
		c->ca_nfds * sizeof(struct em_carry_fd) + c->ca_npages * sizeof(uint32_t);
	const struct mx_siginfo *info = (const struct mx_siginfo *)end;

	em_lock(&w->w_process->p_lock);
	for (uint32_t i = 0; i < c->ca_nsignals && !w->w_is_full; i++)
		em_signal_post(w->w_process, NULL, &info[i]);
	t->t_attention = 1;
	em_unlock(&w->w_process->p_lock);
}

/* Write all and hand it over. Returns when that failed, and then nothing has changed. */
static int32_t
hand_over(struct writer *w, struct em_thread *t, mach_port_t program, const char *path, const char *name, const struct em_args *a)
{
	struct em_process *p = t->t_process;
	int32_t err;

	signals_hold(p, true);
	err = write_all(w, t, path, name, a);
	em_service_forget();
	em_mm_lock();			/* the service thread must not change the memory now */
	em_mm_inherit(false);
	if (err == 0)
		err = em_errno(proc_exec_setid(p->p_port, program, p->p_vfs, (vm_offset_t)w->w_carry, w->w_at, w->w_ports,
			w->w_nports));
	if (err == 0)
		for (;;)
			(void)swtch_pri(0);	/* this task is about to end */
	em_mm_inherit(true);
	em_mm_unlock();
	serials_set(p->p_files, true);
	signals_put_back(w, t);
	signals_hold(p, false);
	return err;
}

int32_t
em_carry_over(struct em_thread *t, mach_port_t program, const char *path, const char *name, const struct em_args *a)
{
	struct writer w = { .w_process = t->t_process, .w_room = 2 * EM_PAGE_ALIGN((uint32_t)(a->ea_end - a->ea_first)) + 0x100000u };
	int32_t err;

	if (w.w_room > MX_OOL_MAX)
		w.w_room = MX_OOL_MAX;
	w.w_carry = em_pages_alloc(w.w_room);
	w.w_ports = em_pages_alloc(PORTS_MAX * sizeof(mach_port_t));
	err = w.w_carry == NULL || w.w_ports == NULL ? E(ENOMEM) : hand_over(&w, t, program, path, name, a);
	em_pages_free(w.w_carry, w.w_room);
	em_pages_free(w.w_ports, PORTS_MAX * sizeof(mach_port_t));
	return err;
}

/* ---- Reading: the words of an enemy ---- */

struct reader {
	struct em_process *r_process;
	const char	*r_at, *r_end;
	uint32_t	r_nports;
	struct em_file	**r_files;
};

/* N things of SIZE bytes; NULL: they are not there. */
static const void *
get(struct reader *r, uint32_t n, uint32_t size)
{
	const void *at = r->r_at;

	if (n > (uint32_t)(r->r_end - r->r_at) / size)
		return NULL;
	r->r_at += n * size;
	return at;
}

static const char *
get_string(struct reader *r)
{
	const char *s = r->r_at;

	while (r->r_at < r->r_end && *r->r_at != '\0')
		r->r_at++;
	if (r->r_at == r->r_end)
		return NULL;
	r->r_at++;
	return s;
}

/* Each right is taken once, by whom it is for; a second one for the same port needs a reference of its own. */
static mach_port_t
get_port(const struct reader *r, uint32_t index)
{
	mach_port_t port = EM_PORT_STATE + index - 1;

	if (index == 0 || index > r->r_nports || mach_port_mod_refs(em_task, port, MACH_PORT_RIGHT_SEND, 1) != KERN_SUCCESS)
		return MACH_PORT_NULL;
	return port;
}

static const struct em_class *
class_of(uint32_t kind)
{
	const struct em_class *cls = em_class_of(kind);

	if (cls == NULL && kind == EM_KIND_PIPE)
		cls = &em_class_pipe;
	if (cls == NULL)
		cls = em_event_class(kind);
	return cls != NULL ? cls : em_socket_class(kind);
}

/* What the kind needs beside the port. Errors: -errno */
static int32_t
file_complete(struct em_file *f, const uint32_t *word)
{
	if (f->f_kind == EM_KIND_PIPE)
		return em_pipe_load(f);
	if (f->f_kind == EM_KIND_SOCKET)
		return em_socket_load(f, word);
	em_event_load(f, word);
	return 0;
}

/* A file that cannot be had is not there: the program finds its descriptor closed. */
static struct em_file *
file_take(const struct reader *r, const struct em_carry_file *cf)
{
	const struct em_class *cls = class_of(cf->cf_kind);
	struct em_file *f;

	if (cls == NULL)
		return NULL;
	f = em_file_adopt(cf->cf_kind, cls, cf->cf_desc, &cf->cf_attr);
	if (f == NULL)
		return NULL;
	f->f_port = get_port(r, cf->cf_port);
	f->f_port2 = get_port(r, cf->cf_port2);
	f->f_is_seekable = cf->cf_is_seekable != 0;
	if (((cls->c_flags & EM_CLASS_SERVER) && f->f_port == MACH_PORT_NULL) || file_complete(f, cf->cf_word) < 0) {
		em_file_release(f);
		return NULL;
	}
	return f;
}

static int32_t
files_take(struct reader *r, const struct em_carry *c)
{
	const struct em_carry_file *cf = get(r, c->ca_nfiles, sizeof(*cf));
	const struct em_carry_fd *cd = get(r, c->ca_nfds, sizeof(*cd));
	const uint32_t *page = get(r, c->ca_npages, sizeof(*page));

	if (cf == NULL || cd == NULL || page == NULL)
		return E(EINVAL);
	for (uint32_t i = 0; i < c->ca_npages; i++)
		em_desc_page_adopt(page[i]);
	if (c->ca_nfiles == 0)
		return 0;
	r->r_files = em_pages_alloc(c->ca_nfiles * sizeof(*r->r_files));
	if (r->r_files == NULL)
		return E(ENOMEM);
	for (uint32_t i = 0; i < c->ca_nfiles; i++)
		r->r_files[i] = file_take(r, &cf[i]);
	for (uint32_t i = 0; i < c->ca_nfds; i++)
		if (cd[i].cd_file < c->ca_nfiles && r->r_files[cd[i].cd_file] != NULL)
			em_fd_place(r->r_files[cd[i].cd_file], cd[i].cd_fd, cd[i].cd_flags & EM_FD_CLOEXEC);
	for (uint32_t i = 0; i < c->ca_nfiles; i++)
		if (r->r_files[i] != NULL)
			em_file_release(r->r_files[i]);
	em_pages_free(r->r_files, c->ca_nfiles * sizeof(*r->r_files));
	return 0;
}

static int32_t
signals_take(struct reader *r, struct em_thread *t, const struct em_carry *c)
{
	const struct mx_siginfo *info = get(r, c->ca_nsignals, sizeof(*info));
	struct em_process *p = r->r_process;

	if (info == NULL)
		return E(EINVAL);
	em_lock(&p->p_lock);
	t->t_mask = c->ca_mask & ~(EM_BIT(MX_SIGKILL) | EM_BIT(MX_SIGSTOP));
	for (unsigned int i = 0; i < ARRAY_LEN(p->p_action); i++)
		p->p_action[i].sa_handler = c->ca_ignored >> i & 1;
	p->p_conts = c->ca_conts;
	for (uint32_t i = 0; i < c->ca_nsignals; i++)
		if (info[i].si_signo > 0 && info[i].si_signo <= 64)
			em_signal_post(p, NULL, &info[i]);
	p->p_alarm_ns = c->ca_alarm_ns;
	p->p_alarm_interval_ns = c->ca_alarm_interval_ns;
	for (int i = 0; i < 2; i++) {
		p->p_virtual_ns[i] = c->ca_virtual_left_ns[i] == 0 ? 0 : c->ca_virtual_left_ns[i] + em_cpu_ns(MACH_PORT_NULL);
		p->p_virtual_interval_ns[i] = c->ca_virtual_interval_ns[i];
	}
	em_unlock(&p->p_lock);
	return 0;
}

static int32_t
strings_take(struct reader *r, const struct em_carry *c, struct em_args *a)
{
	const char *first = r->r_at;

	for (uint32_t i = 0; i < c->ca_argc; i++)
		if (get_string(r) == NULL)
			return E(EINVAL);
	a->ea_envp = a->ea_end + (r->r_at - first);
	for (uint32_t i = 0; i < c->ca_envc; i++)
		if (get_string(r) == NULL)
			return E(EINVAL);
	if (c->ca_argc == 0 || (uint32_t)(r->r_at - first) > (uint32_t)(a->ea_block + a->ea_size - a->ea_end))
		return E(EINVAL);
	memcpy(a->ea_end, first, (uint32_t)(r->r_at - first));
	a->ea_end += r->r_at - first;
	a->ea_argc = c->ca_argc;
	a->ea_envc = c->ca_envc;
	return 0;
}

int32_t
em_carry_take(struct em_thread *t, const struct em_carry *c, uint32_t size, uint32_t nports, struct em_args *a,
	const char **path, const char **name)
{
	struct em_process *p = t->t_process;
	struct reader r = { .r_process = p, .r_at = (const char *)(c + 1), .r_nports = nports };
	int32_t err;

	if (size < sizeof(*c) || c->ca_magic != EM_CARRY_MAGIC || c->ca_size != size)
		return E(EINVAL);
	r.r_end = (const char *)c + size;
	p->p_umask = c->ca_umask & 0777;
	p->p_personality = c->ca_personality & PERSONALITY_SAFE;
	p->p_dumpable = 0;
	err = files_take(&r, c);
	if (err == 0)
		err = signals_take(&r, t, c);
	if (c->ca_has_locks)
		em_lock_assume();
	for (uint32_t i = 0; i < nports; i++)
		em_port_release(EM_PORT_STATE + i);
	if (err < 0)
		return err;
	*path = get_string(&r);
	*name = get_string(&r);
	if (*path == NULL || *name == NULL || strlen(*path) >= MX_PATH_MAX || strlen(*name) >= MX_PATH_MAX)
		return E(EINVAL);
	return strings_take(&r, c, a);
}
