/* The publishing side: HTTP or Redis. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct pub {
	int fd, busy, dirty;
	struct buf out, in;
	size_t off;		/* bytes of out already written */
	int bol;		/* redis: at the beginning of a line */
};
static struct pub *pubs;
static int *idle_pubs, n_idle, next_pub;
static u64 pub_seq, pub_rr;
static struct buf payload, chan, body;

static u64 random_client(void) { return o.first + (n_live ? live[random_number() % n_live] : 0); }

static const struct mix *next_kind(void)
{
	static double total;
	if (o.nmix == 1)
		return o.mix;
	if (total <= 0)
		for (int k = 0; k < o.nmix; k++)
			total += o.mix[k].weight;
	double at = (double)(random_number() >> 11) / (double)(1ull << 53) * total;
	for (int k = 0; k < o.nmix - 1; k++)
		if ((at -= o.mix[k].weight) < 0)
			return &o.mix[k];
	return &o.mix[o.nmix - 1];
}

static void pub_connect(int k)
{
	struct pub *p = &pubs[k];
	int one = 1;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)o.pub_port), .sin_addr = o.pub_host };
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&a, sizeof a))
		give_up("publisher connect: %s", strerror(errno));
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	p->busy = p->dirty = 0;
	p->out.len = p->in.len = p->off = 0;
	p->bol = 1;
	fcntl(p->fd, F_SETFL, fcntl(p->fd, F_GETFL) | O_NONBLOCK);
	ep_add(p->fd, EPOLLIN | EPOLLOUT | EPOLLET, TAG(K_PUB, k));
}

void pub_setup(void)
{
	pubs = calloc((size_t)o.pub_conns, sizeof *pubs);
	idle_pubs = calloc((size_t)o.pub_conns, sizeof *idle_pubs);
	for (int k = 0; k < o.pub_conns; k++) {
		pub_connect(k);
		idle_pubs[n_idle++] = k;
	}
	buf_need(&payload, o.size);
	memset(payload.p, 'x', o.size);
	payload.len = o.size;
	memcpy(payload.p, "T=", 2);
	payload.p[MARK - 1] = ';';
}

static void pub_flush(struct pub *p)
{
	while (p->off < p->out.len) {
		ssize_t r = send(p->fd, p->out.p + p->off, p->out.len - p->off, MSG_NOSIGNAL);
		if (r < 0) {
			if (errno == EAGAIN) {
				if (p->off > (1u << 20)) {	/* compact */
					memmove(p->out.p, p->out.p + p->off, p->out.len - p->off);
					p->out.len -= p->off;
					p->off = 0;
				}
				return;
			}
			if (o.pub == PUB_HTTP)
				return;		/* the read side reconnects */
			give_up("publisher write: %s", strerror(errno));
		}
		p->off += (size_t)r;
	}
	p->out.len = p->off = 0;
	p->dirty = 0;
}

