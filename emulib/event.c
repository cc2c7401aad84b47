/*
 * event.c - files that are nothing but a number: eventfd, timerfd, signalfd.
 *
 * Their state lies in the description, which fork shares, so parent and child see the same counter and the same timer, and no server
 * takes part. Blocked readers of an eventfd or timerfd sleep in shared memory; sleeping polls of the same address space are poked. A poll of
 * a description that another process may hold, too, looks again every few ticks, because nobody else would wake it.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "poll.h"

#define EFD_SEMAPHORE	1u
#define EVENT_FLAGS	(MX_O_CLOEXEC | MX_O_NONBLOCK)
#define EVENT_MAX	(UINT64_MAX - 1)
#define EVENT_SLICE_NS	20000000u
#define TFD_ABSTIME	1u
#define TFD_CANCEL_ON_SET 2u

/* Look again soon if another process may change D. */
static void
event_watch(const struct em_desc *d, struct em_poll *p)
{
	if (p != NULL && em_desc_is_shared(d))
		em_poll_at(p, em_now_ns() + EVENT_SLICE_NS);
}

/* A descriptor for a new file of CLS; its state is set by the caller when *OUT is there. Errors: -EMFILE, -ENOMEM */
static int32_t
event_create(uint32_t kind, const struct em_class *cls, uint32_t flags, uint64_t state, void *private)
{
	struct em_file *f = em_file_create(kind, cls, MACH_PORT_NULL, MX_O_RDWR | (flags & MX_O_NONBLOCK), NULL);
	int32_t fd;

	if (f == NULL)
		return EM_E(ENOMEM);
	f->f_desc->d_offset = state;
	f->f_private = private;
	f->f_attr.at_mode = 0600;
	f->f_attr.at_nlink = 1;
	f->f_attr.at_blksize = 4096;
	fd = em_fd_install(f, em_fd_cloexec(flags), 0);
	if (fd < 0)
		em_file_release(f);
	return fd;
}

/* ---- eventfd: d_offset is the counter, d_signal 1 when somebody sleeps, d_owner counts writes ---- */

static void
eventfd_changed(struct em_desc *d)
{
	if (__atomic_exchange_n(&d->d_signal, 0, __ATOMIC_SEQ_CST) != 0)
		em_gsync_wake(&d->d_signal, true, true);
	em_poll_poke();
}

/* Try to take what a read takes (ADD 0) or to add ADD. False: not now. Locks: none */
static bool
eventfd_try(struct em_file *f, uint64_t add, uint64_t *taken)
{
	struct em_desc *d = f->f_desc;
	bool done;

	em_desc_lock(d);
	if (add == 0 && d->d_offset > 0) {
		*taken = f->f_private != NULL ? 1 : d->d_offset;
		d->d_offset -= *taken;
		done = true;
	} else if (add > 0 && add <= EVENT_MAX - d->d_offset) {
		d->d_offset += add;
		d->d_owner++;
		done = true;
	} else {
		done = false;
	}
	em_desc_unlock(d);
	if (done)
		eventfd_changed(d);
	return done;
}

/* Errors: -EAGAIN, EM_RESTARTSYS */
static int32_t
eventfd_do(struct em_file *f, uint64_t add, uint64_t *taken)
{
	struct em_desc *d = f->f_desc;

	for (;;) {
		if (eventfd_try(f, add, taken))
			return 0;
		if (em_file_flags(f) & MX_O_NONBLOCK)
			return EM_E(EAGAIN);
		__atomic_store_n(&d->d_signal, 1, __ATOMIC_SEQ_CST);
		if (eventfd_try(f, add, taken))
			return 0;
		if (em_gsync_wait(&d->d_signal, 1, 0, true) == EM_E(EINTR))
			return EM_RESTARTSYS;
	}
}

static int32_t
eventfd_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	uint64_t value = 0;
	int32_t err;

	(void)pos;
	if (u->u_left < sizeof value)
		return EM_E(EINVAL);
	err = eventfd_do(f, 0, &value);
	if (err == 0)
		err = em_uio_out(u, &value, sizeof value);
	return err < 0 ? err : (int32_t)sizeof value;
}

