/*
 * floor - the cheapest WebSocket push server this kernel allows (a yardstick,
 * not a product): handshake, then send() the same prebuilt frame to sockets.
 * No authentication, no queues, no flow control: a client whose socket buffer
 * is full is waited for (a second at most, then it is disconnected; with
 * --uring it is disconnected at once).
 *
 *   clients    ws://host:PORT/<anything>      joins the broadcast list
 *              ws://host:PORT/u/<id>          ... and is client <id>
 *   publish    one line per message, over TCP (--pub-port) or as the payload of
 *              messages on a Redis channel (--redis, --redis-chan):
 *                  B <text>        to every client
 *                  P <id> <text>   to client <id>
 *   send       default     one send() per client and message
 *              --coalesce  all broadcasts that arrived together go out in one
 *                          send() per client
 *              --uring     as default, but all sends of what arrived together
 *                          through io_uring, up to 4,096 in one system call
 *
 * epoll, no dependencies; one thread, or --loops N, which share the port and nothing else.
 * build: cc -O2 -Wall -Wextra -pthread -o floor floor.c subscription.c
 */
#define _GNU_SOURCE
#include "subscription.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

#define MAXFD (1 << 20)
#define MAXID (1 << 20)
#define MAXMSG (128 * 1024)	/* bytes of one message */
#define IN (1 << 20)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- SHA-1 and base64, for Sec-WebSocket-Accept --------------------- */

static u32 rol(u32 v, int n) { return v << n | v >> (32 - n); }

static void sha1(const u8 *msg, size_t n, u8 out[20])
{
	u32 h[5] = { 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0 }, w[80];
	u8 b[192] = { 0 };
	size_t tot = (n + 9 + 63) / 64 * 64;	/* n is at most 100 here */
	memcpy(b, msg, n);
	b[n] = 0x80;
	for (int k = 0; k < 8; k++)
		b[tot - 1 - (size_t)k] = (u8)((u64)n * 8 >> (8 * k));
	for (size_t o = 0; o < tot; o += 64) {
		for (int k = 0; k < 16; k++)
			w[k] = (u32)b[o + 4 * k] << 24 | (u32)b[o + 4 * k + 1] << 16 |
			       (u32)b[o + 4 * k + 2] << 8 | b[o + 4 * k + 3];
		for (int k = 16; k < 80; k++)
			w[k] = rol(w[k - 3] ^ w[k - 8] ^ w[k - 14] ^ w[k - 16], 1);
		u32 a = h[0], c = h[1], d = h[2], e = h[3], f = h[4];
		for (int k = 0; k < 80; k++) {
			u32 g, q;
			if (k < 20) { g = (c & d) | (~c & e); q = 0x5A827999; }
			else if (k < 40) { g = c ^ d ^ e; q = 0x6ED9EBA1; }
			else if (k < 60) { g = (c & d) | (c & e) | (d & e); q = 0x8F1BBCDC; }
			else { g = c ^ d ^ e; q = 0xCA62C1D6; }
			u32 t = rol(a, 5) + g + f + q + w[k];
			f = e; e = d; d = rol(c, 30); c = a; a = t;
		}
		h[0] += a; h[1] += c; h[2] += d; h[3] += e; h[4] += f;
	}
	for (int k = 0; k < 20; k++)
		out[k] = (u8)(h[k / 4] >> (24 - 8 * (k % 4)));
}

