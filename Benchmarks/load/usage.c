/* Percentiles and processor times for the report. */
#include "load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void h_json(struct buf *o, const char *name, const struct histogram *h)
{
	char t[256];
	snprintf(t, sizeof t,
		 "\"%s\":{\"n\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
		 name, (unsigned long long)h->count, (double)quantile(h, .5) / 1e3, (double)quantile(h, .9) / 1e3,
		 (double)quantile(h, .99) / 1e3, (double)quantile(h, .999) / 1e3, (double)h->max / 1e3);
	buf_str(o, t);
}

void cpu_read(struct cpu *c)
{
	memset(c, 0, sizeof *c);
	for (int g = 0; g < o.ngrp; g++) {
		for (int k = 0; k < o.grp[g].n; k++)
			c->grp[g] += process_cpu(o.grp[g].pid[k]);
		c->total += c->grp[g];
	}
	c->self = own_cpu();
	FILE *f = fopen("/proc/stat", "r");
	char line[512], want[16];
	double hz = (double)sysconf(_SC_CLK_TCK);
	snprintf(want, sizeof want, "cpu%d ", o.core);
	while (f && fgets(line, sizeof line, f)) {
		unsigned long long v[8] = { 0 };
		if (strncmp(line, "cpu", 3))
			break;
		sscanf(line, "%*s %llu %llu %llu %llu %llu %llu %llu %llu", v, v + 1, v + 2, v + 3, v + 4,
		       v + 5, v + 6, v + 7);
		double busy = (double)(v[0] + v[1] + v[2] + v[5] + v[6]) / hz, steal = (double)v[7] / hz;
		if (line[3] == ' ') {
			c->all = busy + steal;
		} else if (!strncmp(line, want, strlen(want))) {
			c->busy = busy;
			c->steal = steal;
		}
	}
	if (f)
		fclose(f);
}

void threads_read(int pid, struct threads *t)
{
	char fn[300];
	t->n = 0;
	snprintf(fn, sizeof fn, "/proc/%d/task", pid);
	DIR *d = opendir(fn);
	for (struct dirent *e; d && (e = readdir(d)) && t->n < 64;) {
		unsigned long long ns;
		if (e->d_name[0] == '.')
			continue;
		snprintf(fn, sizeof fn, "/proc/%d/task/%s/schedstat", pid, e->d_name);
		FILE *f = fopen(fn, "r");
		if (!f)
			continue;
		if (fscanf(f, "%llu", &ns) == 1) {
			t->tid[t->n] = atoi(e->d_name);
			t->ns[t->n++] = ns;
		}
		fclose(f);
	}
	if (d)
		closedir(d);
}