static int32_t
eventfd_write(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	uint64_t value = 0, none;
	int32_t err;

	(void)pos;
	if (u->u_left < sizeof value)
		return EM_E(EINVAL);
	err = em_uio_in(u, &value, sizeof value);
	if (err == 0 && value == UINT64_MAX)
		err = EM_E(EINVAL);
	if (err == 0 && value > 0)
		err = eventfd_do(f, value, &none);
	return err < 0 ? err : (int32_t)sizeof value;
}

static uint32_t
eventfd_poll(struct em_file *f, uint32_t events, struct em_poll *p)
{
	uint64_t value = f->f_desc->d_offset;
	uint32_t now = (value > 0 ? EM_POLL_READ : 0) | (value < EVENT_MAX ? EM_POLL_WRITE : 0);

	if ((now & events) == 0)
		event_watch(f->f_desc, p);
	return now;
}

static uint32_t
eventfd_version(struct em_file *f)
{
	return (uint32_t)f->f_desc->d_owner;
}

static const struct em_class eventfd_class = {
	.c_name = "eventfd", .c_read = eventfd_read, .c_write = eventfd_write, .c_poll = eventfd_poll, .c_version = eventfd_version,
};

int32_t
sys_eventfd2(uint32_t value, uint32_t flags, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	static char semaphore;

	(void)c, (void)d, (void)e, (void)x;
	if (flags & ~(EVENT_FLAGS | EFD_SEMAPHORE))
		return EM_E(EINVAL);
	return event_create(EM_KIND_EVENTFD, &eventfd_class, flags, value, flags & EFD_SEMAPHORE ? &semaphore : NULL);
}

int32_t
sys_eventfd(uint32_t value, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)b, (void)c, (void)d, (void)e, (void)x;
	return sys_eventfd2(value, 0, 0, 0, 0, 0);
}

/* ---- timerfd: d_offset is when it expires next on its clock (0: not armed), the interval lies in d_owner and d_signal ---- */

#define CLOCK_REALTIME	0u
#define CLOCK_MONOTONIC	1u
#define CLOCK_BOOTTIME	7u
#define CLOCK_REALTIME_ALARM 8u
#define CLOCK_BOOTTIME_ALARM 9u

static char timerfd_real;		/* f_private of timers on CLOCK_REALTIME */

static uint64_t
timerfd_now(const struct em_file *f)
{
	return f->f_private == &timerfd_real ? em_real_ns() : em_now_ns();
}

static uint64_t
timerfd_interval(const struct em_desc *d)
{
	return em_u64(d->d_signal, (uint32_t)d->d_owner);
}

static volatile uint32_t *
timerfd_word(struct em_desc *d)
{
	return (volatile uint32_t *)&d->d_offset;
}

/* How often it has expired and was not read. */
static uint64_t
timerfd_expired(const struct em_file *f)
{
	uint64_t next = f->f_desc->d_offset, interval = timerfd_interval(f->f_desc), now = timerfd_now(f);

	if (next == 0 || now < next)
		return 0;
	return 1 + (interval > 0 ? (now - next) / interval : 0);
}

/* Take the expirations. 0: none yet. */
static uint64_t
timerfd_take(struct em_file *f)
{
	struct em_desc *d = f->f_desc;
	uint64_t n, interval;

	em_desc_lock(d);
	n = timerfd_expired(f);
	interval = timerfd_interval(d);
	if (n > 0)
		d->d_offset = interval > 0 ? d->d_offset + n * interval : 0;
	em_desc_unlock(d);
	return n;
}

/* When F expires, on the monotonic clock; 0: never. */
static uint64_t
timerfd_deadline(const struct em_file *f)
{
	uint64_t next = f->f_desc->d_offset, now = timerfd_now(f);

	if (next == 0)
		return 0;
	return em_now_ns() + (next > now ? next - now : 0);
}

