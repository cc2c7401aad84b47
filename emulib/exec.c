/*
 * exec.c - execve: another program in this task.
 *
 * (1) The strings are copied out of the old program. (2) The file is opened, through #! lines and the ELF interpreter; everything
 * that can fail for a reason the program shall hear of has happened then. (3) The point of no return: sibling threads end, the
 * address space is emptied. (4) Segments, stack and registers of the new program are set up; a failure now kills the
 * process, as on Linux.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core.h"
#include "core_calls.h"
#include "carry.h"
#include "clone.h"
#include "elf.h"
#include "file.h"
#include "vfs.h"
#include "io.h"
#include "proc.h"
#include "mach.h"
#include "mach_port.h"

#define E(name)		(-MX_ERRNO(MX_##name))
#define DOWN(a)		((a) & ~(EM_PAGE - 1))

#define STRING_MAX	131072u		/* Linux's MAX_ARG_STRLEN */
#define SCRIPT_LINE	256u		/* Linux's BINPRM_BUF_SIZE */
#define SCRIPT_DEPTH	5
#define FRONT		32768u		/* room for what #! lines add */
#define ARGS_LEAST	131072u		/* Linux's ARG_MAX */
#define ARGS_MOST	(EM_STACK_MAX / 4)
#define PIE_BASE	0x56555000u
#define EXEC_BRIEF	128u

enum { AT_NULL, AT_PHDR = 3, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY, AT_UID = 11, AT_EUID, AT_GID, AT_EGID,
	AT_PLATFORM, AT_HWCAP, AT_CLKTCK, AT_SECURE = 23, AT_RANDOM = 25, AT_HWCAP2, AT_EXECFN = 31, AT_SYSINFO, AT_SYSINFO_EHDR,
	AT_MINSIGSTKSZ = 51 };

/* ---- Strings ---- */

static uint32_t
args_limit(void)
{
	uint64_t quarter = em_proc()->p_rlimit_stack / 4;

	return quarter < ARGS_LEAST ? ARGS_LEAST : quarter > ARGS_MOST ? ARGS_MOST : (uint32_t)quarter;
}

int32_t
em_args_begin(struct em_args *a)
{
	memset(a, 0, sizeof(*a));
	a->ea_size = FRONT + args_limit() + EM_PAGE;
	a->ea_block = em_pages_alloc(a->ea_size);
	if (a->ea_block == NULL)
		return E(ENOMEM);
	a->ea_first = a->ea_envp = a->ea_end = a->ea_block + FRONT;
	return 0;
}

void
em_args_end(struct em_args *a)
{
	em_pages_free(a->ea_block, a->ea_size);
}

/* Bytes on the new stack so far, pointers included. */
static uint32_t
args_bytes(const struct em_args *a)
{
	return (uint32_t)(a->ea_end - a->ea_first) + (a->ea_argc + a->ea_envc) * 4;
}

/* Append the program's array of strings at FROM; *N counts them. */
static int32_t
args_append(struct em_args *a, uint32_t from, uint32_t *n)
{
	uint32_t at, room;
	int32_t len;

	*n = 0;
	if (from == 0)
		return 0;	/* as Linux */
	for (;; (*n)++, from += 4) {
		if (em_copyin(&at, from, sizeof(at)) < 0)
			return E(EFAULT);
		if (at == 0)
			return 0;
		if (args_bytes(a) + 4 >= args_limit())
			return E(E2BIG);
		room = args_limit() - args_bytes(a) - 4;
		len = em_copyin_str(a->ea_end, at, room < STRING_MAX ? room : STRING_MAX);
		if (len < 0)
			return len == E(ENAMETOOLONG) ? E(E2BIG) : len;
		a->ea_end += len + 1;
	}
}

static int32_t
args_copyin(struct em_args *a, uint32_t argv, uint32_t envp)
{
	int32_t err = args_append(a, argv, &a->ea_argc);

	if (err < 0)
		return err;
	if (a->ea_argc == 0) {		/* Linux gives such a program an empty argv[0] */
		*a->ea_end++ = '\0';
		a->ea_argc = 1;
	}
	a->ea_envp = a->ea_end;
	return args_append(a, envp, &a->ea_envc);
}

