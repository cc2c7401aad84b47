/*
 * sigframe.c - the frames of signal handlers, as Linux/i386 lays them out.
 *
 * Two kinds: the old frame (no SA_SIGINFO) and the rt frame. Debuggers, unwinders, garbage collectors and thread cancellation read
 * and change them. Floating point state is saved and restored here by the thread itself, with fxsave and fxrstor: emulib's code
 * uses none of these registers, so they are the program's at any time.
 * Source: Linux, arch/x86/include/uapi/asm/sigcontext.h and asm/sigframe.h (the layout).
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"

#define SA_SIGINFO	0x00000004u
#define SA_RESTORER	0x04000000u
#define SA_ONSTACK	0x08000000u
#define SS_ONSTACK	1u
#define SS_DISABLE	2u
#define SS_AUTODISARM	0x80000000u

#define FLAG_TF		0x00000100u
#define FLAG_DF		0x00000400u
#define FLAG_RF		0x00010000u
#define FLAGS_USER	0x00050dd5u	/* what sigreturn may change: CF PF AF ZF SF TF DF OF RF AC */

struct sigcontext {
	uint16_t gs, gs_pad, fs, fs_pad, es, es_pad, ds, ds_pad;
	uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
	uint32_t trapno, err, eip;
	uint16_t cs, cs_pad;
	uint32_t eflags, esp_at_signal;
	uint16_t ss, ss_pad;
	uint32_t fpstate, oldmask, cr2;
};

struct fpstate {			/* what sigcontext.fpstate points to */
	uint32_t cw, sw, tag, ipoff, cssel, dataoff, datasel;
	uint16_t st[8][5];
	uint16_t status, magic;		/* magic 0: an fxsave image follows */
	uint8_t	 fxsave[512] __attribute__((aligned(16)));
};

struct old_frame {
	uint32_t pretcode;
	int32_t	 sig;
	struct sigcontext sc;
	uint8_t	 fpstate_unused[624];
	uint32_t extramask;
	uint8_t	 retcode[8];
};

struct ucontext {
	uint32_t uc_flags, uc_link;
	uint32_t ss_sp, ss_flags, ss_size;
	struct sigcontext mc;
	uint32_t sigmask[2];
};

struct rt_frame {
	uint32_t pretcode;
	int32_t	 sig;
	uint32_t pinfo, puc;
	uint32_t info[32];
	struct ucontext uc;
	uint8_t	 retcode[8];
};

_Static_assert(sizeof(struct sigcontext) == 88, "sigcontext");
_Static_assert(sizeof(struct old_frame) == 4 + 4 + 88 + 624 + 4 + 8, "old frame");
_Static_assert(offsetof(struct rt_frame, uc) == 144 && sizeof(struct ucontext) == 116, "rt frame");

/* ---- Floating point ---- */

static inline void
fx_save(uint8_t *area)
{
	__asm__ volatile("fxsave (%0)" : : "r"(area) : "memory");
}

static inline void
fx_restore(const uint8_t *area)
{
	__asm__ volatile("fxrstor (%0)" : : "r"(area) : "memory");
}

static uint32_t
word_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The x87 part in the fsave form that old programs read. */
static void
fpstate_fill(struct fpstate *f)
{
	uint32_t tags = 0;

	memset(f, 0, sizeof(*f));
	fx_save(f->fxsave);
	f->cw = (word_at(f->fxsave) & 0xffff) | 0xffff0000u;
	f->sw = (word_at(f->fxsave) >> 16) | 0xffff0000u;
	f->ipoff = word_at(f->fxsave + 8);
	f->cssel = word_at(f->fxsave + 12) & 0xffff;
	f->dataoff = word_at(f->fxsave + 16);
	f->datasel = word_at(f->fxsave + 20) | 0xffff0000u;
	for (unsigned int i = 0; i < 8; i++) {
		unsigned int top = f->sw >> 11 & 7, in_use = f->fxsave[4] >> ((i + top) & 7) & 1;

		memcpy(f->st[i], f->fxsave + 32 + 16 * i, 10);
		tags |= (in_use ? 0u : 3u) << (2 * ((i + top) & 7));
	}
	f->tag = tags | 0xffff0000u;
	f->status = (uint16_t)f->sw;
}

