# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (c) 2026 The MASIX authors.
# Oracle programs: they pass on Linux, and then on MASIX. One a line, in the order of their names.
linux_programs += tests/linux/core_exec
linux_programs += tests/linux/core_ids
linux_programs += tests/linux/core_int80
linux_programs += tests/linux/core_mm
linux_programs += tests/linux/core_more
linux_programs += tests/linux/core_setid
linux_programs += tests/linux/core_signal
linux_programs += tests/linux/core_smaps
linux_programs += tests/linux/core_thread
linux_programs += tests/linux/core_time
linux_programs += tests/linux/file_append
linux_programs += tests/linux/file_busy
linux_programs += tests/linux/file_coherent
linux_programs += tests/linux/file_fd
linux_programs += tests/linux/file_lock
linux_programs += tests/linux/file_more
linux_programs += tests/linux/file_path
linux_programs += tests/linux/file_pipe
linux_programs += tests/linux/file_poll
linux_programs += tests/linux/file_rw
linux_programs += tests/linux/file_stress
linux_programs += tests/linux/file_tty
linux_programs += tests/linux/file_xattr
linux_programs += tests/linux/fuzzcall
linux_programs += tests/linux/setid_thief
linux_programs += tests/linux/tty_jobs
linux_programs += tests/linux/tty_modes

# The programs that tests/areas/programs runs.
masix_check += deps/.tests