static int32_t
args_prepend(struct em_args *a, const char *s)
{
	uint32_t n = (uint32_t)strlen(s) + 1;

	if (n > (uint32_t)(a->ea_first - a->ea_block))
		return E(E2BIG);
	a->ea_first -= n;
	memcpy(a->ea_first, s, n);
	a->ea_argc++;
	return 0;
}

/* ---- Opening ---- */

/* FILE, open, becomes IM's; what comes with opening by name is asked for. */
static int32_t
image_take(struct em_image *im, mach_port_t file)
{
	mach_msg_type_number_t got = ELF_HEAD;
	int32_t err;

	err = em_errno(io_stat(file, &im->im_attr));
	if (err == 0)
		err = em_errno(io_read(file, 0, 0, 0, 0, ELF_HEAD, (char *)im->im_head, &got));
	if (err == 0 && mach_port_mod_refs(em_task, file, MACH_PORT_RIGHT_SEND, 1) == KERN_SUCCESS)
		im->im_io = file;
	im->im_nhead = got < ELF_HEAD ? got : ELF_HEAD;
	return err;
}

/* Open PATH of DIR for execution. An empty path: DIR is the open file itself. EXE gets the absolute path, or "" when it is to be
 * asked for. */
static int32_t
image_open(struct em_image *im, mach_port_t dir, const char *path, struct mx_exe *exe)
{
	struct em_process *p = em_proc();
	uint32_t n = (uint32_t)strlen(path);
	char *head = (char *)im->im_head;
	mach_msg_type_number_t got = ELF_HEAD;
	int32_t err;

	im->im_io = im->im_memory = MACH_PORT_NULL;
	im->im_nhead = 0;
	exe->ex_path[0] = '\0';
	err = em_errno(vfs_exec(p->p_vfs, p->p_pid, dir, (char *)path, n, &im->im_io, &im->im_memory, &im->im_attr, exe, head, &got));
	exe->ex_path[sizeof(exe->ex_path) - 1] = '\0';
	if (err < 0)
		return err;
	if (im->im_io == MACH_PORT_NULL || (im->im_attr.at_mode & MX_S_IFMT) != MX_S_IFREG) {
		em_image_release(im);
		return E(EACCES);
	}
	im->im_nhead = got < ELF_HEAD ? got : ELF_HEAD;
	return 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Take apart "#! INTERP [ARG]" in LINE, which is SCRIPT_LINE bytes and a NUL. Errors: -ENOEXEC */
static int32_t
script_parse(char *line, char **interp, char **arg)
{
	char *p = line + 2, *end;

	for (end = p; *end != '\0' && *end != '\n'; end++)
		;
	if (*end == '\0' && end == line + SCRIPT_LINE) {	/* cut off: the interpreter's name at least must be whole */
		for (; is_blank(*p); p++)
			;
		for (; *p != '\0' && !is_blank(*p); p++)
			;
		if (*p == '\0')
			return E(ENOEXEC);
		p = line + 2;
	}
	*end = '\0';
	while (end > p && is_blank(end[-1]))
		*--end = '\0';
	while (is_blank(*p))
		p++;
	if (*p == '\0')
		return E(ENOEXEC);
	*interp = p;
	while (*p != '\0' && !is_blank(*p))
		p++;
	if (*p != '\0')
		*p++ = '\0';
	while (is_blank(*p))
		p++;
	*arg = *p != '\0' ? p : NULL;
	return 0;
}

/* The file is a script: its interpreter's name goes to PATH, the strings change. */
static int32_t
script_follow(struct em_image *im, char path[MX_PATH_MAX], struct em_args *a)
{
	char line[SCRIPT_LINE + 1], *interp, *arg;
	uint32_t n = im->im_nhead < SCRIPT_LINE ? im->im_nhead : SCRIPT_LINE;
	int32_t err;

	memset(line, 0, sizeof(line));
	memcpy(line, im->im_head, n);
	em_image_release(im);
	err = script_parse(line, &interp, &arg);
	if (err < 0)
		return err;
	a->ea_first += strlen(a->ea_first) + 1;		/* argv[0] gives way */
	a->ea_argc--;
	err = args_prepend(a, path);
	if (err == 0 && arg != NULL)
		err = args_prepend(a, arg);
	if (err == 0)
		err = args_prepend(a, interp);
	if (err == 0)
		memcpy(path, interp, strlen(interp) + 1);
	return err;
}

static int32_t
program_open(struct em_image *im, mach_port_t dir, char path[MX_PATH_MAX], struct mx_exe *exe, struct em_args *a)
{
	int32_t err;

	for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
		err = image_open(im, dir, path, exe);
		if (err < 0)
			return err;
		if (im->im_nhead < 2 || im->im_head[0] != '#' || im->im_head[1] != '!')
			return 0;
		if (path[0] == '\0') {
			em_image_release(im);
			return E(ENOENT);	/* the interpreter could not find the script */
		}
		err = script_follow(im, path, a);
		if (err < 0)
			return err;
		dir = MACH_PORT_NULL;
	}
	return E(ELOOP);
}