/* Load the state at ADDR in the program. Errors: -EFAULT; bad reserved bits are cleared, so nothing faults here. */
static int32_t
fpstate_load(uint32_t addr)
{
	struct fpstate f;

	if (em_copyin(&f, addr, sizeof(f)) < 0)
		return -MX_ERRNO(MX_EFAULT);
	if (f.magic != 0)
		return 0;		/* fsave form alone: nobody writes that any more */
	f.fxsave[26] = f.fxsave[27] = 0;
	fx_restore(f.fxsave);
	return 0;
}

void
em_fpu_reset(void)
{
	static const uint32_t mxcsr = 0x1f80;

	__asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}

/* ---- Building ---- */

void
em_siginfo_fill(uint32_t out[32], const struct mx_siginfo *info)
{
	memset(out, 0, 128);
	out[0] = info->si_signo;
	out[1] = (uint32_t)info->si_errno;
	out[2] = (uint32_t)info->si_code;
	if (info->si_code > 0 && info->si_code != MX_SI_KERNEL && (info->si_signo == MX_SIGSEGV || info->si_signo == MX_SIGBUS ||
	    info->si_signo == MX_SIGILL || info->si_signo == MX_SIGFPE || info->si_signo == MX_SIGTRAP)) {
		out[3] = info->si_value;	/* si_addr */
		return;
	}
	out[3] = (uint32_t)info->si_pid;
	out[4] = info->si_uid;
	out[5] = info->si_value;	/* or si_status */
	if (info->si_signo == MX_SIGCHLD) {
		out[6] = info->si_utime;
		out[7] = info->si_stime;
	}
}

static void
context_fill(struct sigcontext *sc, const struct em_thread *t, uint32_t fpstate, em_sigset mask)
{
	const struct em_regs *r = &t->t_regs;

	*sc = (struct sigcontext){
		.gs = r->r_gs, .es = r->r_es, .ds = r->r_ds,
		.edi = r->r_edi, .esi = r->r_esi, .ebp = r->r_ebp, .esp = r->r_esp, .ebx = r->r_ebx, .edx = r->r_edx,
		.ecx = r->r_ecx, .eax = r->r_eax, .trapno = t->t_fault_trapno, .err = t->t_fault_error, .eip = r->r_eip,
		.cs = 0x17, .eflags = r->r_eflags, .esp_at_signal = r->r_esp, .ss = 0x1f,
		.fpstate = fpstate, .oldmask = (uint32_t)mask, .cr2 = t->t_fault_cr2,
	};
}

static bool
on_alt_stack(const struct em_thread *t, uint32_t esp)
{
	return !(t->t_alt_flags & SS_AUTODISARM) && t->t_alt_size != 0 && esp > t->t_alt_sp && esp - t->t_alt_sp <= t->t_alt_size;
}

uint32_t
em_alt_stack_flags(const struct em_thread *t, uint32_t esp)
{
	if (t->t_alt_size == 0)
		return SS_DISABLE;
	return on_alt_stack(t, esp) ? SS_ONSTACK : 0;
}

