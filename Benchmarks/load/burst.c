/*
 * Bursts: N messages are published at once, and no subscriber's socket is read until the last message has reached the
 * last one. What arrives stays in the sockets' receive buffers meanwhile, so the generator has next to nothing to do while
 * the server works, and cannot be what limits it. The kernel notes when each segment arrives (SO_TIMESTAMPNS), on
 * loopback within the server's own `send`: a burst takes from just before its first PUBLISH to the last arrival.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* a burst must have arrived within so many nanoseconds */
#define PATIENCE 5000000000ull

static u64 wall_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

static void ask_for_times(void)
{
	int one = 1;
	for (u64 k = 0; k < o.n; k++)
		if (cs[k].state == C_OPEN && setsockopt(cs[k].fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one))
			give_up("SO_TIMESTAMPNS: %s", strerror(errno));
}

static size_t frame_bytes(void) { return o.size + (o.size < 126 ? 2 : o.size < 65536 ? 4 : 10); }

/* until each socket holds so many bytes; looks at each of them once, and then only at the one that is behind */
static void await_bytes(u64 bytes)
{
	u64 until = now_ns() + PATIENCE, k = 0;
	while (!stop_flag) {
		int held = 0;
		while (k < o.n && (cs[k].state != C_OPEN || (!ioctl(cs[k].fd, FIONREAD, &held) && (u64)held >= bytes)))
			k++;
		if (k == o.n)
			return;
		if (now_ns() > until) {
			note_err("a socket holds %d bytes of %llu", held, (unsigned long long)bytes);
			return;
		}
		pub_wait(1);
	}
}

/* reads what a socket holds; returns when the last of it arrived */
static u64 read_all(struct conn *c)
{
	u64 newest = 0;
	while (c->state == C_OPEN) {
		union { char bytes[CMSG_SPACE(sizeof(struct timespec))]; struct cmsghdr align; } control;
		struct iovec part = { rbuf, RBUF };
		struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
		ssize_t r = recvmsg(c->fd, &m, 0);
		if (r <= 0)	/* an end is found by the loop that follows */
			break;
		for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
			if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPNS) {
				struct timespec t;
				memcpy(&t, CMSG_DATA(h), sizeof t);
				newest = (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
			}
		conn_feed(c, rbuf, (size_t)r, now_ns());
	}
	return newest;
}

/* adds up what each thread has worked between two readings */
static void add_threads(struct threads *sum, const struct threads *before, const struct threads *after)
{
	for (int k = 0; k < after->n; k++) {
		int b = 0, s = 0;
		while (b < before->n && before->tid[b] != after->tid[k])
			b++;
		while (s < sum->n && sum->tid[s] != after->tid[k])
			s++;
		if (b == before->n || s == 64)
			continue;
		if (s == sum->n) {
			sum->tid[sum->n] = after->tid[k];
			sum->ns[sum->n++] = 0;
		}
		sum->ns[s] += after->ns[k] - before->ns[b];
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

void run_bursts(const struct phase *p, struct buf *js)
{
	char t[512];
	struct cpu c0, c1, sum = { 0 };
	struct threads h0 = { 0 }, h1 = { 0 }, threads = { 0 };	/* of the first process that is watched */
	int pid = o.ngrp && o.grp[0].n ? o.grp[0].pid[0] : 0;
	u64 busiest = 0;
	u64 warm = (u64)p->warm, count = (u64)p->dur, deliveries = 0, late = 0;
	double seconds = 0, watched = 0, *each = calloc(count + 1, sizeof *each);

	memset(&ph, 0, sizeof ph);
	ask_for_times();
	for (u64 burst = 0; burst < warm + count && !stop_flag; burst++) {
		u64 before = ph.recv, last = 0, t0 = now_ns();
		cpu_read(&c0);
		if (pid)
			threads_read(pid, &h0);
		u64 start = wall_ns();
		for (u64 k = 0; k < (u64)p->val; k++)
			if (!publish(now_ns(), now_ns()))
				give_up("a burst of %g messages is too large", p->val);
		pub_flush_all();
		await_bytes((u64)p->val * frame_bytes());
		cpu_read(&c1);
		u64 end = wall_ns(), t1 = now_ns();
		if (pid)
			threads_read(pid, &h1);
		for (u64 k = 0; k < o.n; k++) {
			u64 at = read_all(&cs[k]);
			if (at > end)	/* the server still had it: the sockets have not held a burst */
				late++;
			else if (at > last)
				last = at;
		}
		while (ph.recv - before < (u64)(p->val * o.fan) && now_ns() - t1 < PATIENCE && !stop_flag)
			poll_once(1000000);
		poll_once(0);
		if (burst < warm)
			continue;
		each[burst - warm] = last > start ? (double)(last - start) / 1e9 : 0;
		seconds += each[burst - warm];
		watched += (double)(t1 - t0) / 1e9;
		deliveries += ph.recv - before;
		add_threads(&threads, &h0, &h1);
		for (int g = 0; g < o.ngrp; g++)
			sum.grp[g] += c1.grp[g] - c0.grp[g];
		sum.total += c1.total - c0.total;
		sum.self += c1.self - c0.self;
		sum.all += c1.all - c0.all;
	}
	for (int k = 0; k < threads.n; k++)
		if (threads.ns[k] > busiest)
			busiest = threads.ns[k];
	qsort(each, count, sizeof *each, by_value);
	double per_burst = count ? (double)deliveries / (double)count : 0;
	snprintf(t, sizeof t,
		 "{\"kind\":\"burst\",\"val\":%g,\"bursts\":%llu,\"dur\":%.4f,\"sent\":%llu,\"pub_errs\":%llu,\"deliveries\":%llu,"
		 "\"deliv_per_s\":%.0f,\"median_per_s\":%.0f,\"best_per_s\":%.0f,\"busiest_ns\":%.2f,"
		 "\"missing\":%.0f,\"stalls\":0,\"late\":%llu,\"cpu\":{",
		 p->val, (unsigned long long)count, watched, (unsigned long long)ph.sent, (unsigned long long)ph.errs,
		 (unsigned long long)deliveries, seconds > 0 ? (double)deliveries / seconds : 0,
		 count && each[count / 2] > 0 ? per_burst / each[count / 2] : 0,
		 count && each[0] > 0 ? per_burst / each[0] : 0, deliveries ? (double)busiest / (double)deliveries : 0,
		 ph.expected - (double)ph.recv,
		 (unsigned long long)late);
	buf_str(js, t);
	for (int g = 0; g < o.ngrp; g++) {
		snprintf(t, sizeof t, "\"%s\":%.3f,", o.grp[g].name, sum.grp[g]);
		buf_str(js, t);
	}
	snprintf(t, sizeof t, "\"gen\":%.4f},\"noise\":%.3f}", sum.self,
		 watched > 0 ? (sum.all - sum.total - sum.self) / watched : 0);
	buf_str(js, t);
	free(each);
}