static bool
image_wants_interp(const struct em_image *im)
{
	for (uint32_t i = 0; i < im->im_elf.e_phnum; i++)
		if (im->im_seg[i].p_type == PT_INTERP)
			return true;
	return false;
}

/* The interpreter that PROGRAM wants. Not inlined: most have none, and its frame is a page of stack. */
static int32_t __attribute__((noinline))
interp_open(const struct em_image *program, struct em_image *im)
{
	char name[MX_PATH_MAX];
	struct mx_exe exe;
	int32_t err = em_image_interp(program, name, sizeof(name));

	if (err < 0)
		return err;
	err = image_open(im, MACH_PORT_NULL, name, &exe);
	if (err == 0)
		err = em_image_parse(im);
	if (err == E(ENOEXEC))
		err = E(ELIBBAD);
	if (err == 0)
		err = em_image_memory(im);
	return err;
}

/* ---- The new stack ---- */

struct stack {
	uint32_t sp;
	bool	 bad;
};

static uint32_t
stack_put(struct stack *s, const void *from, uint32_t n)
{
	s->sp -= n;
	if (em_copyout(s->sp, from, n) < 0)
		s->bad = true;
	return s->sp;
}

struct auxv {
	uint32_t word[64];
	uint32_t n;
};

static void
aux(struct auxv *v, uint32_t type, uint32_t value)
{
	v->word[v->n++] = type;
	v->word[v->n++] = value;
}

static uint32_t
processor_features(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return d;
}

static void
auxv_fill(struct auxv *v, const struct em_image *program, const struct em_image *interp, uint32_t random, uint32_t platform,
	uint32_t execfn)
{
	const volatile struct mx_sys_proc *ids = em_sys_proc();
	v->n = 0;
	aux(v, AT_SYSINFO, (uint32_t)em_entry);
	aux(v, AT_SYSINFO_EHDR, EM_TEXT);
	aux(v, AT_MINSIGSTKSZ, 2048);
	aux(v, AT_HWCAP, processor_features());
	aux(v, AT_PAGESZ, EM_PAGE);
	aux(v, AT_CLKTCK, 100);
	aux(v, AT_PHDR, program->im_phdr);
	aux(v, AT_PHENT, sizeof(struct elf_segment));
	aux(v, AT_PHNUM, program->im_elf.e_phnum);
	aux(v, AT_BASE, interp != NULL ? interp->im_bias + interp->im_low : 0);
	aux(v, AT_FLAGS, 0);
	aux(v, AT_ENTRY, program->im_bias + program->im_elf.e_entry);
	aux(v, AT_UID, ids->sp_ruid);
	aux(v, AT_EUID, ids->sp_euid);
	aux(v, AT_GID, ids->sp_rgid);
	aux(v, AT_EGID, ids->sp_egid);
	aux(v, AT_SECURE, ids->sp_ruid != ids->sp_euid || ids->sp_rgid != ids->sp_egid);
	aux(v, AT_RANDOM, random);
	aux(v, AT_HWCAP2, 0);
	aux(v, AT_EXECFN, execfn);
	aux(v, AT_PLATFORM, platform);
	aux(v, AT_NULL, 0);
}

