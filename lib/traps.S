/*
 * traps.S - the entries into GNU Mach, from the kernel's own list.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <mach/syscall_sw.h>
	.section .note.GNU-stack,"",@progbits
