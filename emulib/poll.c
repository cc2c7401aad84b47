/*
 * poll.c - poll and select, and what they are made of.
 *
 * A server keeps a registration until it has something to tell, so a thread remembers what it has registered: a file that was not ready
 * and of which nothing was heard is still not ready, and asking again costs no message. The port is emptied before every scan, so
 * that this is true.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "poll.h"
#include <mach/mig_support.h>
#include <mach/notify.h>
#include "io.h"

#define POLL_READY_ID	411500
#define POLL_POKE_ID	411599
#define POLL_REGS	32u
#define POLL_TRUST_NS	2000000000u	/* how long a registration is believed */
#define POLL_FEW	16u		/* files that need no allocation */
#define POLL_MANY	65536u

kern_return_t syscall_mach_port_allocate(mach_port_t task, mach_port_right_t right, mach_port_t *name);

/* ---- What a thread has registered ---- */

struct poll_reg {
	struct em_file	*pr_file;	/* NULL: free; may be gone, then pr_serial differs */
	uint32_t	pr_serial;
	mach_port_t	pr_port;
	uint32_t	pr_events, pr_cookie;
	uint64_t	pr_since;
};

struct em_poll_state {
	uint32_t	ps_cookie;	/* the last one given */
	uint32_t	ps_next;	/* registration to forget next */
	uint32_t	ps_outstanding;	/* messages that may still come */
	uint32_t	ps_destroyed;	/* of them: rights that a server destroyed because something was ready */
	struct poll_reg	ps_reg[POLL_REGS];
};

struct poll_message {
	mach_msg_header_t pm_head;
	mach_msg_type_t	pm_cookie_type;
	uint32_t	pm_cookie;
	mach_msg_type_t	pm_revents_type;
	uint32_t	pm_revents;
	char		pm_room[64];
};

static struct em_poll *poll_sleepers;

/* The calling thread's state and port; NULL: no memory. */
static struct em_poll_state *
poll_state(void)
{
	struct em_thread *t = em_self();

	if (t->t_poll == MACH_PORT_NULL &&
	    syscall_mach_port_allocate(em_task, MACH_PORT_RIGHT_RECEIVE, &t->t_poll) != KERN_SUCCESS) {
		t->t_poll = MACH_PORT_NULL;
		return NULL;
	}
	if (t->t_poll_state == NULL)
		t->t_poll_state = em_alloc(sizeof *t->t_poll_state);
	return t->t_poll_state;
}

/* The child of a fork has none of its parent's ports. */
void
em_poll_forked(void)
{
	struct em_thread *t = em_self();

	poll_sleepers = NULL;
	t->t_poll = MACH_PORT_NULL;
	if (t->t_poll_state != NULL)
		*t->t_poll_state = (struct em_poll_state){ 0 };
}

/* The thread T is gone: its state is given back (its port goes with its other rights). */
void
em_poll_thread_done(struct em_thread *t)
{
	if (t->t_poll_state != NULL)
		em_free(t->t_poll_state, sizeof *t->t_poll_state);
	t->t_poll_state = NULL;
}

void
em_poll_forget(struct em_file *f)
{
	f->f_serial = em_file_serial();
}

static struct poll_reg *
poll_reg_find(struct em_poll_state *ps, const struct em_file *f, mach_port_t port, uint32_t events)
{
	for (uint32_t i = 0; i < POLL_REGS; i++) {
		struct poll_reg *r = &ps->ps_reg[i];

		if (r->pr_file == f && r->pr_serial == f->f_serial && r->pr_port == port && (events & ~r->pr_events) == 0)
			return r;
	}
	return NULL;
}

static struct poll_reg *
poll_reg_new(struct em_poll_state *ps)
{
	for (uint32_t i = 0; i < POLL_REGS; i++)
		if (ps->ps_reg[i].pr_file == NULL)
			return &ps->ps_reg[i];
	return &ps->ps_reg[ps->ps_next++ % POLL_REGS];
}