/* N pointers to the strings at AT, one after the other, and a null pointer. */
static void
pointers_put(struct stack *s, uint32_t to, const char *strings, uint32_t at, uint32_t n)
{
	uint32_t part[64], k = 0, len;

	for (uint32_t i = 0; i <= n; i++) {
		part[k++] = i < n ? at : 0;
		if (i < n) {
			len = (uint32_t)strlen(strings) + 1;
			strings += len;
			at += len;
		}
		if (k == ARRAY_LEN(part) || i == n) {
			if (em_copyout(to, part, k * 4) < 0)
				s->bad = true;
			to += k * 4;
			k = 0;
		}
	}
}

/* May IM change the process's identity? What proc says counts; this saves asking. */
static bool
image_is_setid(const struct em_image *im)
{
	uint32_t mode = im->im_attr.at_mode;

	return (mode & MX_S_ISUID) || (mode & (MX_S_ISGID | 010)) == (MX_S_ISGID | 010);
}

/* What proc is to know of the new program's memory. */
struct places {
	uint32_t arg_start, arg_end, env_start, env_end, stack, brk;
};

static int32_t
stack_map(const struct em_args *a, const char *execfn)
{
	uint32_t size = args_bytes(a) + (uint32_t)strlen(execfn) + 65536u;

	size = (size + 0x7ffffu) & ~0x7ffffu;
	return em_mm_map_anon(EM_STACK_TOP - size, size, EM_VMA_READ | EM_VMA_WRITE | EM_VMA_STACK);
}

/* As Linux lays it out, from the top: a null word, the file's name, environment, arguments, platform, random bytes, the auxiliary vector,
 * pointers, the number of arguments. Errors: -EFAULT */
static int32_t
stack_fill(const struct em_args *a, const char *execfn, const struct em_image *program, const struct em_image *interp,
	struct places *pl)
{
	static const char platform[] = "i686";
	uint32_t bytes = (uint32_t)(a->ea_end - a->ea_first), zero = 0, name, random, plat, at;
	struct stack s = { EM_STACK_TOP, false };
	struct auxv v;
	uint8_t seed[16];

	(void)stack_put(&s, &zero, sizeof(zero));
	name = stack_put(&s, execfn, (uint32_t)strlen(execfn) + 1);
	pl->env_end = name;
	pl->arg_start = stack_put(&s, a->ea_first, bytes);
	pl->arg_end = pl->env_start = pl->arg_start + (uint32_t)(a->ea_envp - a->ea_first);
	s.sp &= ~15u;
	plat = stack_put(&s, platform, sizeof(platform));
	em_random(seed, sizeof(seed));
	random = stack_put(&s, seed, sizeof(seed));
	auxv_fill(&v, program, interp, random, plat, name);
	s.sp = (s.sp - (v.n + a->ea_argc + 1 + a->ea_envc + 1 + 1) * 4) & ~15u;
	if (em_copyout(s.sp, &a->ea_argc, 4) < 0)
		s.bad = true;
	at = s.sp + 4;
	pointers_put(&s, at, a->ea_first, pl->arg_start, a->ea_argc);
	at += (a->ea_argc + 1) * 4;
	pointers_put(&s, at, a->ea_envp, pl->env_start, a->ea_envc);
	at += (a->ea_envc + 1) * 4;
	if (em_copyout(at, v.word, v.n * 4) < 0)
		s.bad = true;
	pl->stack = s.sp;
	return s.bad ? E(EFAULT) : 0;
}

/* ---- Becoming the program ---- */

static void
thread_reset(struct em_thread *t, uint32_t eip, uint32_t esp)
{
	t->t_clear_tid = t->t_robust = 0;
	t->t_tls[0] = t->t_tls[1] = 0;
	memset(&t->t_regs, 0, sizeof(t->t_regs));
	t->t_regs.r_eip = eip;
	t->t_regs.r_esp = esp;
	t->t_regs.r_eflags = 0x202;
	t->t_regs.r_orig_eax = 0xffffffffu;
	__asm__("movw %%ds,%0" : "=r"(t->t_regs.r_ds));
	t->t_regs.r_es = t->t_regs.r_gs = t->t_regs.r_ds;
	t->t_entry = EM_BY_FORCE;
	t->t_fault_trapno = t->t_fault_error = t->t_fault_cr2 = 0;
	t->t_tid = t->t_process->p_pid;
	em_fpu_reset();
}

