# Oracle programs: they pass on Linux, and then on MASIX. One a line, in the order of their names.
linux_programs += tests/linux/fuzzcall