/* A message came: the registration it belongs to is used up. */
static void
poll_message_take(struct em_poll_state *ps, const struct poll_message *m)
{
	bool is_death = m->pm_head.msgh_id == MACH_NOTIFY_SEND_ONCE;

	if (m->pm_head.msgh_id == POLL_POKE_ID)
		return;
	if (ps->ps_outstanding > 0)
		ps->ps_outstanding--;
	if (is_death && ps->ps_destroyed > 0) {
		ps->ps_destroyed--;
		return;
	}
	for (uint32_t i = 0; i < POLL_REGS; i++)
		if (is_death || ps->ps_reg[i].pr_cookie == m->pm_cookie)
			ps->ps_reg[i].pr_file = NULL;
	if (is_death)
		em_pause();		/* a server died, or does not keep registrations: not too often */
}

/* Take what has come. */
static void
poll_drain(struct em_poll_state *ps)
{
	struct poll_message m;

	if (ps->ps_outstanding == 0)
		return;
	while (mach_msg(&m.pm_head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof m, em_self()->t_poll, 0, MACH_PORT_NULL) ==
	    MACH_MSG_SUCCESS)
		poll_message_take(ps, &m);
}

/* ---- Files ---- */

/* Ask PORT and register for the case that nothing is ready. */
static uint32_t
poll_register(struct em_poll_state *ps, struct em_file *f, mach_port_t port, uint32_t events, const struct em_poll *p)
{
	struct poll_reg *r = poll_reg_find(ps, f, port, events);
	uint32_t revents = 0;

	if (r == NULL)
		r = poll_reg_new(ps);
	r->pr_file = NULL;
	if (io_poll(port, events, ++ps->ps_cookie, p->pl_port, &revents) != KERN_SUCCESS)
		return MX_POLLERR;
	ps->ps_outstanding++;
	if (revents != 0)
		ps->ps_destroyed++;
	else
		*r = (struct poll_reg){ f, f->f_serial, port, events, ps->ps_cookie, em_now_ns() };
	return revents;
}

uint32_t
em_poll_server(struct em_file *f, mach_port_t port, uint32_t events, struct em_poll *p, bool is_idle)
{
	struct em_poll_state *ps = poll_state();
	uint32_t revents = 0;
	struct poll_reg *r;

	if (ps == NULL)
		return MX_POLLERR;
	r = poll_reg_find(ps, f, port, events);
	if (r != NULL && em_now_ns() - r->pr_since < POLL_TRUST_NS)
		return 0;
	/* A right that is given and destroyed at once costs two messages more. */
	if ((p == NULL || !is_idle) && io_poll(port, events, 0, MACH_PORT_NULL, &revents) != KERN_SUCCESS)
		return MX_POLLERR;
	if (p != NULL && revents == 0)
		revents = poll_register(ps, f, port, events, p);
	return revents & (events | EM_POLL_ALWAYS);
}

uint32_t
em_file_poll(struct em_file *f, uint32_t events, struct em_poll *p)
{
	if (em_file_flags(f) & MX_O_PATH)
		return MX_POLLNVAL;
	if (f->f_class->c_poll != NULL)
		return f->f_class->c_poll(f, events, p) & (events | EM_POLL_ALWAYS);
	return events & (EM_POLL_READ | EM_POLL_WRITE);
}

void
em_poll_at(struct em_poll *p, uint64_t deadline)
{
	if (p->pl_deadline == 0 || deadline < p->pl_deadline)
		p->pl_deadline = deadline;
}

/* ---- Sleeping ---- */

void
em_poll_poke(void)
{
	em_lock(&em_file_lock);
	for (struct em_poll *p = poll_sleepers; p != NULL; p = p->pl_next) {
		mach_msg_header_t m = { .msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND_ONCE, 0), .msgh_size = sizeof m,
			.msgh_remote_port = p->pl_port, .msgh_id = POLL_POKE_ID };

		if (__atomic_exchange_n(&p->pl_poked, 1, __ATOMIC_SEQ_CST) == 0)
			(void)mach_msg(&m, MACH_SEND_MSG, sizeof m, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
	}
	em_unlock(&em_file_lock);
}