/* PATH as an absolute one, when the file server keeps no names: what the program calls itself, from where it is. Answers its length. */
static mach_msg_type_number_t
path_absolute(const struct em_process *p, const char *path, char *exe)
{
	mach_msg_type_number_t n = MX_PATH_MAX, len;

	while (path[0] == '.' && path[1] == '/')
		path += 2;
	len = (mach_msg_type_number_t)strlen(path);
	if (path[0] == '/' || vfs_getcwd(p->p_vfs, exe, &n) != KERN_SUCCESS || n + 1 + len > MX_PATH_MAX)
		n = 0;
	else if (n > 1)
		exe[n++] = '/';
	memcpy(exe + n, path, len);
	return n + len;
}

/* vfs has not told the program's path with its opening. */
static void __attribute__((noinline))
exe_ask(struct em_process *p, const struct em_image *program, const char *path)
{
	char exe[MX_PATH_MAX], *e = exe;
	mach_msg_type_number_t n = sizeof(exe);

	if (vfs_path_of(p->p_vfs, program->im_io, e, &n) != KERN_SUCCESS)
		n = path_absolute(p, path, exe);
	memcpy(p->p_exe, exe, n < sizeof(p->p_exe) ? n : sizeof(p->p_exe) - 1);
}

static void
name_set(struct em_process *p, struct em_thread *t, const struct em_image *program, const char *path, const struct mx_exe *exe)
{
	const char *base = path;

	for (const char *s = path; *s != '\0'; s++)
		if (*s == '/')
			base = s + 1;
	memset(p->p_comm, 0, sizeof(p->p_comm));
	for (unsigned int i = 0; i < sizeof(p->p_comm) - 1 && base[i] != '\0'; i++)
		p->p_comm[i] = base[i];
	memcpy(t->t_comm, p->p_comm, sizeof(t->t_comm));
	memset(p->p_exe, 0, sizeof(p->p_exe));
	if (exe->ex_path[0] != '\0')
		memcpy(p->p_exe, exe->ex_path, sizeof(exe->ex_path));
	else
		exe_ask(p, program, path);
}

/* In pages of its own. Each page that is written costs 12 us, and 17 more after a vfork, so what every program uses comes first; with
 * short strings and few segments it is one page. */
struct em_exec {
	struct em_args	args;
	const char	*name;			/* as execve was given it */
	bool		is_carried;		/* the process has changed its task for it already */
	bool		has_interp;
	char		brief[EXEC_BRIEF];	/* NAME, if there is room */
	struct mx_exe	exe;
	struct em_image	program;
	struct em_path	at;			/* p_name is the path of the program itself: not the script's */
	struct em_image	interp;
	char		whole[MX_PATH_MAX];	/* NAME, if BRIEF is too short */
};
_Static_assert(offsetof(struct em_exec, at.p_name) + 128 <= EM_PAGE, "a usual path begins in the first page, too");

/* The interpreter lies where a mapping without a wish would. */
static int32_t
interp_map(struct em_image *im, uint32_t *entry)
{
	uint32_t base = em_mm_find(im->im_high - im->im_low);

	if (base == 0)
		return E(ENOMEM);
	em_image_place(im, base);
	*entry = im->im_bias + im->im_elf.e_entry;
	return em_image_map(im);
}

/* Step (3). */
static void
program_leave(struct em_thread *t, const struct em_exec *x)
{
	struct em_process *p = t->t_process;

	em_thread_kill_others(p);
	em_futex_robust_exit(t);
	name_set(p, t, &x->program, x->at.p_name, &x->exe);
	em_signal_exec(p, t);
	em_timers_exec(p);
	em_int80_exec();
	em_poll_thread_done(t);
	em_file_exec(p);
}

