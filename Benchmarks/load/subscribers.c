#define _GNU_SOURCE
/* The WebSocket side: connects, reads, finds the stamps. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define WS_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define WS_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct conn *cs;
u64 *live, n_live;
int ep;
volatile sig_atomic_t stop_flag;
char rbuf[RBUF];
struct state st;
struct running ph;

void note_err(const char *fmt, ...)
{
	va_list ap;
	if (st.first_err[0])
		return;
	va_start(ap, fmt);
	vsnprintf(st.first_err, sizeof st.first_err, fmt, ap);
	va_end(ap);
	for (char *p = st.first_err; *p; p++)
		if (*p == '"' || *p == '\\' || (u8)*p < 32)
			*p = '\'';
}

void ep_add(int fd, u32 ev, u64 tag)
{
	struct epoll_event e = { .events = ev, .data.u64 = tag };
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
		give_up("epoll_ctl: %s", strerror(errno));
}

static void conn_drop(struct conn *c, int failed)
{
	if (c->state == C_CONNECTING || c->state == C_HANDSHAKE || (c->state == C_OPEN && !c->ready)) {
		st.inflight--;
		st.failed++;
	} else if (c->state == C_OPEN) {
		st.closed++;
		st.ok--;
	}
	(void)failed;
	c->state = C_CLOSED;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->tmp.p);
	memset(&c->tmp, 0, sizeof c->tmp);
}

static void conn_ready(struct conn *c)
{
	if (c->ready)
		return;
	c->ready = 1;
	record(&st.connect, now_ns() - c->begun);
	live[n_live++] = (u64)(c - cs);
	st.inflight--;
	st.ok++;
}

void conn_start(u64 k)
{
	struct conn *c = &cs[k];
	int one = 1;
	st.started++;
	st.inflight++;
	c->state = C_CONNECTING;
	c->begun = now_ns();
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		note_err("socket: %s", strerror(errno));
		conn_drop(c, 1);
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (o.cc && setsockopt(c->fd, IPPROTO_TCP, TCP_CONGESTION, o.cc, (socklen_t)strlen(o.cc)))
		give_up("--cc %s: %s", o.cc, strerror(errno));
	struct sockaddr_in a = { .sin_family = AF_INET };
	if ((ntohl(o.host.s_addr) >> 24) == 127) {	/* loopback: spread over sources */
		setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
		a.sin_addr.s_addr = htonl(0x7f000002u + (u32)(k % (u64)o.nsrc));
		if (bind(c->fd, (struct sockaddr *)&a, sizeof a)) {
			note_err("bind: %s", strerror(errno));
			conn_drop(c, 1);
			return;
		}
	}
	a.sin_addr = o.host;
	a.sin_port = htons((uint16_t)o.port[k % (u64)o.nport]);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS) {
		note_err("connect: %s", strerror(errno));
		conn_drop(c, 1);
		return;
	}
	ep_add(c->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, TAG(K_WS, k));
}