static void accept_key(const char *key, size_t n, char out[29])
{
	static const char *abc = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char in[128];
	u8 d[21] = { 0 };
	int p = 0;
	memcpy(in, key, n);
	memcpy(in + n, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
	sha1((u8 *)in, n + 36, d);
	for (int k = 0; k < 21; k += 3) {
		u32 v = (u32)d[k] << 16 | (u32)d[k + 1] << 8 | (k + 2 < 20 ? d[k + 2] : 0);
		out[p++] = abc[v >> 18];
		out[p++] = abc[v >> 12 & 63];
		out[p++] = abc[v >> 6 & 63];
		out[p++] = abc[v & 63];
	}
	out[27] = '=';
	out[28] = 0;
}

/* ---- clients -------------------------------------------------------- */

struct client { int pos, id; };		/* place in `list`, own id or -1 */
static const char *cc;			/* TCP congestion control, 0: system default */
static int coalesce, use_uring;
static int port = 9100, pub_port = 9101, loops = 1;
static const char *where, *rchan = "floor";	/* of Redis */

/* each loop has its own */
static __thread struct client *cl;	/* by fd */
static __thread int *list, n_list;	/* open clients */
static __thread int *byid;		/* id -> fd, -1 if none */
static __thread int ep, srv = -1, pubsrv = -1, redis = -1;
static __thread u64 drops;

static void ep_add(int fd, u32 ev)
{
	struct epoll_event e = { .events = ev, .data.fd = fd };
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
		die("epoll_ctl");
}

static void client_close(int fd)
{
	struct client *c = &cl[fd];
	if (c->pos >= 0) {
		int last = list[--n_list];
		list[c->pos] = last;
		cl[last].pos = c->pos;
		if (c->id >= 0 && byid[c->id] == fd)
			byid[c->id] = -1;
	}
	c->pos = -1;
	c->id = -1;
	close(fd);
}

static __thread char inb[IN];

static void client_read(int fd)
{
	struct client *c = &cl[fd];
	ssize_t r = recv(fd, inb, sizeof inb - 1, 0);
	if (r < 0 && errno == EAGAIN)
		return;
	if (r <= 0) {
		client_close(fd);
		return;
	}
	if (c->pos >= 0) {			/* open: only close and ping matter */
		int op = inb[0] & 15;
		if (op == 8) {
			client_close(fd);
		} else if (op == 9 && r >= 6) {	/* one short ping per read */
			size_t n = (size_t)(inb[1] & 127);
			if (n < 126 && (size_t)r >= 6 + n) {
				char o[2 + 125] = { (char)0x8a, (char)n };
				for (size_t k = 0; k < n; k++)
					o[2 + k] = (char)(inb[6 + k] ^ inb[2 + (k & 3)]);
				send(fd, o, 2 + n, MSG_DONTWAIT | MSG_NOSIGNAL);
			}
		}
		return;
	}
	inb[r] = 0;				/* a request arrives in one piece on loopback */
	char *k = strcasestr(inb, "\r\nSec-WebSocket-Key:"), acc[29], o[256];
	if (!k || !strstr(inb, "\r\n\r\n")) {
		client_close(fd);
		return;
	}
	k += 20;
	k += strspn(k, " ");
	size_t n = strcspn(k, "\r ");
	if (n > 60) {
		client_close(fd);
		return;
	}
	accept_key(k, n, acc);
	int l = snprintf(o, sizeof o,
			 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			 "Sec-WebSocket-Accept: %s\r\n\r\n", acc);
	if (!strncmp(inb, "GET /u/", 7)) {
		long id = strtol(inb + 7, 0, 10);
		if (id >= 0 && id < MAXID) {
			c->id = (int)id;
			byid[id] = fd;
		}
	}
	c->pos = n_list;
	list[n_list++] = fd;
	if (send(fd, o, (size_t)l, MSG_DONTWAIT | MSG_NOSIGNAL) != l)
		client_close(fd);
}

/* ---- sending -------------------------------------------------------- */

static inline int push(int fd, const char *p, size_t n)
{
	for (;;) {
		ssize_t r = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r == (ssize_t)n)
			return 1;
		if (r < 0 && errno != EAGAIN)
			return 0;
		if (r > 0) {
			p += r;
			n -= (size_t)r;
		}
		struct pollfd w = { .fd = fd, .events = POLLOUT };
		if (poll(&w, 1, 1000) <= 0)
			return 0;
	}
}

/* io_uring: raw system calls, one send per entry */
#ifndef IORING_SETUP_NO_SQARRAY		/* Linux 6.6 */
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif
#define QD 4096
static __thread struct {
	int fd;
	u32 *sq_tail, *sq_mask, *cq_head, *cq_tail, *cq_mask, queued;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
} ring;

static void ring_init(void)
{
	struct io_uring_params p = { 0 };
	p.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY;
	ring.fd = (int)syscall(SYS_io_uring_setup, QD, &p);
	if (ring.fd < 0)
		die("io_uring_setup");
	size_t n = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	char *m = mmap(0, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQ_RING);
	if (m == MAP_FAILED || !(p.features & IORING_FEAT_SINGLE_MMAP))
		die("io_uring mmap");
	ring.sq_tail = (u32 *)(m + p.sq_off.tail);
	ring.sq_mask = (u32 *)(m + p.sq_off.ring_mask);
	ring.cq_head = (u32 *)(m + p.cq_off.head);
	ring.cq_tail = (u32 *)(m + p.cq_off.tail);
	ring.cq_mask = (u32 *)(m + p.cq_off.ring_mask);
	ring.cqe = (struct io_uring_cqe *)(m + p.cq_off.cqes);
	ring.sqe = mmap(0, QD * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			ring.fd, IORING_OFF_SQES);
	if (ring.sqe == MAP_FAILED)
		die("io_uring mmap");
}