static int32_t
timerfd_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	struct em_desc *d = f->f_desc;
	uint32_t seen;
	uint64_t n;
	int32_t err;

	(void)pos;
	if (u->u_left < sizeof n)
		return EM_E(EINVAL);
	for (;;) {
		seen = *timerfd_word(d);
		n = timerfd_take(f);
		if (n > 0)
			break;
		if (em_file_flags(f) & MX_O_NONBLOCK)
			return EM_E(EAGAIN);
		if (em_gsync_wait(timerfd_word(d), seen, timerfd_deadline(f), true) == EM_E(EINTR))
			return EM_RESTARTSYS;
	}
	err = em_uio_out(u, &n, sizeof n);
	return err < 0 ? err : (int32_t)sizeof n;
}

static uint32_t
timerfd_poll(struct em_file *f, uint32_t events, struct em_poll *p)
{
	uint64_t deadline = timerfd_deadline(f);

	if (timerfd_expired(f) > 0)
		return EM_POLL_READ;
	if (p != NULL && events & EM_POLL_READ) {
		if (deadline != 0)
			em_poll_at(p, deadline);
		event_watch(f->f_desc, p);
	}
	return 0;
}

/* Every expiration is an event, whether the last was read or not. */
static uint32_t
timerfd_version(struct em_file *f)
{
	return (uint32_t)timerfd_expired(f);
}

static const struct em_class timerfd_class = {
	.c_name = "timerfd", .c_read = timerfd_read, .c_poll = timerfd_poll, .c_version = timerfd_version,
};

int32_t
sys_timerfd_create(uint32_t clock, uint32_t flags, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	bool is_real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;

	(void)c, (void)d, (void)e, (void)x;
	if (flags & ~EVENT_FLAGS || (!is_real && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_BOOTTIME_ALARM))
		return EM_E(EINVAL);
	return event_create(EM_KIND_TIMERFD, &timerfd_class, flags, 0, is_real ? &timerfd_real : NULL);
}

/* struct itimerspec: interval, then value. */
struct timerfd_spec { uint64_t ts_interval, ts_value; };

static int32_t
timerfd_copyin(struct timerfd_spec *ts, uint32_t addr, bool wide)
{
	int32_t err;

	if (wide) {
		err = em_timespec64_in(&ts->ts_interval, addr);
		return err < 0 ? err : em_timespec64_in(&ts->ts_value, addr + 16);
	}
	err = em_timespec_in(&ts->ts_interval, addr);
	return err < 0 ? err : em_timespec_in(&ts->ts_value, addr + 8);
}

static int32_t
timerfd_copyout(uint32_t addr, const struct timerfd_spec *ts, bool wide)
{
	int32_t err;

	if (wide) {
		err = em_timespec64_out(addr, ts->ts_interval);
		return err < 0 ? err : em_timespec64_out(addr + 16, ts->ts_value);
	}
	err = em_timespec_out(addr, ts->ts_interval);
	return err < 0 ? err : em_timespec_out(addr + 8, ts->ts_value);
}

/* What is left and the interval. Locks: the description's */
static struct timerfd_spec
timerfd_get(const struct em_file *f)
{
	uint64_t next = f->f_desc->d_offset, interval = timerfd_interval(f->f_desc), now = timerfd_now(f);

	if (next != 0 && now >= next)
		next = interval > 0 ? next + ((now - next) / interval + 1) * interval : 0;
	return (struct timerfd_spec){ interval, next == 0 ? 0 : next - now };
}

static void
timerfd_set(struct em_file *f, const struct timerfd_spec *ts, bool absolute)
{
	struct em_desc *d = f->f_desc;
	uint64_t base = absolute ? 0 : timerfd_now(f);

	d->d_offset = ts->ts_value == 0 ? 0 : ts->ts_value > UINT64_MAX / 2 ? UINT64_MAX / 2 : base + ts->ts_value;
	d->d_signal = (uint32_t)ts->ts_interval;
	d->d_owner = (int32_t)(ts->ts_interval >> 32);
}

static int32_t
timerfd_settime(struct em_file *f, uint32_t flags, uint32_t new, uint32_t old, bool wide)
{
	struct timerfd_spec ts = { 0, 0 }, was;
	int32_t err;

	if (f->f_class != &timerfd_class || flags & ~(TFD_ABSTIME | TFD_CANCEL_ON_SET))
		return EM_E(EINVAL);
	err = timerfd_copyin(&ts, new, wide);
	if (err < 0)
		return err;
	em_desc_lock(f->f_desc);
	was = timerfd_get(f);
	timerfd_set(f, &ts, flags & TFD_ABSTIME);
	em_desc_unlock(f->f_desc);
	em_gsync_wake(timerfd_word(f->f_desc), true, true);
	em_poll_poke();
	return old != 0 ? timerfd_copyout(old, &was, wide) : 0;
}

