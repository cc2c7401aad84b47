/*
 * list.h - doubly linked lists whose links lie in the elements.
 *
 * A process is in several lists at once (its parent's children, its group, its session), and must leave each without a search.
 * An empty list, and a link that is in no list, point to themselves.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (c) 2026 The MASIX authors.
 */
#ifndef PROC_LIST_H
#define PROC_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list	*next, *prev;
};

#define LIST_ENTRY(link, type, field) ((type *)(void *)((char *)(link) - offsetof(type, field)))

/* Each element of list HEAD in turn as POS; POS may leave the list meanwhile, other elements may not. */
#define LIST_EACH(pos, spare, head, type, field) \
	for (struct list *pos##_link = (head)->next, *spare = pos##_link->next; \
	     (pos##_link != (head)) && ((pos) = LIST_ENTRY(pos##_link, type, field), true); \
	     pos##_link = spare, spare = pos##_link->next)

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void
list_append(struct list *head, struct list *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

static inline void
list_remove(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

#endif /* PROC_LIST_H */
