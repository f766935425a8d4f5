/* Percentiles; processor time and memory out of /proc. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

u64 h_pct(const struct hist *h, double q)
{
	u64 want = (u64)(q * (double)h->n + 0.5), acc = 0;
	if (!h->n)
		return 0;
	if (want < 1)
		want = 1;
	for (unsigned k = 0; k < HN; k++) {
		acc += h->b[k];
		if (acc >= want) {
			u64 v = k < 128 ? k : (u64)(k - (k / 64 - 1) * 64) << (k / 64 - 1);
			return v < h->max ? v : h->max;
		}
	}
	return h->max;
}
void h_json(struct buf *o, const char *name, const struct hist *h)
{
	char t[256];
	snprintf(t, sizeof t,
		 "\"%s\":{\"n\":%llu,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
		 name, (unsigned long long)h->n, h->n ? (double)h->sum / (double)h->n / 1e3 : 0,
		 (double)h_pct(h, .5) / 1e3, (double)h_pct(h, .9) / 1e3, (double)h_pct(h, .99) / 1e3,
		 (double)h_pct(h, .999) / 1e3, (double)h->max / 1e3);
	buf_str(o, t);
}

static double pid_cpu(int pid)
{
	char fn[64], t[1024];
	snprintf(fn, sizeof fn, "/proc/%d/stat", pid);
	FILE *f = fopen(fn, "r");
	if (!f)
		return 0;
	size_t n = fread(t, 1, sizeof t - 1, f);
	fclose(f);
	t[n] = 0;
	char *p = strrchr(t, ')');
	unsigned long long ut = 0, st = 0;
	if (p)
		sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &ut, &st);
	return (double)(ut + st) / (double)sysconf(_SC_CLK_TCK);
}

void cpu_read(struct cpu *c)
{
	memset(c, 0, sizeof *c);
	for (int g = 0; g < o.ngrp; g++) {
		for (int k = 0; k < o.grp[g].n; k++)
			c->grp[g] += pid_cpu(o.grp[g].pid[k]);
		c->total += c->grp[g];
	}
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	c->self = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
		  (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
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

static u64 field_kb(const char *fn, const char *key)
{
	FILE *f = fopen(fn, "r");
	char line[256];
	u64 v = 0;
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key)))
			v += strtoull(line + strlen(key), 0, 10);
	if (f)
		fclose(f);
	return v;
}

void mem_read(struct mem *m)
{
	memset(m, 0, sizeof *m);
	for (int g = 0; g < o.ngrp; g++)
		for (int k = 0; k < o.grp[g].n; k++) {
			char fn[64];
			snprintf(fn, sizeof fn, "/proc/%d/smaps_rollup", o.grp[g].pid[k]);
			m->rss[g] += field_kb(fn, "Rss:");
			m->pss[g] += field_kb(fn, "Pss:");
			m->priv[g] += field_kb(fn, "Private_Clean:") + field_kb(fn, "Private_Dirty:");
		}
	m->avail_kb = field_kb("/proc/meminfo", "MemAvailable:");
	m->slab_kb = field_kb("/proc/meminfo", "Slab:");
	FILE *f = fopen("/proc/net/sockstat", "r");
	char line[256];
	while (f && fgets(line, sizeof line, f)) {
		char *p = strstr(line, " mem ");
		if (!strncmp(line, "TCP:", 4) && p)
			m->tcp_pages = strtoull(p + 5, 0, 10);
	}
	if (f)
		fclose(f);
}