static int32_t
timerfd_gettime(struct em_file *f, uint32_t out, bool wide)
{
	struct timerfd_spec ts;

	if (f->f_class != &timerfd_class)
		return EM_E(EINVAL);
	em_desc_lock(f->f_desc);
	ts = timerfd_get(f);
	em_desc_unlock(f->f_desc);
	return timerfd_copyout(out, &ts, wide);
}

static int32_t
timerfd_call(uint32_t fd, uint32_t flags, uint32_t new, uint32_t old, bool wide)
{
	struct em_file *f = em_fd_get_io((int32_t)fd);
	int32_t err;

	if (f == NULL)
		return EM_E(EBADF);
	err = new != 0 ? timerfd_settime(f, flags, new, old, wide) : timerfd_gettime(f, old, wide);
	em_file_release(f);
	return err;
}

int32_t
sys_timerfd_settime(uint32_t fd, uint32_t flags, uint32_t new, uint32_t old, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	return new == 0 ? EM_E(EFAULT) : timerfd_call(fd, flags, new, old, false);
}

int32_t
sys_timerfd_settime64(uint32_t fd, uint32_t flags, uint32_t new, uint32_t old, uint32_t e, uint32_t x)
{
	(void)e, (void)x;
	return new == 0 ? EM_E(EFAULT) : timerfd_call(fd, flags, new, old, true);
}

int32_t
sys_timerfd_gettime(uint32_t fd, uint32_t out, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return timerfd_call(fd, 0, 0, out, false);
}

int32_t
sys_timerfd_gettime64(uint32_t fd, uint32_t out, uint32_t c, uint32_t d, uint32_t e, uint32_t x)
{
	(void)c, (void)d, (void)e, (void)x;
	return timerfd_call(fd, 0, 0, out, true);
}

/* ---- signalfd: d_offset is the set of signals ---- */

int em_signal_take(struct em_process *p, struct em_thread *t, em_sigset which, struct mx_siginfo *info);	/* signal.c */

struct linux_signalfd_siginfo {
	uint32_t ssi_signo;
	int32_t ssi_errno, ssi_code;
	uint32_t ssi_pid, ssi_uid;
	int32_t ssi_fd;
	uint32_t ssi_tid, ssi_band, ssi_overrun, ssi_trapno;
	int32_t ssi_status, ssi_int;
	uint64_t ssi_ptr, ssi_utime, ssi_stime, ssi_addr;
	uint8_t ssi_pad[48];
};

_Static_assert(sizeof(struct linux_signalfd_siginfo) == 128, "size on Linux");

#define SIGNALFD_NEVER	(1ull << (MX_SIGKILL - 1) | 1ull << (MX_SIGSTOP - 1))

/* Wake-ups for signals in the set come to this thread from here on, until the poll or read ends. */
static uint32_t
signalfd_poll(struct em_file *f, uint32_t events, struct em_poll *p)
{
	struct em_thread *t = em_self();
	struct em_process *proc = t->t_process;
	em_sigset set = f->f_desc->d_offset;
	bool is_pending;

	em_lock(&proc->p_lock);
	is_pending = ((proc->p_pending | t->t_pending) & set) != 0;
	if (!is_pending && p != NULL && events & EM_POLL_READ)
		t->t_waitset |= set;
	em_unlock(&proc->p_lock);
	return is_pending ? EM_POLL_READ : 0;
}

static int32_t
signalfd_scan(void *arg, struct em_poll *p)
{
	return signalfd_poll(arg, EM_POLL_READ, p) != 0;
}

