/* The phases: connect, hold, publish, report. */
#define _GNU_SOURCE
#include "load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void poll_once(u64 timeout_ns)
{
	static struct epoll_event evs[256];
	struct timespec t = { (time_t)(timeout_ns / 1000000000ull), (long)(timeout_ns % 1000000000ull) };
	int n = epoll_pwait2(ep, evs, 256, &t, 0);
	for (int k = 0; k < n; k++) {
		u64 d = evs[k].data.u64, i = d & 0xffffffffffffffull;
		if ((d >> 56) == K_WS)
			conn_event(i, evs[k].events);
		else
			pub_event((int)i, evs[k].events);
	}
}

static void run_for(double seconds)
{
	u64 end = now_ns() + (u64)(seconds * 1e9), n;
	while (!stop_flag && (n = now_ns()) < end)
		poll_once(end - n < 100000000ull ? end - n : 100000000ull);
}

static void connect_all(void)
{
	u64 t0 = now_ns(), end = t0 + (u64)(o.connect_timeout * 1e9), due = t0;
	u64 step = o.meanwhile > 0 ? (u64)(1e9 / o.meanwhile) : 0;
	ph.m0 = t0;
	ph.m1 = step ? ~0ull : t0;
	while (!stop_flag && (st.started < o.n || st.inflight)) {
		u64 n = now_ns();
		if (n > end) {
			note_err("connect phase timed out");
			break;
		}
		u64 allowed = o.ramp > 0 ? (u64)((double)(n - t0) / 1e9 * o.ramp) + 1 : o.n;
		while (st.started < o.n && st.started < allowed && st.inflight < (u64)o.conc)
			conn_start(st.started);
		while (step && due <= n) {
			if (n_live && !publish(due, n))
				break;
			due += step;
		}
		if (step)
			pub_flush_all();
		poll_once(o.ramp > 0 || step ? 500000 : 20000000);
	}
}

/* waits for what is under way, so that losses are real losses */
static void drain(void)
{
	ph.last_recv = now_ns();
	while (!stop_flag && (double)ph.recv < ph.expected && now_ns() - ph.last_recv < 2000000000ull)
		poll_once(50000000ull);
}

