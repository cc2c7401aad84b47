#!/bin/busybox sh
# The first process of the Linux that bench/run compares with: run the benchmark, power off.
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t tmpfs tmpfs /tmp
/bench $(/bin/busybox cat /bench.args)
/bin/busybox poweroff -f
