linux_programs += bench/bench