static void
poll_link(struct em_poll *p)
{
	em_lock(&em_file_lock);
	p->pl_next = poll_sleepers;
	poll_sleepers = p;
	em_unlock(&em_file_lock);
}

static void
poll_unlink(struct em_poll *p)
{
	struct em_poll **at;

	em_lock(&em_file_lock);
	for (at = &poll_sleepers; *at != NULL; at = &(*at)->pl_next) {
		if (*at == p) {
			*at = p->pl_next;
			break;
		}
	}
	em_unlock(&em_file_lock);
}

/* Sleep until a message, DEADLINE or a signal. 0: scan again; -ETIMEDOUT, -EINTR. */
static int32_t
poll_sleep(struct em_poll_state *ps, struct em_poll *p, uint64_t deadline)
{
	uint64_t until = p->pl_deadline != 0 && (deadline == 0 || p->pl_deadline < deadline) ? p->pl_deadline : deadline;
	struct poll_message m;
	int32_t err;

	err = em_wait_message(p->pl_port, &m.pm_head, sizeof m, until);
	if (err == 0)
		poll_message_take(ps, &m);
	if (err == EM_E(ETIMEDOUT) && until != deadline)
		err = 0;
	return err;
}

int32_t
em_poll_run(em_poll_scan *scan, void *arg, uint64_t deadline)
{
	struct em_poll p = { .pl_next = NULL };
	struct em_poll_state *ps = poll_state();
	int32_t n, err = 0;

	if (ps == NULL)
		return EM_E(ENOMEM);
	poll_drain(ps);
	if (deadline != 0 && em_now_ns() >= deadline)
		return scan(arg, NULL);
	p.pl_port = em_self()->t_poll;
	poll_link(&p);
	for (;;) {
		p.pl_poked = 0;
		p.pl_deadline = 0;
		n = scan(arg, &p);
		if (n != 0 || err < 0)
			break;
		err = poll_sleep(ps, &p, deadline);
		poll_drain(ps);
	}
	poll_unlink(&p);
	em_self()->t_waitset = 0;	/* a signalfd may have set it */
	return n != 0 ? n : err == EM_E(ETIMEDOUT) ? 0 : err;
}

/* ---- poll ---- */

struct linux_pollfd { int32_t fd; int16_t events, revents; };

struct poll_call {
	struct linux_pollfd *pc_fds;
	struct em_file	**pc_files;
	uint32_t	pc_n;
};

static int32_t
poll_scan(void *arg, struct em_poll *p)
{
	struct poll_call *pc = arg;
	int32_t ready = 0;

	for (uint32_t i = 0; i < pc->pc_n; i++) {
		struct linux_pollfd *pfd = &pc->pc_fds[i];

		pfd->revents = 0;
		if (pfd->fd < 0)
			continue;
		if (pc->pc_files[i] == NULL)
			pfd->revents = MX_POLLNVAL;
		else
			pfd->revents = (int16_t)em_file_poll(pc->pc_files[i], (uint16_t)pfd->events | EM_POLL_ALWAYS,
			    ready > 0 ? NULL : p);
		ready += pfd->revents != 0;
	}
	return ready;
}

static int32_t
poll_files(struct poll_call *pc, uint32_t addr, uint64_t deadline)
{
	int32_t n;

	if (pc->pc_n > 0 && em_copyin(pc->pc_fds, addr, pc->pc_n * sizeof *pc->pc_fds) < 0)
		return EM_E(EFAULT);
	for (uint32_t i = 0; i < pc->pc_n; i++)
		pc->pc_files[i] = pc->pc_fds[i].fd >= 0 ? em_fd_get(pc->pc_fds[i].fd) : NULL;
	n = em_poll_run(poll_scan, pc, deadline);
	for (uint32_t i = 0; i < pc->pc_n; i++) {
		if (pc->pc_files[i] != NULL)
			em_file_release(pc->pc_files[i]);
		if (n >= 0 && em_copyout(addr + i * sizeof *pc->pc_fds + 6, &pc->pc_fds[i].revents, 2) < 0)
			n = EM_E(EFAULT);
	}
	return n;
}

