/* Clock, processor time and memory out of /proc, and a histogram: what the generators have in common. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now(void);
/* Processor seconds, user and system, of a process and of this one. */
double process_cpu(int pid);
double own_cpu(void);
/* Resident kB of a process. */
uint64_t resident_kb(int pid);

/* 64 steps per power of two: 1.6 % resolution. */
struct histogram {
	uint64_t count, max, steps[4096];
};

void record(struct histogram *, uint64_t value);
uint64_t quantile(const struct histogram *, double q);

/* Each program's own: ends it with 2, nothing was measured. */
void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