/* Where the frame of SIZE bytes goes; *FPSTATE gets the address of the floating point state above it. 0: no room. */
static uint32_t
frame_place(const struct em_thread *t, const struct em_sigaction *sa, uint32_t size, uint32_t *fpstate)
{
	uint32_t sp = t->t_regs.r_esp;
	bool was_alt = on_alt_stack(t, sp);

	if ((sa->sa_flags & SA_ONSTACK) && t->t_alt_size != 0 && !was_alt)
		sp = t->t_alt_sp + t->t_alt_size;
	sp = (sp - 512) & ~63u;			/* the fxsave image */
	sp -= offsetof(struct fpstate, fxsave);
	*fpstate = sp;
	sp -= size;
	sp = ((sp + 4) & ~15u) - 4;		/* so that (esp + 4) is aligned when the handler begins */
	if ((was_alt || ((sa->sa_flags & SA_ONSTACK) && t->t_alt_size != 0)) && sp <= t->t_alt_sp)
		return 0;
	return sp > EM_USER_END ? 0 : sp;
}

static uint32_t
return_code(const struct em_sigaction *sa, bool rt)
{
	if (sa->sa_flags & SA_RESTORER)
		return sa->sa_restorer;
	return (uint32_t)(rt ? em_rt_sigreturn_code : em_sigreturn_code);
}

static int32_t
frame_old(struct em_thread *t, const struct em_sigaction *sa, int signo, em_sigset mask, uint32_t at, uint32_t fpstate)
{
	static const uint8_t code[8] = { 0x58, 0xb8, 119, 0, 0, 0, 0xcd, 0x80 };
	struct {
		uint32_t pretcode;
		int32_t sig;
		struct sigcontext sc;
	} head;
	uint8_t tail[12];
	uint32_t high = (uint32_t)(mask >> 32);

	head.pretcode = return_code(sa, false);
	head.sig = signo;
	context_fill(&head.sc, t, fpstate, mask);
	memcpy(tail, &high, 4);
	memcpy(tail + 4, code, 8);
	if (em_copyout(at, &head, sizeof(head)) < 0)
		return -MX_ERRNO(MX_EFAULT);
	return em_copyout(at + offsetof(struct old_frame, extramask), tail, sizeof(tail));
}

static int32_t
frame_rt(struct em_thread *t, const struct em_sigaction *sa, const struct mx_siginfo *info, em_sigset mask, uint32_t at,
	uint32_t fpstate)
{
	static const uint8_t code[8] = { 0xb8, 173, 0, 0, 0, 0xcd, 0x80, 0 };
	struct rt_frame f;

	memset(&f, 0, sizeof(f));
	f.pretcode = return_code(sa, true);
	f.sig = (int32_t)info->si_signo;
	f.pinfo = at + offsetof(struct rt_frame, info);
	f.puc = at + offsetof(struct rt_frame, uc);
	em_siginfo_fill(f.info, info);
	f.uc.ss_sp = t->t_alt_sp;
	f.uc.ss_size = t->t_alt_size;
	f.uc.ss_flags = em_alt_stack_flags(t, t->t_regs.r_esp) | (t->t_alt_flags & SS_AUTODISARM);
	context_fill(&f.uc.mc, t, fpstate, mask);
	f.uc.sigmask[0] = (uint32_t)mask;
	f.uc.sigmask[1] = (uint32_t)(mask >> 32);
	memcpy(f.retcode, code, sizeof(code));
	return em_copyout(at, &f, sizeof(f));
}