/* Errors: -EFAULT, -EINVAL (N), -ENOMEM, -EINTR */
static int32_t
poll_many(uint32_t addr, uint32_t n, uint64_t deadline)
{
	struct linux_pollfd few_fds[POLL_FEW];
	struct em_file *few_files[POLL_FEW];
	struct poll_call pc = { few_fds, few_files, n };
	int32_t result = EM_E(ENOMEM);

	if (n > POLL_MANY || (n > POLL_FEW && n > em_proc()->p_rlimit_nofile))
		return EM_E(EINVAL);
	if (n <= POLL_FEW)
		return poll_files(&pc, addr, deadline);
	pc.pc_fds = em_alloc(n * sizeof *pc.pc_fds);
	pc.pc_files = em_alloc(n * sizeof *pc.pc_files);
	if (pc.pc_fds != NULL && pc.pc_files != NULL)
		result = poll_files(&pc, addr, deadline);
	if (pc.pc_fds != NULL)
		em_free(pc.pc_fds, n * sizeof *pc.pc_fds);
	if (pc.pc_files != NULL)
		em_free(pc.pc_files, n * sizeof *pc.pc_files);
	return result;
}

/* NS from now; never 0, which means without end. */
static uint64_t
poll_deadline(uint64_t ns)
{
	uint64_t now = em_now_ns();

	return ns > INT64_MAX ? 0 : now + ns + (now + ns == 0);
}

int32_t
sys_poll(uint32_t fds, uint32_t n, uint32_t timeout, uint32_t d, uint32_t e, uint32_t x)
{
	uint64_t deadline = 0;
	int32_t result;

	(void)d, (void)e, (void)x;
	if ((int32_t)timeout >= 0)
		deadline = em_restart_deadline(poll_deadline(timeout * 1000000ull));
	result = poll_many(fds, n, deadline);
	return result == EM_E(EINTR) ? EM_RESTARTBLOCK : result;
}

/* ---- Time-outs and masks of the other calls ---- */

/* A time-out in the program's memory, in one of three forms. */
enum poll_form { POLL_TIMESPEC, POLL_TIMESPEC64, POLL_TIMEVAL };

/* The deadline that the time-out at ADDR gives; ADDR 0: none. Errors: -EFAULT, -EINVAL */
static int32_t
poll_timeout_get(uint32_t addr, enum poll_form form, uint64_t *deadline)
{
	struct { int32_t sec, usec; } tv;
	uint64_t ns = 0;
	int32_t err = 0;

	*deadline = 0;
	if (addr == 0)
		return 0;
	if (form == POLL_TIMEVAL) {
		if (em_copyin(&tv, addr, sizeof tv) < 0)
			return EM_E(EFAULT);
		if (tv.sec < 0 || tv.usec < 0)
			return EM_E(EINVAL);
		ns = (uint32_t)tv.sec * 1000000000ull + (uint32_t)tv.usec * 1000ull;
	} else {
		err = form == POLL_TIMESPEC ? em_timespec_in(&ns, addr) : em_timespec64_in(&ns, addr);
	}
	if (err == 0)
		*deadline = poll_deadline(ns);
	return err;
}

/* Write back what is left. A time-out in read-only memory is not an error, as on Linux. */
static void
poll_timeout_put(uint32_t addr, enum poll_form form, uint64_t deadline)
{
	uint64_t now = em_now_ns(), left = deadline > now ? deadline - now : 0;
	struct { uint32_t sec, usec; } tv;

	if (addr == 0)
		return;
	if (form == POLL_TIMESPEC)
		(void)em_timespec_out(addr, left);
	else if (form == POLL_TIMESPEC64)
		(void)em_timespec64_out(addr, left);
	else {
		tv.sec = (uint32_t)(left / 1000000000u);
		tv.usec = (uint32_t)(left % 1000000000u / 1000);
		(void)em_copyout(addr, &tv, sizeof tv);
	}
}

/* ---- ppoll ---- */