/* publish one message stamped `due`; 0 if the publisher cannot take it now */
int publish(u64 due, u64 now)
{
	struct pub *p;
	struct ctx x = { .seq = pub_seq, .payload = &payload, .chan = &chan };
	u64 v = due;

	if (o.pub == PUB_HTTP) {
		if (!n_idle)
			return 0;
		p = &pubs[idle_pubs[n_idle - 1]];
	} else {
		p = &pubs[next_pub];
		if (p->out.len - p->off > (4u << 20))
			return 0;
		next_pub = (next_pub + 1) % o.pub_conns;
	}
	if (o.target == TGT_ONE)
		x.i = o.first;
	else if (o.target == TGT_RR)
		x.i = o.first + (n_live ? live[pub_rr++ % n_live] : 0);
	else
		x.i = random_client();
	do
		x.j = random_client();
	while (x.j == x.i && n_live > 1);
	const struct mix *kind = next_kind();
	for (int k = 18; k >= 0; k--) {
		payload.p[2 + k] = (char)('0' + v % 10);
		v /= 10;
	}
	chan.len = 0;
	tpl_render(&o.pub_chan, &x, &chan);
	body.len = 0;
	tpl_render(&kind->body, &x, &body);
	if (o.pub == PUB_REDIS) {
		buf_str(&p->out, "*3\r\n$7\r\nPUBLISH\r\n$");
		buf_dec(&p->out, chan.len, 0);
		buf_str(&p->out, "\r\n");
		buf_add(&p->out, chan.p, chan.len);
		buf_str(&p->out, "\r\n$");
		buf_dec(&p->out, body.len, 0);
		buf_str(&p->out, "\r\n");
		buf_add(&p->out, body.p, body.len);
		buf_str(&p->out, "\r\n");
	} else {
		buf_str(&p->out, "POST ");
		tpl_render(&o.pub_path, &x, &p->out);
		buf_str(&p->out, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ");
		buf_dec(&p->out, body.len, 0);
		buf_str(&p->out, "\r\n");
		for (int h = 0; h < o.npub_hdr; h++) {
			tpl_render(&o.pub_hdr[h], &x, &p->out);
			buf_str(&p->out, "\r\n");
		}
		buf_str(&p->out, "\r\n");
		buf_add(&p->out, body.p, body.len);
		p->busy = 1;
		n_idle--;
	}
	p->dirty = 1;
	pub_seq++;
	ph.sent++;
	ph.expected += kind->fan;
	if (due >= ph.m0 && due < ph.m1)
		ph.w_sent++;
	if (due >= ph.m0 && due < ph.m1)
		record(&ph.late, now > due ? now - due : 0);
	return 1;
}

void pub_flush_all(void)
{
	for (int k = 0; k < o.pub_conns; k++)
		if (pubs[k].dirty)
			pub_flush(&pubs[k]);
}

void pub_wait(int milliseconds)
{
	struct pollfd fds[64];
	int n = o.pub_conns < 64 ? o.pub_conns : 64;
	for (int k = 0; k < n; k++)
		fds[k] = (struct pollfd){ .fd = pubs[k].fd, .events = (short)(POLLIN | (pubs[k].dirty ? POLLOUT : 0)) };
	if (poll(fds, (nfds_t)n, milliseconds) <= 0)
		return;
	for (int k = 0; k < n; k++)
		if (fds[k].revents)
			pub_event(k, (fds[k].revents & POLLIN ? EPOLLIN : 0) | (fds[k].revents & POLLOUT ? EPOLLOUT : 0) |
					     (fds[k].revents & (POLLHUP | POLLERR) ? EPOLLHUP : 0));
}

/* one complete HTTP response in p->in?  0 no, else its length */
static size_t http_response(struct pub *p, int *status, int *close_after)
{
	char *h = memmem(p->in.p, p->in.len, "\r\n\r\n", 4);
	if (!h)
		return 0;
	size_t hl = (size_t)(h - p->in.p) + 4, cl = 0;
	int chunked = 0;
	*status = p->in.len > 12 ? atoi(p->in.p + 9) : 0;
	*close_after = 0;
	for (char *l = p->in.p; l < h;) {
		char *e = memmem(l, (size_t)(h + 2 - l), "\r\n", 2);
		if (!strncasecmp(l, "Content-Length:", 15))
			cl = strtoull(l + 15, 0, 10);
		else if (!strncasecmp(l, "Transfer-Encoding:", 18))
			chunked = 1;
		else if (!strncasecmp(l, "Connection: close", 17))
			*close_after = 1;
		l = e + 2;
	}
	if (chunked) {
		char *z = memmem(p->in.p + hl - 2, p->in.len - hl + 2, "\r\n0\r\n\r\n", 7);
		return z ? (size_t)(z - p->in.p) + 7 : 0;
	}
	return p->in.len >= hl + cl ? hl + cl : 0;
}

void pub_event(int k, u32 ev)
{
	struct pub *p = &pubs[k];
	int closed = 0;
	if (ev & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		for (;;) {
			ssize_t r = read(p->fd, rbuf, RBUF);
			if (r < 0) {
				if (errno == EINTR)
					continue;
				if (errno != EAGAIN)
					closed = 1;
				break;
			}
			if (!r) {
				closed = 1;
				break;
			}
			if (o.pub == PUB_HTTP) {
				int status, cl;
				size_t n;
				buf_add(&p->in, rbuf, (size_t)r);
				buf_need(&p->in, 32);	/* slack for the header compares */
				while ((n = http_response(p, &status, &cl))) {
					if (status >= 200 && status < 300)
						ph.acks++;
					else {
						ph.errs++;
						note_err("publish: %.60s", p->in.p);
					}
					memmove(p->in.p, p->in.p + n, p->in.len - n);
					p->in.len -= n;
					p->busy = 0;
					idle_pubs[n_idle++] = k;
					if (cl)
						closed = 1;
				}
			} else {
				for (ssize_t b = 0; b < r; b++) {
					if (p->bol && rbuf[b] == ':')
						ph.acks++;
					else if (p->bol && rbuf[b] == '-') {
						ph.errs++;
						note_err("redis: %.*s", (int)(r - b > 60 ? 60 : r - b), rbuf + b);
					}
					p->bol = rbuf[b] == '\n';
				}
			}
			if (r < RBUF)
				break;
		}
	}
	if (closed) {
		if (o.pub != PUB_HTTP)
			give_up("publisher connection closed by the server");
		if (p->busy) {
			ph.errs++;
			note_err("publisher connection closed");
			idle_pubs[n_idle++] = k;
		}
		close(p->fd);
		pub_connect(k);
		return;
	}
	if (p->dirty && (ev & EPOLLOUT))
		pub_flush(p);
}