int32_t
em_frame_build(struct em_thread *t, const struct em_sigaction *sa, const struct mx_siginfo *info, em_sigset mask)
{
	bool rt = (sa->sa_flags & SA_SIGINFO) != 0;
	struct em_regs *r = &t->t_regs;
	uint32_t at, fpstate;
	struct fpstate f __attribute__((aligned(16)));
	int32_t err;

	__asm__("movw %%gs,%0" : "=r"(r->r_gs));
	if (t->t_entry != EM_BY_FORCE) {
		__asm__("movw %%ds,%0" : "=r"(r->r_ds));
		r->r_es = r->r_ds;
	}
	at = frame_place(t, sa, rt ? sizeof(struct rt_frame) : sizeof(struct old_frame), &fpstate);
	if (at == 0)
		return -MX_ERRNO(MX_EFAULT);
	fpstate_fill(&f);
	err = em_copyout(fpstate, &f, sizeof(f));
	if (err == 0)
		err = rt ? frame_rt(t, sa, info, mask, at, fpstate) :
			frame_old(t, sa, (int)info->si_signo, mask, at, fpstate);
	if (err < 0)
		return err;
	if (t->t_alt_flags & SS_AUTODISARM) {
		t->t_alt_sp = t->t_alt_size = 0;
		t->t_alt_flags = SS_DISABLE;
	}
	em_fpu_reset();
	r->r_esp = at;
	r->r_eip = sa->sa_handler;
	r->r_eax = info->si_signo;
	r->r_edx = rt ? at + offsetof(struct rt_frame, info) : 0;
	r->r_ecx = rt ? at + offsetof(struct rt_frame, uc) : 0;
	r->r_eflags &= ~(FLAG_TF | FLAG_DF | FLAG_RF);
	r->r_orig_eax = 0xffffffffu;
	t->t_fault_trapno = t->t_fault_error = t->t_fault_cr2 = 0;
	return 0;
}

/* ---- Going back ---- */

static int32_t
context_load(struct em_thread *t, const struct sigcontext *sc, em_sigset mask)
{
	struct em_regs *r = &t->t_regs;
	struct em_process *p = t->t_process;

	r->r_gs = sc->gs;
	r->r_es = sc->es;
	r->r_ds = sc->ds;
	r->r_edi = sc->edi;
	r->r_esi = sc->esi;
	r->r_ebp = sc->ebp;
	r->r_esp = sc->esp;
	r->r_ebx = sc->ebx;
	r->r_edx = sc->edx;
	r->r_ecx = sc->ecx;
	r->r_eax = sc->eax;
	r->r_eip = em_int80_resume(sc->eip);
	r->r_eflags = (r->r_eflags & ~FLAGS_USER) | (sc->eflags & FLAGS_USER);
	r->r_orig_eax = 0xffffffffu;
	t->t_entry = EM_BY_FORCE;
	t->t_full = true;
	em_lock(&p->p_lock);
	t->t_mask = mask & ~(EM_BIT(MX_SIGKILL) | EM_BIT(MX_SIGSTOP));
	if (em_signal_deliverable(p, t))
		t->t_attention = 1;
	em_unlock(&p->p_lock);
	if (sc->fpstate == 0) {
		em_fpu_reset();
		return 0;
	}
	return fpstate_load(sc->fpstate);
}

/* A frame that cannot be read kills, as on Linux. */
static int32_t
frame_bad(struct em_thread *t)
{
	t->t_full = true;
	em_signal_force(t, MX_SIGSEGV, MX_SI_KERNEL, 0);
	return 0;
}

int32_t
sys_sigreturn(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_thread *t = em_self();
	uint32_t at = t->t_regs.r_esp - 8;	/* the trampoline popped the signal number */
	struct sigcontext sc;
	uint32_t high;

	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	if (em_copyin(&sc, at + offsetof(struct old_frame, sc), sizeof(sc)) < 0 ||
	    em_copyin(&high, at + offsetof(struct old_frame, extramask), sizeof(high)) < 0 ||
	    context_load(t, &sc, sc.oldmask | (em_sigset)high << 32) < 0)
		return frame_bad(t);
	return 0;
}

int32_t
sys_rt_sigreturn(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct em_thread *t = em_self();
	uint32_t at = t->t_regs.r_esp - 4;
	struct ucontext uc;

	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	if (em_copyin(&uc, at + offsetof(struct rt_frame, uc), sizeof(uc)) < 0 ||
	    context_load(t, &uc.mc, uc.sigmask[0] | (em_sigset)uc.sigmask[1] << 32) < 0)
		return frame_bad(t);
	(void)em_alt_stack_set(t, uc.ss_sp, uc.ss_flags, uc.ss_size, t->t_regs.r_esp);	/* Linux ignores a bad one too */
	return 0;
}