static int32_t
poll_pp(uint32_t fds, uint32_t n, uint32_t timeout, uint32_t mask, uint32_t size, enum poll_form form)
{
	uint64_t deadline = 0;
	em_sigset set = 0;
	int32_t result;

	if (mask != 0 && size != sizeof set)
		return EM_E(EINVAL);
	if (mask != 0 && em_copyin(&set, mask, sizeof set) < 0)
		return EM_E(EFAULT);
	result = poll_timeout_get(timeout, form, &deadline);
	if (result < 0)
		return result;
	if (mask != 0)
		em_mask_begin(set);
	result = poll_many(fds, n, deadline);
	if (mask != 0 && result != EM_E(EINTR))
		em_mask_end();
	poll_timeout_put(timeout, form, deadline);
	return result == EM_E(EINTR) ? EM_RESTARTNOHAND : result;
}

int32_t
sys_ppoll(uint32_t fds, uint32_t n, uint32_t timeout, uint32_t mask, uint32_t size, uint32_t x)
{
	(void)x;
	return poll_pp(fds, n, timeout, mask, size, POLL_TIMESPEC);
}

int32_t
sys_ppoll_time64(uint32_t fds, uint32_t n, uint32_t timeout, uint32_t mask, uint32_t size, uint32_t x)
{
	(void)x;
	return poll_pp(fds, n, timeout, mask, size, POLL_TIMESPEC64);
}

/* ---- select ---- */

#define SELECT_IN	(EM_POLL_READ | MX_POLLHUP | MX_POLLERR)
#define SELECT_OUT	(EM_POLL_WRITE | MX_POLLERR)
#define SELECT_EX	MX_POLLPRI

struct select_call {
	uint32_t	sc_words;	/* of one set */
	uint32_t	sc_n;
	uint32_t	*sc_in[3];	/* sets asked for: readable, writable, exceptional */
	uint32_t	*sc_out[3];
	struct em_file	**sc_files;
};

static const uint32_t select_events[3] = { SELECT_IN, SELECT_OUT, SELECT_EX };

static uint32_t
select_wanted(const struct select_call *sc, uint32_t fd)
{
	uint32_t events = 0;

	for (int s = 0; s < 3; s++)
		if (sc->sc_in[s][fd / 32] >> fd % 32 & 1)
			events |= select_events[s];
	return events;
}

static int32_t
select_scan(void *arg, struct em_poll *p)
{
	struct select_call *sc = arg;
	uint32_t wanted, got;
	int32_t ready = 0;

	for (int s = 0; s < 3; s++)
		for (uint32_t w = 0; w < sc->sc_words; w++)
			sc->sc_out[s][w] = 0;
	for (uint32_t fd = 0; fd < sc->sc_n; fd++) {
		if (sc->sc_files[fd] == NULL)
			continue;
		wanted = select_wanted(sc, fd);
		got = em_file_poll(sc->sc_files[fd], wanted, ready > 0 ? NULL : p);
		for (int s = 0; s < 3; s++) {
			if (!(got & select_events[s]) || !(sc->sc_in[s][fd / 32] >> fd % 32 & 1))
				continue;
			sc->sc_out[s][fd / 32] |= 1u << fd % 32;
			ready++;
		}
	}
	return ready;
}

static int32_t
select_files(struct select_call *sc, const uint32_t sets[3], uint64_t deadline)
{
	int32_t n = 0;

	for (int s = 0; s < 3; s++)
		if (sets[s] != 0 && em_copyin(sc->sc_in[s], sets[s], sc->sc_words * 4) < 0)
			return EM_E(EFAULT);
	for (uint32_t fd = 0; fd < sc->sc_n && n == 0; fd++) {
		if (select_wanted(sc, fd) == 0)
			continue;
		sc->sc_files[fd] = em_fd_get_io((int32_t)fd);
		if (sc->sc_files[fd] == NULL)
			n = EM_E(EBADF);
	}
	if (n == 0)
		n = em_poll_run(select_scan, sc, deadline);
	for (uint32_t fd = 0; fd < sc->sc_n; fd++)
		if (sc->sc_files[fd] != NULL)
			em_file_release(sc->sc_files[fd]);
	for (int s = 0; s < 3 && n >= 0; s++)
		if (sets[s] != 0 && em_copyout(sets[s], sc->sc_out[s], sc->sc_words * 4) < 0)
			n = EM_E(EFAULT);
	return n;
}