static double run_phase(const struct phase *p, double max_rate, struct buf *js)
{
	char t[512];
	struct cpu c0, c1, cs0, cs1;
	double us_s[64];		/* CPU per delivery, second by second */
	u64 sec = 0, sec_recv = 0;
	u64 start, due = 0, step = 0, lost = 0, stalls = 0, now;
	double rate = p->val;
	int measuring = 0;

	memset(&ph, 0, sizeof ph);
	if (p->kind == PH_FRAC)
		rate = p->val * max_rate;
	if (p->kind != PH_MAX) {
		if (rate <= 0)
			rate = 1;
		step = (u64)(1e9 / rate);
	}
	start = now_ns();
	ph.m0 = start + (u64)(p->warm * 1e9);
	ph.m1 = ph.m0 + (u64)(p->dur * 1e9);
	ph.last_recv = start;
	due = start + 1000000;
	cpu_read(&c0);
	c1 = cs0 = c0;
	while (!stop_flag) {
		now = now_ns();
		if (!measuring && now >= ph.m0) {
			cpu_read(&c0);
			cs0 = c0;
			measuring = 1;
			now = now_ns();
		}
		if (measuring && now >= ph.m0 + (sec + 1) * 1000000000ull && sec < 64) {
			cpu_read(&cs1);
			us_s[sec++] = ph.w_recv > sec_recv ? (cs1.total - cs0.total) * 1e6 / (double)(ph.w_recv - sec_recv) : 0;
			sec_recv = ph.w_recv;
			cs0 = cs1;
			now = now_ns();
		}
		if (now >= ph.m1)
			break;
		u64 wait = 50000000ull;
		if (p->kind == PH_MAX) {
			double limit = p->val * o.fan;
			for (;;) {
				double outst = ph.expected - (double)ph.recv - (double)lost;
				if (outst > limit - o.fan + 0.5 || !publish(now, now))
					break;
			}
			double outst = ph.expected - (double)ph.recv - (double)lost;
			if (outst > 0 && now - ph.last_recv > (u64)(o.stall * 1e9)) {
				lost += (u64)outst;
				stalls++;
				ph.last_recv = now;
			}
		} else {
			while (due <= now && due < ph.m1) {
				if (!publish(due, now))
					break;
				due += step;
			}
			wait = o.spin ? 0 : due > now ? due - now : 0;
		}
		pub_flush_all();
		if (now + wait > ph.m1)
			wait = ph.m1 - now;
		if (!measuring && now + wait > ph.m0)
			wait = ph.m0 > now ? ph.m0 - now : 0;
		if (measuring && now + wait > ph.m0 + (sec + 1) * 1000000000ull)
			wait = ph.m0 + (sec + 1) * 1000000000ull > now ? ph.m0 + (sec + 1) * 1000000000ull - now : 0;
		poll_once(wait);
	}
	cpu_read(&c1);
	if (sec < 64 && sec + 1 <= (u64)(p->dur + 0.01) && ph.w_recv > sec_recv)	/* the last second */
		us_s[sec++] = (c1.total - cs0.total) * 1e6 / (double)(ph.w_recv - sec_recv);
	drain();

	double dt = p->dur, dr = (double)ph.w_recv / dt, miss = ph.expected - (double)ph.recv;
	double dl = ph.w_recv ? 1e6 / (double)ph.w_recv : 0;
	snprintf(t, sizeof t,
		 "{\"kind\":\"%s\",\"val\":%g,\"rate\":%.1f,\"dur\":%g,\"sent\":%llu,\"acks\":%llu,\"pub_errs\":%llu,"
		 "\"deliveries\":%llu,\"deliv_per_s\":%.0f,\"msgs_per_s\":%.1f,\"missing\":%.0f,\"stalls\":%llu,",
		 p->kind == PH_MAX ? "max" : p->kind == PH_RATE ? "rate" : "frac", p->val,
		 p->kind == PH_MAX ? 0.0 : rate, dt, (unsigned long long)ph.w_sent, (unsigned long long)ph.acks,
		 (unsigned long long)ph.errs, (unsigned long long)ph.w_recv, dr, dr / o.fan, miss,
		 (unsigned long long)stalls);
	buf_str(js, t);
	h_json(js, "lat", &ph.lat);
	buf_str(js, ",");
	h_json(js, "late", &ph.late);
	buf_str(js, ",\"cpu\":{");
	for (int g = 0; g < o.ngrp; g++) {
		snprintf(t, sizeof t, "\"%s\":%.3f,", o.grp[g].name, c1.grp[g] - c0.grp[g]);
		buf_str(js, t);
	}
	snprintf(t, sizeof t,
		 "\"total\":%.3f,\"core_busy\":%.3f,\"core_steal\":%.3f,\"gen\":%.3f},\"noise\":%.3f,\"us_per_delivery\":%.3f,\"per_s\":[",
		 c1.total - c0.total, c1.busy - c0.busy, c1.steal - c0.steal, c1.self - c0.self,
		 ((c1.all - c0.all) - (c1.total - c0.total) - (c1.self - c0.self)) / dt,
		 (c1.total - c0.total) * dl);
	buf_str(js, t);
	for (int s = 0; s < 64 && s < (int)(dt + 0.999); s++) {
		snprintf(t, sizeof t, "%s%llu", s ? "," : "", (unsigned long long)ph.per_s[s]);
		buf_str(js, t);
	}
	buf_str(js, "],\"us_s\":[");
	for (u64 s = 0; s < sec; s++) {
		snprintf(t, sizeof t, "%s%.2f", s ? "," : "", us_s[s]);
		buf_str(js, t);
	}
	buf_str(js, "]}");
	return dr / o.fan;
}

static void on_term(int s)
{
	(void)s;
	stop_flag = 1;
}

