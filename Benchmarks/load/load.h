/*
 * wsload - single-threaded WebSocket load generator with a built-in publisher.
 *
 * Subscribers and publisher live in one process and share CLOCK_MONOTONIC, so
 * one-way latency (publish -> WebSocket client) is exact.  One epoll loop, no
 * dependencies.      build: cc -O2 -Wall -Wextra -o wsload *.c ../measure/measure.c
 *
 * How a message is recognised
 *   Every published payload starts with the marker  T=<19 digits>;  (22 bytes:
 *   the CLOCK_MONOTONIC time in ns at which the message was *due*), padded with
 *   'x' to --size bytes.  The receiver looks for that marker in the byte stream
 *   of the WebSocket data payloads; so it does not matter whether a server
 *   wraps the payload (JSON) or puts several messages into one frame.
 *
 * Rate control
 *   rate:R  open loop: message k is due at start + k/R whatever the server
 *           does; the stamp is the due time (no coordinated omission).
 *   max:W   closed loop: publish whenever fewer than W messages are undelivered.
 *   burst:N all at once, and nothing is read until the last one has arrived (burst.c).
 *
 * See --help for the options; one line of JSON per run goes to stdout.
 */
#ifndef LOAD_H
#define LOAD_H
#include "../measure/measure.h"

#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

#define MARK 22			/* strlen("T=0000000000000000000;") */
#define RBUF (128 * 1024)

/* `now` is a name for variables here */
static inline u64 now_ns(void) { return now(); }

/* text.c */

/* growable byte buffer */
struct buf {
	char *p;
	size_t len, cap;
};

void buf_need(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
/* decimal, zero padded to width (0 = none) */
void buf_dec(struct buf *b, u64 v, int width);

/* templates: literal text with {i} {i:N} {j} {r:N} {p} {plen} {c} {clen} {seq} {tok}
 * and the escapes \r \n \t \0 \\ \xHH; any other brace text is literal.     */

enum seg_kind { S_LIT, S_I, S_J, S_R, S_P, S_PLEN, S_C, S_CLEN, S_SEQ, S_TOK };
struct seg {
	enum seg_kind kind;
	char *lit;
	size_t n;
	int width;
};
struct tpl {
	struct seg *s;
	int n;
};

/* what a template can refer to while it is rendered */
struct ctx {
	u64 i, j, seq;
	const struct buf *payload, *chan;
};

extern char **tokens;
extern u64 n_tokens;
u64 random_number(void);
struct tpl tpl_parse(const char *src);
void tpl_render(const struct tpl *t, const struct ctx *c, struct buf *out);

/* usage.c */

void h_json(struct buf *o, const char *name, const struct histogram *h);

struct cpu { double grp[8], total, busy, steal, self, all; };	/* all: busy + steal, every core */

void cpu_read(struct cpu *c);

/* processor time of a process's threads, ns */
struct threads { int n, tid[64]; u64 ns[64]; };

void threads_read(int pid, struct threads *t);

/* options.c */

#define MAXL 32
enum { PUB_NONE, PUB_HTTP, PUB_REDIS };
enum { TGT_ONE, TGT_RR, TGT_RANDOM };
enum { PH_MAX, PH_RATE, PH_FRAC, PH_BURST };
struct phase { int kind; double val, warm, dur; };
/* a kind of message: how often it is sent, relative to others, and how many deliveries of it are expected */
struct mix { double weight, fan; struct tpl body; };
struct pidgrp { char name[24]; int pid[64]; int n; };

struct options {
	const char *label, *out, *ready_file, *go_file, *cc;
	struct in_addr host;
	int port[16], nport;
	u64 n, first;
	int nsrc, conc, spin;
	double ramp, settle, hold, connect_timeout, stall, meanwhile;
	struct tpl path;
	int pub, pub_conns, target;
	struct in_addr pub_host;
	int pub_port;
	struct tpl pub_path, pub_chan, pub_body, pub_hdr[MAXL];
	int npub_hdr;
	size_t size;
	double fan;
	struct mix mix[8];
	int nmix;
	struct phase phase[16];
	int nphase;
	struct pidgrp grp[8];
	int ngrp;
	int core;
};

extern struct options o;
void parse_opts(int argc, char **argv);

/* subscribers.c */

enum { C_IDLE, C_CONNECTING, C_HANDSHAKE, C_OPEN, C_CLOSED };
struct conn {
	int fd;
	u8 state, ready, op, fin;
	u8 hlen;		/* bytes of a split frame header kept in hdr */
	u8 mklen;		/* bytes of a split marker kept in mk */
	u8 hdr[14];
	char mk[MARK];
	u64 left;		/* payload bytes still to come */
	struct buf tmp;		/* partial handshake response, or control payload */
	u64 begun;		/* when it began to connect */
};

struct state {
	u64 started, inflight, ok, failed, closed, proto_err, http_status_other;
	u64 frames, bytes, msgs, pings;
	char first_err[160];
	struct histogram connect;	/* from the connect to the answer */
};

/* the running phase */
struct running {
	u64 sent, recv;			/* messages, deliveries since the phase began */
	double expected;		/* deliveries of what was sent */
	u64 m0, m1;			/* measured window */
	u64 w_sent, w_recv;		/* ... and what fell into it */
	u64 last_recv;
	struct histogram lat, late;
	u64 acks, errs;
	u64 per_s[64];
};

extern struct conn *cs;
extern u64 *live, n_live;	/* indices of the connections that are open */
extern int ep;
extern volatile sig_atomic_t stop_flag;
extern char rbuf[RBUF];
extern struct state st;
extern struct running ph;

enum { K_WS = 0, K_PUB = 1 };
#define TAG(k, i) (((u64)(k) << 56) | (u64)(i))

/* keeps the first error for the report */
__attribute__((format(printf, 1, 2))) void note_err(const char *fmt, ...);
void ep_add(int fd, u32 ev, u64 tag);
int send_all(int fd, const char *p, size_t n);
void conn_start(u64 k);
void conn_event(u64 k, u32 ev);
/* what was read from an open connection */
void conn_feed(struct conn *c, const char *p, size_t n, u64 now);

/* publisher.c */

void pub_setup(void);
/* publishes one message stamped `due`; 0 if the publisher cannot take it now */
int publish(u64 due, u64 now);
void pub_flush_all(void);
void pub_event(int k, u32 ev);
/* waits for the publishers' connections alone */
void pub_wait(int milliseconds);

/* burst.c */

void run_bursts(const struct phase *p, struct buf *js);

/* wsload.c */

void poll_once(u64 timeout_ns);

#endif