static __thread char ones[2 << 20];	/* frames for one client each, until they are sent */
static __thread size_t ones_n;

static void ring_run(void)		/* submit all, wait for all */
{
	u32 n = ring.queued;
	if (!n)
		return;
	if (syscall(SYS_io_uring_enter, ring.fd, n, n, IORING_ENTER_GETEVENTS, 0, 0) < 0)
		die("io_uring_enter");
	u32 h = *ring.cq_head, t = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
	for (; h != t; h++) {
		struct io_uring_cqe *c = &ring.cqe[h & *ring.cq_mask];
		if (c->res != (int)(c->user_data >> 32)) {
			drops++;
			client_close((int)(u32)c->user_data);
		}
	}
	__atomic_store_n(ring.cq_head, h, __ATOMIC_RELEASE);
	ring.queued = 0;
	ones_n = 0;
}

static void ring_send(int fd, const char *p, size_t n)
{
	u32 t = *ring.sq_tail;
	struct io_uring_sqe *s = &ring.sqe[t & *ring.sq_mask];
	memset(s, 0, sizeof *s);
	s->opcode = IORING_OP_SEND;
	s->fd = fd;
	s->addr = (u64)(uintptr_t)p;
	s->len = (u32)n;
	s->msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	s->user_data = (u64)n << 32 | (u32)fd;
	__atomic_store_n(ring.sq_tail, t + 1, __ATOMIC_RELEASE);
	if (++ring.queued == QD)
		ring_run();
}

static void to_all(const char *p, size_t n)
{
	if (use_uring) {
		for (int k = n_list - 1; k >= 0; k--)
			ring_send(list[k], p, n);
		ring_run();
		return;
	}
	for (int k = n_list - 1; k >= 0; k--)	/* backwards: closing swaps in the last */
		if (!push(list[k], p, n)) {
			drops++;
			client_close(list[k]);
		}
}

/* server frame around a text payload */
static size_t frame(char *out, const char *p, size_t n)
{
	size_t h = 2;
	out[0] = (char)0x81;
	if (n < 126) {
		out[1] = (char)n;
	} else if (n < 65536) {
		out[1] = 126;
		out[2] = (char)(n >> 8);
		out[3] = (char)n;
		h = 4;
	} else {
		out[1] = 127;
		for (int k = 0; k < 8; k++)
			out[2 + k] = (char)((u64)n >> (56 - 8 * k));
		h = 10;
	}
	memcpy(out + h, p, n);
	return h + n;
}

static __thread char fb[2 << 20];		/* broadcast frames waiting for bcast_flush */
static __thread size_t fb_n;

static void bcast_flush(void)
{
	if (fb_n)
		to_all(fb, fb_n);
	fb_n = 0;
}

/* one message: "B text" or "P id text" */
static void message(const char *p, size_t n)
{
	static __thread char one[MAXMSG + 16];
	if (n < 2 || n > MAXMSG)
		return;
	if (*p == 'B') {
		fb_n += frame(fb + fb_n, p + 2, n - 2);
		if (!coalesce || fb_n > sizeof fb - MAXMSG - 16)
			bcast_flush();
	} else if (*p == 'P') {
		char *e;
		long id = strtol(p + 2, &e, 10);
		if (id < 0 || id >= MAXID || e >= p + n)
			return;
		size_t l = frame(one, e + 1, (size_t)(p + n - e - 1));
		bcast_flush();
		if (ones_n + l > sizeof ones)
			ring_run();
		if (byid[id] < 0)	/* only now: sending may have closed it */
			return;
		if (use_uring) {
			char *at = memcpy(ones + ones_n, one, l);
			ones_n += l;
			ring_send(byid[id], at, l);
		} else if (!push(byid[id], one, l)) {
			drops++;
			client_close(byid[id]);
		}
	}
}

/* ---- publishers ----------------------------------------------------- */

struct in { char *p; size_t n; };
static __thread struct in *ins;			/* by fd, for publisher connections */

/* lines */
static size_t eat_lines(const char *p, size_t n)
{
	const char *s = p, *e = p + n, *q;
	while (s < e && (q = memchr(s, '\n', (size_t)(e - s)))) {
		message(s, (size_t)(q - s));
		s = q + 1;
	}
	return (size_t)(s - p);
}