/* Errors: -EINVAL (N), -EBADF, -EFAULT, -ENOMEM, -EINTR */
static int32_t
select_many(uint32_t n, const uint32_t sets[3], uint64_t deadline)
{
	struct select_call sc = { .sc_words = (n + 31) / 32, .sc_n = n };
	uint32_t bytes, *mem;
	int32_t result;

	if (n > INT32_MAX)
		return EM_E(EINVAL);
	if (n > em_proc()->p_files->fs_size) {
		/* Beyond the table only empty sets are right, and those need not be looked at; but the words given must be copied. */
		n = em_min(n, POLL_MANY);
		sc.sc_n = n;
		sc.sc_words = (n + 31) / 32;
	}
	bytes = sc.sc_words * 6 * 4 + n * sizeof(struct em_file *);
	mem = em_alloc(bytes + 4);
	if (mem == NULL)
		return EM_E(ENOMEM);
	for (int s = 0; s < 3; s++) {
		sc.sc_in[s] = mem + (uint32_t)s * sc.sc_words;
		sc.sc_out[s] = mem + (uint32_t)(s + 3) * sc.sc_words;
	}
	sc.sc_files = (struct em_file **)(mem + 6 * sc.sc_words);
	result = select_files(&sc, sets, deadline);
	em_free(mem, bytes + 4);
	return result;
}

static int32_t
select_timed(uint32_t n, const uint32_t sets[3], uint32_t timeout, enum poll_form form)
{
	uint64_t deadline = 0;
	int32_t result = poll_timeout_get(timeout, form, &deadline);

	if (result < 0)
		return result;
	result = select_many(n, sets, deadline);
	poll_timeout_put(timeout, form, deadline);
	return result;
}

int32_t
sys_newselect(uint32_t n, uint32_t in, uint32_t out, uint32_t ex, uint32_t timeout, uint32_t x)
{
	const uint32_t sets[3] = { in, out, ex };
	int32_t result = select_timed(n, sets, timeout, POLL_TIMEVAL);

	(void)x;
	return result == EM_E(EINTR) ? EM_RESTARTNOHAND : result;
}

/* The old call: its five arguments lie in memory. */
int32_t
sys_select(uint32_t args, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	uint32_t a[5];

	(void)b, (void)c, (void)d, (void)e, (void)x;
	if (em_copyin(a, args, sizeof a) < 0)
		return EM_E(EFAULT);
	return sys_newselect(a[0], a[1], a[2], a[3], a[4], 0);
}

/* The sixth argument points at the mask and its size. */
static int32_t
select_p(uint32_t n, const uint32_t sets[3], uint32_t timeout, uint32_t arg, enum poll_form form)
{
	struct { uint32_t mask, size; } pack = { 0, 0 };
	em_sigset set = 0;
	int32_t result;

	if (arg != 0 && em_copyin(&pack, arg, sizeof pack) < 0)
		return EM_E(EFAULT);
	if (pack.mask != 0 && pack.size != sizeof set)
		return EM_E(EINVAL);
	if (pack.mask != 0 && em_copyin(&set, pack.mask, sizeof set) < 0)
		return EM_E(EFAULT);
	if (pack.mask != 0)
		em_mask_begin(set);
	result = select_timed(n, sets, timeout, form);
	if (pack.mask != 0 && result != EM_E(EINTR))
		em_mask_end();
	return result == EM_E(EINTR) ? EM_RESTARTNOHAND : result;
}

int32_t
sys_pselect6(uint32_t n, uint32_t in, uint32_t out, uint32_t ex, uint32_t timeout, uint32_t arg)
{
	const uint32_t sets[3] = { in, out, ex };

	return select_p(n, sets, timeout, arg, POLL_TIMESPEC);
}

int32_t
sys_pselect6_time64(uint32_t n, uint32_t in, uint32_t out, uint32_t ex, uint32_t timeout, uint32_t arg)
{
	const uint32_t sets[3] = { in, out, ex };

	return select_p(n, sets, timeout, arg, POLL_TIMESPEC64);
}