int send_all(int fd, const char *p, size_t n)
{
	return send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

static void conn_request(struct conn *c, u64 k)
{
	static struct buf b;
	struct ctx x = { .i = o.first + k };
	char t[128];
	b.len = 0;
	buf_str(&b, "GET ");
	tpl_render(&o.path, &x, &b);
	snprintf(t, sizeof t, " HTTP/1.1\r\nHost: %s:%d\r\n", inet_ntoa(o.host), o.port[k % (u64)o.nport]);
	buf_str(&b, t);
	buf_str(&b, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " WS_KEY
		    "\r\nSec-WebSocket-Version: 13\r\n");
	buf_str(&b, "\r\n");
	c->state = C_HANDSHAKE;
	if (send_all(c->fd, b.p, b.len)) {
		note_err("handshake send: %s", strerror(errno));
		conn_drop(c, 1);
	}
}

/* client frame: always masked */
static void ws_frame(struct buf *b, int op, const char *p, size_t n)
{
	static u32 seed = 0x9e3779b9u;
	u8 h[14];
	size_t l = 2;
	h[0] = (u8)(0x80 | op);
	if (n < 126)
		h[1] = (u8)(0x80 | n);
	else if (n < 65536) {
		h[1] = 0x80 | 126;
		h[2] = (u8)(n >> 8);
		h[3] = (u8)n;
		l = 4;
	} else {
		h[1] = 0x80 | 127;
		for (int k = 0; k < 8; k++)
			h[2 + k] = (u8)((u64)n >> (56 - 8 * k));
		l = 10;
	}
	seed = seed * 1664525u + 1013904223u;
	u8 *m = h + l;
	memcpy(m, &seed, 4);
	buf_add(b, h, l + 4);
	buf_need(b, n);
	for (size_t k = 0; k < n; k++)
		b->p[b->len + k] = (char)(p[k] ^ (char)m[k & 3]);
	b->len += n;
}

static void conn_send_frame(struct conn *c, int op, const char *p, size_t n)
{
	static struct buf b;
	b.len = 0;
	ws_frame(&b, op, p, n);
	if (send_all(c->fd, b.p, b.len))
		note_err("frame send: %s", strerror(errno));
}

/* one delivery; `due` is the stamp found in the payload */
static inline void hit(u64 due, u64 now)
{
	st.msgs++;
	ph.recv++;
	ph.last_recv = now;
	if (now >= ph.m0 && now < ph.m1) {
		u64 s = (now - ph.m0) / 1000000000ull;
		ph.w_recv++;
		if (s < 64)
			ph.per_s[s]++;
	}
	if (due >= ph.m0 && due < ph.m1)
		record(&ph.lat, now > due ? now - due : 0);
}

static inline u64 digits19(const char *p)
{
	u64 v = 0;
	for (int k = 0; k < 19; k++)
		v = v * 10 + (u64)(p[k] - '0');
	return v;
}

/* look for markers in a piece of data payload; a piece may end inside one */
static void scan(struct conn *c, const char *p, size_t n, u64 now)
{
	const char *e = p + n;
	if (c->mklen) {
		if (c->mklen == 1 && n && *p != '=') {
			c->mklen = 0;
		} else {
			size_t take = (size_t)(MARK - c->mklen);
			if (take > n)
				take = n;
			memcpy(c->mk + c->mklen, p, take);
			c->mklen = (u8)(c->mklen + take);
			p += take;
			if (c->mklen < MARK)
				return;
			c->mklen = 0;
			if (c->mk[MARK - 1] == ';')
				hit(digits19(c->mk + 2), now);
		}
	}
	while (p < e && (p = memchr(p, 'T', (size_t)(e - p)))) {
		size_t r = (size_t)(e - p);
		if (r >= 2 && p[1] != '=') {
			p++;
			continue;
		}
		if (r < MARK) {
			memcpy(c->mk, p, r);
			c->mklen = (u8)r;
			return;
		}
		if (p[MARK - 1] == ';')
			hit(digits19(p + 2), now);
		p += MARK;
	}
}

static void frame_end(struct conn *c)
{
	if (c->op < 8) {
		st.frames++;
		return;
	}
	if (c->op == 9) {
		st.pings++;
		conn_send_frame(c, 10, c->tmp.p ? c->tmp.p : "", c->tmp.len);
	} else if (c->op == 8) {
		int code = c->tmp.len >= 2 ? ((u8)c->tmp.p[0] << 8 | (u8)c->tmp.p[1]) : 0;
		note_err("close frame %d", code);
		conn_send_frame(c, 8, c->tmp.p ? c->tmp.p : "", c->tmp.len);
		conn_drop(c, 0);
	}
	c->tmp.len = 0;
}

/* feed received bytes through the frame parser */
void conn_feed(struct conn *c, const char *p, size_t n, u64 now)
{
	const char *e = p + n;
	while (p < e) {
		if (!c->left) {	/* at a frame header */
			while (c->hlen < 2 && p < e)
				c->hdr[c->hlen++] = (u8)*p++;
			if (c->hlen < 2)
				return;
			int l7 = c->hdr[1] & 127;
			u8 need = l7 == 126 ? 4 : l7 == 127 ? 10 : 2;
			while (c->hlen < need && p < e)
				c->hdr[c->hlen++] = (u8)*p++;
			if (c->hlen < need)
				return;
			if (c->hdr[1] & 128 || c->hdr[0] & 0x70) {
				st.proto_err++;
				note_err("bad frame header %02x %02x", c->hdr[0], c->hdr[1]);
				conn_drop(c, 0);
				return;
			}
			c->op = c->hdr[0] & 15;
			c->left = (u64)l7;
			if (l7 == 126)
				c->left = (u64)c->hdr[2] << 8 | c->hdr[3];
			else if (l7 == 127) {
				c->left = 0;
				for (int k = 2; k < 10; k++)
					c->left = c->left << 8 | c->hdr[k];
			}
			c->hlen = 0;
			if (!c->left) {
				frame_end(c);
				if (c->state != C_OPEN)
					return;
				continue;
			}
		}
		size_t k = (size_t)(e - p);
		if (k > c->left)
			k = (size_t)c->left;
		if (c->op < 8) {
			st.bytes += k;
			scan(c, p, k, now);
		} else {
			buf_add(&c->tmp, p, k);
		}
		p += k;
		c->left -= k;
		if (!c->left) {
			frame_end(c);
			if (c->state != C_OPEN)
				return;
		}
	}
}

static void conn_read(struct conn *c, u32 ev)
{
	for (;;) {
		ssize_t r = read(c->fd, rbuf, RBUF);
		if (r < 0) {
			if (errno == EAGAIN)
				return;
			if (errno == EINTR)
				continue;
			note_err("read: %s", strerror(errno));
			conn_drop(c, 1);
			return;
		}
		if (!r) {
			note_err(c->state == C_OPEN ? "closed by the server" : "closed during the handshake");
			conn_drop(c, 1);
			return;
		}
		u64 now = now_ns();
		if (c->state == C_HANDSHAKE) {
			buf_add(&c->tmp, rbuf, (size_t)r);
			char *h = memmem(c->tmp.p, c->tmp.len, "\r\n\r\n", 4);
			if (!h) {
				if (c->tmp.len > 16384) {
					note_err("handshake answer too long");
					conn_drop(c, 1);
					return;
				}
			} else {
				struct buf t = c->tmp;
				size_t hl = (size_t)(h - t.p) + 4;
				if (t.len < 12 || memcmp(t.p + 9, "101", 3) || !memmem(t.p, hl, WS_ACCEPT, strlen(WS_ACCEPT))) {
					note_err("handshake refused: %.60s", t.p);
					conn_drop(c, 1);
					return;
				}
				memset(&c->tmp, 0, sizeof c->tmp);
				c->state = C_OPEN;
				conn_ready(c);
				if (t.len > hl)
					conn_feed(c, t.p + hl, t.len - hl, now);
				free(t.p);
				if (c->state != C_OPEN)
					return;
			}
		} else {
			conn_feed(c, rbuf, (size_t)r, now);
			if (c->state != C_OPEN)
				return;
		}
		/* edge triggered: a short read means empty, unless the peer hung up */
		if (r < RBUF && !(ev & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
			return;
	}
}

void conn_event(u64 k, u32 ev)
{
	struct conn *c = &cs[k];
	if (c->state == C_CLOSED || c->state == C_IDLE)
		return;
	if (c->state == C_CONNECTING) {
		int err = 0;
		socklen_t l = sizeof err;
		if (ev & (EPOLLERR | EPOLLHUP)) {
			getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &l);
			note_err("connect: %s", strerror(err));
			conn_drop(c, 1);
			return;
		}
		if (!(ev & EPOLLOUT))
			return;
		conn_request(c, k);
		if (c->state == C_CLOSED)
			return;
	}
	if (ev & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		conn_read(c, ev);
}
