/*
 * pager_msg.c - the pager's answers to the kernel.
 *
 * MIG's stubs for them would wait when the control port is no port of the kernel any more (the object was given up, and its
 * terminate message is on the way here) and its queue is full; the one thread that reads our ports must not. So these are
 * written by hand, and sent with no time to wait.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <masix/mach.h>
#include "pager_impl.h"

#define ID_ERROR	2090
#define ID_UNAVAILABLE	2039
#define ID_SUPPLY	2093

#define WORD(name) { .msgt_name = (name), .msgt_size = 32, .msgt_number = 1, .msgt_inline = TRUE }

struct supply_msg {
	mach_msg_header_t head;
	mach_msg_type_t	offset_type;
	vm_offset_t	offset;
	mach_msg_type_long_t data_type;
	vm_offset_t	data;
	mach_msg_type_t	lock_type;
	vm_prot_t	lock;
	mach_msg_type_t	precious_type;
	boolean_t	precious;
	mach_msg_type_t	reply_type;
	mach_port_t	reply;
};

struct range_msg {
	mach_msg_header_t head;
	mach_msg_type_t	offset_type;
	vm_offset_t	offset;
	mach_msg_type_t	size_type;
	vm_size_t	size;
	mach_msg_type_t	error_type;
	kern_return_t	error;
};

static void
head_set(mach_msg_header_t *head, mach_port_t control, int id, mach_msg_size_t size, mach_msg_bits_t complex)
{
	head->msgh_bits = complex | MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0);
	head->msgh_size = size;
	head->msgh_remote_port = control;
	head->msgh_local_port = MACH_PORT_NULL;
	head->msgh_seqno = 0;
	head->msgh_id = id;
}

static mach_msg_return_t
send(mach_msg_header_t *head)
{
	mach_msg_return_t kr;

	do {
		kr = mach_msg_trap(head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, head->msgh_size, 0, MACH_PORT_NULL, 0,
			MACH_PORT_NULL);
	} while (kr == MACH_SEND_INTERRUPTED);
	return kr;
}

bool
pager_msg_supply(mach_port_t control, vm_offset_t offset, vm_address_t *addr, vm_size_t size, bool move, bool precious,
	bool locked)
{
	struct supply_msg msg = {
		.offset_type = WORD(MACH_MSG_TYPE_INTEGER_32), .offset = offset,
		.data_type = {
			.msgtl_header = { .msgt_longform = TRUE, .msgt_deallocate = move },
			.msgtl_name = MACH_MSG_TYPE_BYTE, .msgtl_size = 8, .msgtl_number = size,
		},
		.data = *addr,
		.lock_type = WORD(MACH_MSG_TYPE_INTEGER_32), .lock = locked ? VM_PROT_WRITE : VM_PROT_NONE,
		.precious_type = WORD(MACH_MSG_TYPE_BOOLEAN), .precious = precious,
		.reply_type = WORD(MACH_MSG_TYPE_MAKE_SEND_ONCE), .reply = MACH_PORT_NULL,
	};
	mach_msg_return_t kr;

	head_set(&msg.head, control, ID_SUPPLY, sizeof(msg), MACH_MSGH_BITS_COMPLEX);
	kr = send(&msg.head);
	if (kr == MACH_MSG_SUCCESS)
		return true;
	/* A message that timed out came back, with its memory wherever there was room; others were not taken. */
	if ((kr & ~MACH_MSG_MASK) == MACH_SEND_TIMED_OUT && msg.data != *addr) {
		if (move)
			*addr = msg.data;
		else
			(void)syscall_vm_deallocate(mx_task, msg.data, size);	/* a copy of what is still there */
	}
	return false;
}

static bool
range_send(mach_port_t control, int id, vm_offset_t offset, vm_size_t size, mach_msg_size_t length, kern_return_t error)
{
	struct range_msg msg = {
		.offset_type = WORD(MACH_MSG_TYPE_INTEGER_32), .offset = offset,
		.size_type = WORD(MACH_MSG_TYPE_INTEGER_32), .size = size,
		.error_type = WORD(MACH_MSG_TYPE_INTEGER_32), .error = error,
	};

	head_set(&msg.head, control, id, length, 0);
	return send(&msg.head) == MACH_MSG_SUCCESS;
}

bool
pager_msg_unavailable(mach_port_t control, vm_offset_t offset, vm_size_t size)
{
	return range_send(control, ID_UNAVAILABLE, offset, size, offsetof(struct range_msg, error_type), 0);
}

bool
pager_msg_error(mach_port_t control, vm_offset_t offset, vm_size_t size, kern_return_t error)
{
	return range_send(control, ID_ERROR, offset, size, sizeof(struct range_msg), error);
}

bool
pager_msg_is_supply(const mach_msg_header_t *head, vm_offset_t *offset, vm_address_t *addr, vm_size_t *size)
{
	const struct supply_msg *msg = (const struct supply_msg *)head;

	if (head->msgh_id != ID_SUPPLY || head->msgh_size != sizeof(*msg))
		return false;
	*offset = msg->offset;
	*addr = msg->data;
	*size = msg->data_type.msgtl_number;
	return true;
}