/* Step (3b): for another identity, another task, and this does not return. */
static void
identity_change(struct em_thread *t, const struct em_exec *x)
{
	int32_t err = em_carry_over(t, x->program.im_io, x->at.p_name, x->name, &x->args);

	if (err != E(EPERM))
		em_process_die(MX_SIGKILL);
}

/* Step (4). */
static void
program_enter(struct em_thread *t, struct em_exec *x)
{
	const struct em_args *a = &x->args;
	struct em_process *p = t->t_process;
	struct places pl;
	uint32_t entry;
	int32_t err;

	entry = x->program.im_bias + x->program.im_elf.e_entry;
	err = em_image_map(&x->program);
	em_mm_exec(x->program.im_brk);
	if (err == 0)
		err = stack_map(a, x->name);
	if (err == 0 && x->has_interp)
		err = interp_map(&x->interp, &entry);
	if (err == 0)
		err = stack_fill(a, x->name, &x->program, x->has_interp ? &x->interp : NULL, &pl);
	if (err < 0)
		em_process_die(MX_SIGKILL);
	/* The file is executed for as long as a task has it registered: forked children inherit that, an exec replaces it. */
	(void)mach_ports_register(em_task, &x->program.im_io, 1);	/* our own task: cannot fail */
	pl.brk = EM_PAGE_ALIGN(x->program.im_brk);
	(void)proc_exec(p->p_port, p->p_comm, strnlen(p->p_comm, sizeof(p->p_comm)), p->p_exe,
			strnlen(p->p_exe, sizeof(p->p_exe)), pl.arg_start, pl.arg_end, pl.env_start, pl.env_end, pl.stack,
			pl.brk);	/* it is for /proc only */
	thread_reset(t, entry, pl.stack);
}

/* Without a word in X: it may lie in a page that a vfork shares. */
static void
exec_images_release(const struct em_exec *x)
{
	em_image_drop(&x->program);
	if (x->has_interp)
		em_image_drop(&x->interp);
}

/* The rest of steps (1b) and (2): everything that may fail. */
static int32_t
program_prepare(struct em_exec *x)
{
	int32_t err;

	err = em_image_parse(&x->program);
	if (err == 0)
		err = em_image_memory(&x->program);
	if (err == 0 && image_wants_interp(&x->program)) {
		x->has_interp = true;
		err = interp_open(&x->program, &x->interp);
	}
	if (err == 0)
		em_image_place(&x->program, PIE_BASE);
	else
		exec_images_release(x);
	return err;
}

int32_t
em_exec_give(struct em_exec *x, mach_port_t task)
{
	const mach_port_t ports[] = { x->program.im_io, x->program.im_memory, x->has_interp ? x->interp.im_io : MACH_PORT_NULL,
		x->has_interp ? x->interp.im_memory : MACH_PORT_NULL };
	kern_return_t kr = KERN_SUCCESS;

	for (unsigned int i = 0; i < ARRAY_LEN(ports) && kr == KERN_SUCCESS; i++)
		if (ports[i] != MACH_PORT_NULL)
			kr = syscall_mach_port_insert_right(task, ports[i], ports[i], MACH_MSG_TYPE_COPY_SEND);
	return kr == KERN_SUCCESS || kr == KERN_RIGHT_EXISTS ? 0 : E(EAGAIN);
}

static struct em_exec *
exec_new(void)
{
	return em_pages_alloc(sizeof(struct em_exec));	/* zeros */
}

static void
exec_free(struct em_exec *x)
{
	em_args_end(&x->args);
	em_pages_free(x, sizeof(*x));
}

static void
exec_name(struct em_exec *x, const char *name)
{
	uint32_t n = (uint32_t)strlen(name) + 1;
	char *to = n <= sizeof(x->brief) ? x->brief : x->whole;

	memcpy(to, name, n);
	x->name = to;
}

void
em_exec_enter(struct em_thread *t, struct em_exec *x)
{
	program_leave(t, x);
	if (!x->is_carried && image_is_setid(&x->program))
		identity_change(t, x);
	em_mm_clear();
	program_enter(t, x);
	exec_images_release(x);
	exec_free(x);
}