int main(int argc, char **argv)
{
	struct rlimit rl;
	struct buf js = { 0, 0, 0 };
	struct cpu c0, c1, ch;
	struct buf meanwhile = { 0, 0, 0 };
	char t[1024];

	parse_opts(argc, argv);
	signal(SIGTERM, on_term);
	signal(SIGINT, on_term);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1UL);
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	if (o.n + 64 > rl.rlim_max)
		give_up("-n %llu does not fit the open-file limit %llu", (unsigned long long)o.n,
		    (unsigned long long)rl.rlim_max);
	ep = epoll_create1(EPOLL_CLOEXEC);
	cs = calloc(o.n + 1, sizeof *cs);
	live = calloc(o.n + 1, sizeof *live);
	for (u64 k = 0; k < o.n; k++)
		cs[k].fd = -1;

	/* 1. connect, settle */
	if (o.meanwhile > 0)
		pub_setup();
	cpu_read(&c0);
	u64 t0 = now_ns();
	connect_all();
	double ct = (double)(now_ns() - t0) / 1e9;
	if (o.meanwhile > 0) {
		drain();
		snprintf(t, sizeof t, "\"meanwhile\":{\"sent\":%llu,\"missing\":%lld,", (unsigned long long)ph.sent,
			 (long long)ph.sent - (long long)ph.recv);
		buf_str(&meanwhile, t);
		h_json(&meanwhile, "lat", &ph.lat);
		buf_str(&meanwhile, "},");
	}
	run_for(o.settle);
	cpu_read(&c1);
	n_live = 0;
	for (u64 k = 0; k < o.n; k++)
		if (cs[k].state == C_OPEN)
			live[n_live++] = k;
	if (o.ready_file) {
		FILE *f = fopen(o.ready_file, "w");
		if (f) {
			fprintf(f, "%llu\n", (unsigned long long)st.ok);
			fclose(f);
		}
	}
	u64 okc = st.ok;

	/* 2. hold */
	u64 h0 = now_ns();
	cpu_read(&ch);
	struct cpu che = ch;
	if (o.hold > 0) {
		run_for(o.hold);
		cpu_read(&che);
	}
	while (o.go_file && !stop_flag && access(o.go_file, F_OK))
		run_for(0.02);
	double ht = (double)(now_ns() - h0) / 1e9;

	snprintf(t, sizeof t,
		 "{\"label\":\"%s\",\"n\":%llu,\"connected\":%llu,\"failed\":%llu,\"connect_s\":%.3f,\"connect_per_s\":%.0f,"
		 "\"connect_cpu\":%.3f,\"us_per_connect\":%.2f,\"gen_connect_cpu\":%.3f,\"connect_noise\":%.3f,\"processes\":{",
		 o.label, (unsigned long long)o.n, (unsigned long long)okc, (unsigned long long)st.failed, ct,
		 ct > 0 ? (double)okc / ct : 0, c1.total - c0.total,
		 okc ? (c1.total - c0.total) * 1e6 / (double)okc : 0, c1.self - c0.self,
		 ((c1.all - c0.all) - (c1.total - c0.total) - (c1.self - c0.self)) / (ct + o.settle));
	buf_str(&js, t);
	for (int g = 0; g < o.ngrp; g++) {
		snprintf(t, sizeof t, "%s\"%s\":{\"connect_cpu\":%.3f}", g ? "," : "", o.grp[g].name, c1.grp[g] - c0.grp[g]);
		buf_str(&js, t);
	}
	buf_str(&js, "},");
	h_json(&js, "connect_lat", &st.connect);
	snprintf(t, sizeof t, ",%.*s\"hold_s\":%.1f,\"hold_cpu\":%.3f,\"phases\":[", (int)meanwhile.len,
		 meanwhile.len ? meanwhile.p : "", ht, che.total - ch.total);
	buf_str(&js, t);

	/* 3. publish */
	if (o.pub) {
		double max_rate = 0;
		if (o.meanwhile <= 0)
			pub_setup();
		for (int k = 0; k < o.nphase && !stop_flag; k++) {
			if (k)
				buf_str(&js, ",");
			if (o.phase[k].kind == PH_BURST) {
				run_bursts(&o.phase[k], &js);
				continue;
			}
			double r = run_phase(&o.phase[k], max_rate, &js);
			if (o.phase[k].kind == PH_MAX)
				max_rate = r;
		}
	}
	snprintf(t, sizeof t,
		 "],\"ws_frames\":%llu,\"ws_bytes\":%llu,\"msgs\":%llu,\"pings\":%llu,\"closed\":%llu,\"proto_err\":%llu,\"first_err\":\"%s\"}",
		 (unsigned long long)st.frames, (unsigned long long)st.bytes, (unsigned long long)st.msgs,
		 (unsigned long long)st.pings, (unsigned long long)st.closed, (unsigned long long)st.proto_err,
		 st.first_err);
	buf_str(&js, t);
	buf_add(&js, "\n", 1);
	fwrite(js.p, 1, js.len, stdout);
	fflush(stdout);
	if (o.out) {
		FILE *f = fopen(o.out, "a");
		if (f) {
			fwrite(js.p, 1, js.len, f);
			fclose(f);
		}
	}
	/* abortive close: no TIME_WAIT pile-up between runs */
	for (u64 k = 0; k < o.n; k++)
		if (cs[k].fd >= 0) {
			struct linger lg = { 1, 0 };
			setsockopt(cs[k].fd, SOL_SOCKET, SO_LINGER, &lg, sizeof lg);
			close(cs[k].fd);
		}
	return st.ok == o.n ? 0 : 1;
}