static void pub_read(int fd)
{
	struct in *b = &ins[fd];
	ssize_t r = recv(fd, b->p + b->n, IN - b->n, 0);
	if (r < 0 && errno == EAGAIN)
		return;
	if (r <= 0) {
		free(b->p);
		memset(b, 0, sizeof *b);
		close(fd);
		if (fd == redis) {
			fprintf(stderr, "floor: redis connection lost\n");
			exit(1);
		}
		return;
	}
	b->n += (size_t)r;
	size_t used = fd == redis ? take_bodies(b->p, b->n, message) : eat_lines(b->p, b->n);
	bcast_flush();
	ring_run();
	memmove(b->p, b->p + used, b->n - used);
	b->n -= used;
	if (b->n == IN)
		b->n = 0;		/* absurdly long message */
}

/* ---- main ----------------------------------------------------------- */

static int listen_on(int port)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (loops > 1)			/* the kernel spreads the clients over the loops */
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	if (cc && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)))
		die("TCP_CONGESTION");	/* accepted sockets inherit it */
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 65535))
		die("listen");
	ep_add(fd, EPOLLIN);
	return fd;
}

static void accept_all(int l)
{
	int one = 1, fd;
	while ((fd = accept4(l, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (l == pubsrv) {
			ins[fd].p = malloc(IN);
			ins[fd].n = 0;
		} else {
			cl[fd].pos = cl[fd].id = -1;
		}
		ep_add(fd, EPOLLIN | EPOLLRDHUP);
	}
}

static void *serve(void *unused)
{
	(void)unused;
	ep = epoll_create1(EPOLL_CLOEXEC);
	/* untouched pages of these tables cost nothing */
	cl = calloc(MAXFD, sizeof *cl);
	list = calloc(MAXFD, sizeof *list);
	ins = calloc(MAXFD, sizeof *ins);
	byid = malloc(MAXID * sizeof *byid);
	memset(byid, 0xff, MAXID * sizeof *byid);
	if (use_uring)
		ring_init();
	srv = listen_on(port);
	if (pub_port)
		pubsrv = listen_on(pub_port);
	if (where) {
		redis = subscribe(where, rchan);
		ins[redis].p = malloc(IN);
		ep_add(redis, EPOLLIN);
	}
	for (;;) {
		struct epoll_event ev[256];
		int n = epoll_wait(ep, ev, 256, -1);
		for (int k = 0; k < n; k++) {
			int fd = ev[k].data.fd;
			if (fd == srv || fd == pubsrv)
				accept_all(fd);
			else if (ins[fd].p)
				pub_read(fd);
			else
				client_read(fd);
		}
	}
	return 0;
}

static const char *help =
"floor - minimal WebSocket push server (yardstick)\n\n"
"usage: floor [--port P] [--pub-port Q] [--redis HOST:PORT --redis-chan C]\n"
"             [--coalesce | --uring] [--loops N] [--cc NAME]\n"
"  --port P         WebSocket clients, 127.0.0.1 (9100); path /u/<id> names a client\n"
"  --pub-port Q     publish lines 'B text' or 'P id text' over TCP (9101, 0: none)\n"
"  --redis H:P      subscribe to --redis-chan (floor); payloads are such lines\n"
"  --coalesce       one send() per client for all broadcasts that came together\n"
"  --uring          submit the sends of what came together through io_uring\n"
"  --loops N        threads, each with a part of the clients, all of which get what\n"
"                   comes over Redis (1)\n"
"  --cc NAME        TCP congestion control of the sockets (system default)\n";

int main(int argc, char **argv)
{
	for (int k = 1; k < argc; k++) {
		if (!strcmp(argv[k], "--coalesce")) { coalesce = 1; continue; }
		if (!strcmp(argv[k], "--uring")) { use_uring = 1; continue; }
		if (!strcmp(argv[k], "--help") || k + 1 >= argc) {
			fputs(help, strcmp(argv[k], "--help") ? stderr : stdout);
			return strcmp(argv[k], "--help") ? 2 : 0;
		}
		const char *a = argv[k], *v = argv[++k];
		if (!strcmp(a, "--port")) port = atoi(v);
		else if (!strcmp(a, "--pub-port")) pub_port = atoi(v);
		else if (!strcmp(a, "--cc")) cc = v;
		else if (!strcmp(a, "--redis-chan")) rchan = v;
		else if (!strcmp(a, "--redis")) where = v;
		else if (!strcmp(a, "--loops")) loops = atoi(v);
		else { fputs(help, stderr); return 2; }
	}
	signal(SIGPIPE, SIG_IGN);
	struct rlimit rl;
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	for (int k = 1; k < loops; k++) {
		pthread_t thread;
		errno = pthread_create(&thread, 0, serve, 0);
		if (errno)
			die("pthread_create");
	}
	serve(0);
}