/* Steps (1b) to (4) for the path and the strings in X, which is gone when this succeeds. Errors: -errno, nothing has changed */
static int32_t
exec_run(struct em_thread *t, struct em_exec *x, mach_port_t dir)
{
	int32_t err = program_open(&x->program, dir, x->at.p_name, &x->exe, &x->args);

	if (err == 0)
		err = program_prepare(x);
	if (err < 0)
		return err;
	if (!t->t_process->p_is_vfork) {
		em_exec_enter(t, x);
		return 0;
	}
	err = em_vfork_exec(t, x);
	exec_images_release(x);
	if (err == 0)
		exec_free(x);
	return err;
}

static struct em_exec *
exec_of(const char *path, const char *name, const struct em_args *a)
{
	struct em_exec *x = exec_new();

	if (x == NULL)
		return NULL;
	memcpy(x->at.p_name, path, strlen(path) + 1);
	exec_name(x, name);
	x->args = *a;
	return x;
}

int32_t
em_exec(struct em_thread *t, const char *path, const struct em_args *a)
{
	struct em_exec *x = exec_of(path, path, a);

	return x != NULL ? exec_run(t, x, MACH_PORT_NULL) : E(ENOMEM);
}

int32_t
em_exec_carried(struct em_thread *t, mach_port_t file, const char *path, const char *name, const struct em_args *a)
{
	struct em_exec *x = exec_of(path, name, a);
	int32_t err;

	if (x == NULL)
		return E(ENOMEM);
	x->is_carried = true;
	err = image_take(&x->program, file);
	if (err == 0)
		err = program_prepare(x);
	if (err == 0)
		em_exec_enter(t, x);
	return err;
}

/* ---- The calls ---- */

/* The path that PATH means, without its object: for AT_EXECFN. */
static void
name_of_fd(char name[EXEC_BRIEF], int32_t fd)
{
	char digits[12], *d = digits, *to = name + 8;
	uint32_t v = (uint32_t)fd;

	memcpy(name, "/dev/fd/", 8);
	do {
		*d++ = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	while (d > digits)
		*to++ = *--d;
	*to = '\0';
}

/* Step (1): the path is in X. */
static int32_t
exec_begin(struct em_exec *x, int32_t fd, uint32_t argv, uint32_t envp)
{
	struct em_path *at = &x->at;
	int32_t err;

	if (at->p_len >= MX_PATH_MAX)
		return E(ENAMETOOLONG);
	at->p_name[at->p_len] = '\0';
	if (at->p_len == 0) {
		name_of_fd(x->brief, em_path_fd(at) >= 0 ? em_path_fd(at) : fd);
		x->name = x->brief;
	} else {
		exec_name(x, at->p_name);
	}
	err = em_args_begin(&x->args);
	return err < 0 ? err : args_copyin(&x->args, argv, envp);
}

static int32_t
execve_at(int32_t fd, uint32_t path, uint32_t argv, uint32_t envp, uint32_t flags)
{
	struct em_thread *t = em_self();
	struct em_exec *x = exec_new();
	struct em_file *file;
	int32_t err;

	if (x == NULL)
		return E(ENOMEM);
	err = em_path_get_object(&x->at, fd, path, flags & MX_AT_EMPTY_PATH);
	if (err < 0) {
		exec_free(x);
		return err;
	}
	file = x->at.p_file;
	err = exec_begin(x, fd, argv, envp);
	if (err == 0)
		err = exec_run(t, x, x->at.p_dir);
	if (err < 0)
		exec_free(x);
	if (file != NULL)
		em_file_release(file);
	t->t_full = err == 0;
	return err;
}

int32_t
sys_execve(uint32_t path, uint32_t argv, uint32_t envp, uint32_t d, uint32_t e, uint32_t f)
{
	(void)d, (void)e, (void)f;
	return execve_at(MX_AT_FDCWD, path, argv, envp, 0);
}

int32_t
sys_execveat(uint32_t fd, uint32_t path, uint32_t argv, uint32_t envp, uint32_t flags, uint32_t f)
{
	(void)f;
	if (flags & ~(uint32_t)(MX_AT_EMPTY_PATH | MX_AT_SYMLINK_NOFOLLOW))
		return E(EINVAL);
	return execve_at((int32_t)fd, path, argv, envp, flags);
}
