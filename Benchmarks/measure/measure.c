#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

uint64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

double process_cpu(int pid)
{
	char path[64], text[1024];
	unsigned long long user = 0, system = 0;
	if (!pid)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *file = fopen(path, "r");
	if (!file)
		give_up("process %d is gone", pid);
	size_t length = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[length] = 0;
	/* proc(5): the name may hold blanks and parentheses; utime and stime are fields 14 and 15, in clock ticks. */
	char *after_name = strrchr(text, ')');
	if (!after_name ||
	    sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
		give_up("cannot read %s", path);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double own_cpu(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

uint64_t resident_kb(int pid)
{
	char path[64], line[256];
	uint64_t kb = 0;
	if (!pid)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	FILE *file = fopen(path, "r");
	if (!file)
		give_up("cannot read %s", path);
	while (fgets(line, sizeof line, file))
		if (!strncmp(line, "Rss:", 4))
			kb = strtoull(line + 4, 0, 10);
	fclose(file);
	return kb;
}

/* Values below 128 have a step of their own; above, the 7 leading bits choose it. */
static unsigned step_of(uint64_t value)
{
	if (value < 128)
		return (unsigned)value;
	unsigned shift = 63u - (unsigned)__builtin_clzll(value) - 6u;
	return shift * 64u + (unsigned)(value >> shift);
}

void record(struct histogram *histogram, uint64_t value)
{
	histogram->count++;
	if (value > histogram->max)
		histogram->max = value;
	histogram->steps[step_of(value)]++;
}

uint64_t quantile(const struct histogram *histogram, double q)
{
	uint64_t wanted = (uint64_t)(q * (double)histogram->count + 0.5), seen = 0;
	if (!histogram->count)
		return 0;
	if (wanted < 1)
		wanted = 1;
	for (unsigned step = 0; step < 4096; step++) {
		seen += histogram->steps[step];
		if (seen < wanted)
			continue;
		unsigned shift = step < 128 ? 0 : step / 64 - 1;
		uint64_t value = (uint64_t)(step - shift * 64) << shift;
		return value < histogram->max ? value : histogram->max;
	}
	return histogram->max;
}
