/*
 * heap.c - timers in the order of their deadlines.
 *
 * A binary heap from index 1; every node knows its index, so that it can be taken out wherever it is.
 *
 * Copyright (c) 2026 The MASIX authors.
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include "impl.h"

static void
place(struct mx_heap *h, unsigned int i, struct mx_timer_node *node)
{
	h->hp_nodes[i] = node;
	node->tn_index = i;
}

static void
sift_up(struct mx_heap *h, unsigned int i, struct mx_timer_node *node)
{
	while (i > 1 && h->hp_nodes[i / 2]->tn_deadline > node->tn_deadline) {
		place(h, i, h->hp_nodes[i / 2]);
		i /= 2;
	}
	place(h, i, node);
}

static void
sift_down(struct mx_heap *h, unsigned int i, struct mx_timer_node *node)
{
	unsigned int child;

	while ((child = 2 * i) <= h->hp_count) {
		if (child < h->hp_count && h->hp_nodes[child + 1]->tn_deadline < h->hp_nodes[child]->tn_deadline)
			child++;
		if (h->hp_nodes[child]->tn_deadline >= node->tn_deadline)
			break;
		place(h, i, h->hp_nodes[child]);
		i = child;
	}
	place(h, i, node);
}

bool
mx_heap_insert(struct mx_heap *h, struct mx_timer_node *node)
{
	struct mx_timer_node **bigger;
	unsigned int size;

	if (h->hp_count + 1 >= h->hp_size) {
		size = h->hp_size == 0 ? 32 : 2 * h->hp_size;
		bigger = realloc(h->hp_nodes, size * sizeof(*bigger));
		if (bigger == NULL)
			return false;
		h->hp_nodes = bigger;
		h->hp_size = size;
	}
	h->hp_count++;
	sift_up(h, h->hp_count, node);
	return true;
}

void
mx_heap_remove(struct mx_heap *h, struct mx_timer_node *node)
{
	unsigned int i = node->tn_index;
	struct mx_timer_node *last;

	if (i == 0)
		return;
	node->tn_index = 0;
	last = h->hp_nodes[h->hp_count--];
	if (last == node)
		return;
	if (i > 1 && h->hp_nodes[i / 2]->tn_deadline > last->tn_deadline)
		sift_up(h, i, last);
	else
		sift_down(h, i, last);
}