static void
signalfd_fill(struct linux_signalfd_siginfo *out, const struct mx_siginfo *info)
{
	*out = (struct linux_signalfd_siginfo){ .ssi_signo = info->si_signo, .ssi_errno = info->si_errno, .ssi_code = info->si_code,
		.ssi_pid = (uint32_t)info->si_pid, .ssi_uid = info->si_uid };
	if (info->si_signo == MX_SIGCHLD) {
		out->ssi_status = (int32_t)info->si_value;
		out->ssi_utime = info->si_utime;
		out->ssi_stime = info->si_stime;
	} else if (info->si_code == MX_SI_TIMER) {
		out->ssi_tid = (uint32_t)info->si_pid;
		out->ssi_overrun = info->si_uid;
	}
	if (info->si_code == MX_SI_QUEUE || info->si_code == MX_SI_TIMER) {
		out->ssi_int = (int32_t)info->si_value;
		out->ssi_ptr = info->si_value;
	}
}

static int32_t
signalfd_take(struct em_file *f, struct mx_siginfo *info)
{
	struct em_thread *t = em_self();
	int32_t signo;

	em_lock(&t->t_process->p_lock);
	signo = em_signal_take(t->t_process, t, f->f_desc->d_offset, info);
	em_unlock(&t->t_process->p_lock);
	return signo;
}

static int32_t
signalfd_read(struct em_file *f, struct em_uio *u, int64_t *pos)
{
	struct linux_signalfd_siginfo out;
	struct mx_siginfo info;
	int32_t err = 0;

	(void)pos;
	if (u->u_left < sizeof out)
		return EM_E(EINVAL);
	while (u->u_left >= sizeof out && err == 0) {
		if (signalfd_take(f, &info) > 0) {
			signalfd_fill(&out, &info);
			err = em_uio_out(u, &out, sizeof out);
		} else if (u->u_done > 0) {
			break;
		} else if (em_file_flags(f) & MX_O_NONBLOCK) {
			err = EM_E(EAGAIN);
		} else {
			err = em_poll_run(signalfd_scan, f, 0);
			err = err == EM_E(EINTR) ? EM_RESTARTSYS : err < 0 ? err : 0;
		}
	}
	return em_uio_result(u, err);
}

static const struct em_class signalfd_class = { .c_name = "signalfd", .c_read = signalfd_read, .c_poll = signalfd_poll };

/* ---- In another task (carry.c) ---- */

const struct em_class *
em_event_class(uint32_t kind)
{
	return kind == EM_KIND_EVENTFD ? &eventfd_class : kind == EM_KIND_TIMERFD ? &timerfd_class :
	    kind == EM_KIND_SIGNALFD ? &signalfd_class : NULL;
}

void
em_event_save(const struct em_file *f, uint32_t *word)
{
	if (em_event_class(f->f_kind) != NULL)
		word[0] = f->f_private != NULL;
}

void
em_event_load(struct em_file *f, const uint32_t *word)
{
	if (em_event_class(f->f_kind) != NULL && word[0] != 0)
		f->f_private = &timerfd_real;	/* only an eventfd's and a timerfd's say anything by it */
}

int32_t
sys_signalfd4(uint32_t fd, uint32_t mask, uint32_t size, uint32_t flags, uint32_t e, uint32_t x)
{
	struct em_file *f;
	em_sigset set;
	int32_t err = 0;

	(void)e, (void)x;
	if (flags & ~EVENT_FLAGS || size != sizeof set)
		return EM_E(EINVAL);
	if (em_copyin(&set, mask, sizeof set) < 0)
		return EM_E(EFAULT);
	set &= ~SIGNALFD_NEVER;
	if (fd == UINT32_MAX)
		return event_create(EM_KIND_SIGNALFD, &signalfd_class, flags, set, NULL);
	f = em_fd_get_io((int32_t)fd);
	if (f == NULL)
		return EM_E(EBADF);
	if (f->f_class == &signalfd_class)
		f->f_desc->d_offset = set;
	else
		err = EM_E(EINVAL);
	em_file_release(f);
	em_poll_poke();
	return err < 0 ? err : (int32_t)fd;
}

int32_t
sys_signalfd(uint32_t fd, uint32_t mask, uint32_t size, uint32_t d, uint32_t e, uint32_t x)
{
	(void)d, (void)e, (void)x;
	return sys_signalfd4(fd, mask, size, 0, 0, 0);
}
